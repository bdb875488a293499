import type { Json } from './json.ts';

/** Why something was refused: data, never an exception. `kind` is stable and for programs; `message` is for people. */
export interface Refusal {
  readonly kind: string;
  /** What happened, in one sentence. */
  readonly message: string;
  /** Where: an object, a file:line:column, a cluster. */
  readonly where?: string;
  /** What to do next; whoever refuses knows it best. */
  readonly hint: string;
  readonly details?: Json;
}

/** For refusals of earlier releases, which may have come without one. */
export const NO_HINT = 'nothing more was said of it: look at what it names';

/**
 * What came of an attempt. `unknown` (a timeout, a cut line) never turns into failure: observe first.
 * `refused` is final for this attempt as it stands; `retry` says that the same again may succeed.
 */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export function done<T>(value: T): Outcome<T> {
  return { kind: 'done', value };
}

export function refused(refusal: Refusal): { readonly kind: 'refused'; readonly refusal: Refusal } {
  return { kind: 'refused', refusal };
}

export function unknown(reason: string): { readonly kind: 'unknown'; readonly reason: string } {
  return { kind: 'unknown', reason };
}

/** A problem found in input, with its place. Lines and columns count from 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The place in the document, such as `spec.functions[0].name`. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** `file:line:column message (hint)`, the one form in which problems are shown. */
export function problemText(problem: Problem): string {
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  return `${problem.file}:${problem.line}:${problem.column} ${problem.message}${hint}`;
}

/** A refusal as an exception, for the edges (REST, CLI) where a caller cannot go on without the value. */
export class RefusedError extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.name = 'RefusedError';
    this.refusal = refusal;
  }
}

/** The exhaustiveness check at the end of a switch over a union. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Stops the program's present work when something that must hold does not: a bug here, never bad input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** The message of whatever was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
