/** What an expression may contain, and what its parts cost, told by its text alone. A node is `{op, args}`. */

/** The costs of an evaluation, in nodes: one is a look at a field, a comparison, a sum. */
export interface ExpressionCost {
  /** Once, with loops over written-out lists; those over the value's own lists count as one turn. */
  readonly whole: number;
  /** One turn of the dearest loop. */
  readonly turn: number;
}

/** Loops, and what gives a value a name for another expression (with which a text doubles at each level). */
const LOOPS: ReadonlySet<unknown> = new Set(['all', 'exists', 'exists_one', 'map', 'filter', 'optMap', 'optFlatMap']);

/** Work on a text as a whole, and on a calendar with its time zones, in nodes. */
const DEAR: readonly (readonly [RegExp, number])[] = [
  [/^(?:contains|indexOf|lastIndexOf|lowerAscii|upperAscii|trim|substring|string)$/, 200],
  [/^(?:timestamp|duration|get[A-Z]\w*)$/, 2_000],
];

/** Whatever is not here is not served: each of these is known to do work in proportion to what it reads. */
const SERVED: ReadonlySet<string> = new Set(
  `all exists exists_one map filter has in size startsWith endsWith contains indexOf lastIndexOf substring lowerAscii
   upperAscii trim string int uint double bool type dyn timestamp duration of none ofNonZeroValue hasValue value or orValue
   optMap optFlatMap getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes
   getMonth getSeconds`.split(/\s+/),
);
const INSTEAD: { readonly [name: string]: string } = {
  // regular expressions of strangers take as long as they like
  matches: 'use startsWith, endsWith, contains or "in"',
  // doubles a text with each level
  bind: 'write the value out',
};
/** Texts and lists grow by them, and one in the other by their product. */
const SUMS_MAX = 30;

interface Node {
  readonly op: string;
  readonly args: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

/** Why an expression is not served at all; undefined: it is. */
export function unservedIn(ast: unknown, loopDepthMax: number): string | undefined {
  const unserved = [...callsIn(ast)].find((name) => !SERVED.has(name));
  if (unserved !== undefined) {
    return `${unserved} is not served: ${INSTEAD[unserved] ?? 'what costs more than what it reads is left out'}`;
  }
  if (loopDepth(ast) > loopDepthMax) {
    const most = loopDepthMax === 1 ? 'a loop within a loop' : `loops deeper than ${loopDepthMax}`;
    return `${most} (all, exists, map, filter) is not served: use "in"`;
  }
  return sumsIn(ast) > SUMS_MAX ? `more than ${SUMS_MAX} sums are not served` : undefined;
}

export function costOf(ast: unknown): ExpressionCost {
  let turn = 0;
  const cost = (node: unknown): number => {
    if (Array.isArray(node)) return node.reduce((sum: number, inner) => sum + cost(inner), 0);
    if (!isNode(node)) return 0;
    if (!isLoop(node)) return 1 + cost(node.args) + dear(calledBy(node));
    const [, over, body] = node.args as readonly [string, unknown, unknown];
    const once = 1 + cost(body);
    turn = Math.max(turn, once);
    return 1 + cost(over) + once * writtenOut(over);
  };
  const whole = cost(ast);
  return { whole, turn };
}

function dear(name: string | undefined): number {
  return DEAR.find(([names]) => name !== undefined && names.test(name))?.[1] ?? 0;
}

/** How many elements may come of lists that stand in the text; those of the value are counted as they are read. */
function writtenOut(node: unknown): number {
  if (Array.isArray(node)) return node.reduce((sum: number, inner) => sum + writtenOut(inner), 0);
  if (!isNode(node)) return 0;
  const own = (node.op === 'list' || node.op === 'map') && Array.isArray(node.args) ? node.args.length : 0;
  return own + writtenOut(node.args);
}

/** How deep loops stand in each other, or follow on each other: each one multiplies the time. */
function loopDepth(node: unknown): number {
  if (Array.isArray(node)) return Math.max(0, ...node.map(loopDepth));
  return isNode(node) ? loopDepth(node.args) + (isLoop(node) ? 1 : 0) : 0;
}

function sumsIn(node: unknown): number {
  if (Array.isArray(node)) return node.reduce((sum: number, inner) => sum + sumsIn(inner), 0);
  return isNode(node) ? sumsIn(node.args) + (node.op === '+' ? 1 : 0) : 0;
}

function isLoop(node: Node): boolean {
  return node.op === 'rcall' && LOOPS.has(calledBy(node));
}

/** The name of the function that a node calls, `x.f(…)` or `f(…)`. */
function calledBy({ op, args }: Node): string | undefined {
  return (op === 'rcall' || op === 'call') && Array.isArray(args) ? String(args[0]) : undefined;
}

function* callsIn(node: unknown): Generator<string> {
  if (Array.isArray(node)) for (const inner of node) yield* callsIn(inner);
  if (!isNode(node)) return;
  const name = calledBy(node);
  if (name !== undefined) yield name;
  yield* callsIn(node.args);
}
