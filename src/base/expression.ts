/**
 * CEL (the Common Expression Language, as Kubernetes uses it) over one JSON value, with a bound on everything: the size of
 * the text, the loops in it, and the work that one evaluation may do. The only importer of the CEL library.
 */
import { Environment } from '@marcbachmann/cel-js';
import { limits } from './limits.ts';
import { errorText } from './outcome.ts';

export type ExpressionType = 'bool' | 'string';

export interface ExpressionSyntax {
  /** The name under which the value is known: `object`, `cluster`. */
  readonly variable: string;
  readonly answers: ExpressionType;
  /** How deep loops (all, exists, map, filter) may stand in each other. */
  readonly loopDepthMax: number;
}

export type ExpressionAnswer =
  | { readonly kind: 'value'; readonly value: boolean | string }
  /** A field that is not there, types that do not go together, too much work. */
  | { readonly kind: 'failed'; readonly message: string };

export type CompiledExpression =
  | { readonly kind: 'compiled'; readonly evaluate: (value: unknown) => ExpressionAnswer }
  | { readonly kind: 'invalid'; readonly message: string };

/** An expression says something about one value: small, or it is meant to keep a process busy. */
const LIMITS = { maxAstNodes: 500, maxDepth: 20, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 32 };
const LOOPS: ReadonlySet<unknown> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const UNSERVED = [
  // regular expressions of strangers take as long as they like
  { name: 'matches', instead: 'use startsWith, endsWith, contains or "in"' },
  // doubles a text with each level
  { name: 'bind', instead: 'write the value out' },
];

const environments = new Map<string, Environment>();

export function compileExpression(text: string, syntax: ExpressionSyntax): CompiledExpression {
  try {
    const program = environmentOf(syntax.variable).parse(text);
    const unserved = UNSERVED.find(({ name }) => calls(program.ast, name));
    if (unserved !== undefined) return invalid(`${unserved.name} is not served: ${unserved.instead}`);
    if (loopDepth(program.ast) > syntax.loopDepthMax) {
      const most = syntax.loopDepthMax === 1 ? 'a loop within a loop' : `loops deeper than ${syntax.loopDepthMax}`;
      return invalid(`${most} (all, exists, map, filter) is not served: use "in"`);
    }
    const { valid, error, type = 'dyn' } = program.check();
    if (!valid) return invalid(error === undefined ? 'not a valid expression' : located(error, text));
    if (type !== syntax.answers && type !== 'dyn') {
      const wanted = syntax.answers === 'bool' ? 'true or false' : 'a text';
      return invalid(`must answer ${wanted}, but is of type ${type}`);
    }
    return { kind: 'compiled', evaluate: (value) => evaluated(program, value, syntax) };
  } catch (error) {
    return invalid(located(error, text));
  }
}

function environmentOf(variable: string): Environment {
  const known = environments.get(variable);
  if (known !== undefined) return known;
  const options = { unlistedVariablesAreDyn: false, enableOptionalTypes: true, limits: LIMITS };
  const made = new Environment(options).registerVariable(variable, 'map');
  environments.set(variable, made);
  return made;
}

function invalid(message: string): CompiledExpression {
  return { kind: 'invalid', message };
}

function evaluated(
  program: (context: { readonly [name: string]: unknown }) => unknown,
  value: unknown,
  { variable, answers }: ExpressionSyntax,
): ExpressionAnswer {
  try {
    const answer = program({ [variable]: metered(value, { left: limits.expressionReadsMax }) });
    if (answers === 'bool' ? typeof answer === 'boolean' : typeof answer === 'string') {
      return { kind: 'value', value: answer as boolean | string };
    }
    const wanted = answers === 'bool' ? 'true or false' : 'a text';
    return { kind: 'failed', message: `answered ${answer === null ? 'null' : typeof answer}, not ${wanted}` };
  } catch (error) {
    return { kind: 'failed', message: summaryOf(error) };
  }
}

const TEXT_PER_READ = 64;

/**
 * The value as the expression reads it: each read is counted (long texts more than once), so that no expression works for
 * ever however large the value; whole numbers are CEL's `int`, as they are in Kubernetes.
 */
function metered(value: unknown, meter: { left: number }): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') spend(meter, value.length / TEXT_PER_READ);
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      spend(meter, 1);
      const inner: unknown = Reflect.get(target, key);
      // methods, the constructor and a list's length are not part of the data
      return typeof inner === 'function' || (key === 'length' && Array.isArray(target)) ? inner : metered(inner, meter);
    },
    ownKeys(target) {
      const keys = Reflect.ownKeys(target);
      spend(meter, keys.length);
      return keys;
    },
  });
}

function spend(meter: { left: number }, reads: number): void {
  meter.left -= reads;
  if (meter.left < 0) throw new RangeError(`it reads too much (more than ${limits.expressionReadsMax} values)`);
}

/** The library's own message draws the place in several lines. */
function summaryOf(error: unknown): string {
  return error instanceof Error && 'summary' in error && typeof error.summary === 'string'
    ? error.summary
    : errorText(error);
}

function located(error: unknown, text: string): string {
  const range =
    error instanceof Error && 'range' in error ? (error.range as { start?: number } | undefined) : undefined;
  if (range?.start === undefined) return summaryOf(error);
  if (range.start >= text.trimEnd().length) return `${summaryOf(error)}, at its end`;
  return `${summaryOf(error)}, at "${clip(text.slice(range.start).trim())}"`;
}

function clip(text: string): string {
  const line = text.split('\n')[0] as string;
  return line.length > 30 ? `${line.slice(0, 29)}…` : line;
}

/** How deep loops stand in each other: each one multiplies the time. A node is `{op, args}`; a loop `rcall [name, list, arguments]`. */
function loopDepth(node: unknown): number {
  if (Array.isArray(node)) return Math.max(0, ...node.map(loopDepth));
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return 0;
  const isLoop = node.op === 'rcall' && Array.isArray(node.args) && LOOPS.has(node.args[0]);
  return loopDepth(node.args) + (isLoop ? 1 : 0);
}

function calls(node: unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((inner) => calls(inner, name));
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return false;
  const called = (node.op === 'rcall' || node.op === 'call') && Array.isArray(node.args) && node.args[0] === name;
  return called || calls(node.args, name);
}
