/**
 * CEL (the Common Expression Language, as Kubernetes uses it) over one JSON value, with a bound on everything: the size of
 * the text, the loops in it, and the work that one evaluation may do. The only importer of the CEL library.
 */
import { Environment } from '@marcbachmann/cel-js';
import { costOf, type ExpressionCost, unservedIn } from './expression-cost.ts';
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

const environments = new Map<string, Environment>();

export function compileExpression(text: string, syntax: ExpressionSyntax): CompiledExpression {
  try {
    const program = environmentOf(syntax.variable).parse(text);
    const unserved = unservedIn(program.ast, syntax.loopDepthMax);
    if (unserved !== undefined) return invalid(unserved);
    const { valid, error, type = 'dyn' } = program.check();
    if (!valid) return invalid(error === undefined ? 'not a valid expression' : located(error, text));
    if (type !== syntax.answers && type !== 'dyn') {
      const wanted = syntax.answers === 'bool' ? 'true or false' : 'a text';
      return invalid(`must answer ${wanted}, but is of type ${type}`);
    }
    const cost = costOf(program.ast);
    return { kind: 'compiled', evaluate: (value) => evaluated(program, value, cost, syntax) };
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
  cost: ExpressionCost,
  { variable, answers }: ExpressionSyntax,
): ExpressionAnswer {
  try {
    const meter = { left: limits.expressionReadsMax, turn: cost.turn / NODES_PER_READ };
    spend(meter, cost.whole / NODES_PER_READ);
    const answer = program({ [variable]: metered(value, meter) });
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
/** A read passes a proxy and takes as long as so many nodes of the expression. */
const NODES_PER_READ = 20;
/** Longer ones are documents. What is made of a text grows with it. */
const TEXT_CHARACTERS_MAX = 64 * 1024;

interface Meter {
  left: number;
  /** What one element of a list may cost beside being read, as a loop may run for it. */
  readonly turn: number;
}

/**
 * The value as the expression reads it: each read is counted (long texts more than once, elements of lists with a turn of the
 * dearest loop), so that no expression works for ever however large the value; whole numbers are CEL's `int`, as they are in Kubernetes.
 */
function metered(value: unknown, meter: Meter): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') {
    spend(meter, value.length / TEXT_PER_READ);
    if (value.length > TEXT_CHARACTERS_MAX)
      throw new RangeError(`a text of ${value.length} characters is too long for it`);
  }
  if (typeof value !== 'object' || value === null) return value;
  const isList = Array.isArray(value);
  return new Proxy(value, {
    get(target, key) {
      const inner: unknown = Reflect.get(target, key);
      // methods, the constructor and a list's length are not part of the data
      const isMethod = typeof inner === 'function' || (key === 'length' && isList);
      spend(meter, 1 + (isList && !isMethod ? meter.turn : 0));
      return isMethod ? inner : metered(inner, meter);
    },
    ownKeys(target) {
      const keys = Reflect.ownKeys(target);
      spend(meter, keys.length * (1 + meter.turn));
      return keys;
    },
  });
}

function spend(meter: Meter, reads: number): void {
  meter.left -= reads;
  if (meter.left < 0)
    throw new RangeError(`it reads too much (it may do the work of ${limits.expressionReadsMax} reads)`);
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
