import { NO_HINT, type Problem, problemText } from '../base/index.ts';

/** Exit codes, DESIGN §11. */
export const exit = {
  done: 0,
  failed: 1,
  usage: 2,
  rolledBack: 3,
  stuck: 4,
  refused: 5,
  /** Ctrl-C stopped the following, not the work (128 + SIGINT, as shells have it). */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exit)[keyof typeof exit];

/** Ends a verb: what happened, where, and what to do next. */
export class Failure extends Error {
  readonly code: ExitCode;
  readonly where: string | undefined;
  readonly hint: string;
  readonly problems: readonly Problem[];

  constructor(
    code: ExitCode,
    message: string,
    more: { hint: string; where?: string | undefined; problems?: readonly Problem[] },
  ) {
    super(message);
    this.name = 'Failure';
    this.code = code;
    this.where = more.where;
    this.hint = more.hint;
    this.problems = more.problems ?? [];
  }
}

export function usage(message: string, hint: string): Failure {
  return new Failure(exit.usage, message, { hint });
}

/** The lines that are shown for a failure. */
export function failureText({ message, where, hint, problems }: Failure): string {
  const lines = [
    `error: ${message}`,
    ...problems.map((problem) => `  ${problemText(problem)}`),
    ...(where === undefined || problems.length > 0 ? [] : [`  at:   ${where}`]),
    `  next: ${hint}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Whatever a verb threw. The client's errors are told by name, so that offline verbs need not load it. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error)) return new Failure(exit.failed, String(error), { hint: UNFORESEEN });
  if (error.name === 'HubProblem' && 'problem' in error) return hubFailure(error.problem as HubAnswer);
  if (error.name === 'HubUnreachable' && 'hint' in error)
    return new Failure(exit.failed, error.message, { hint: String(error.hint) });
  if (error.name === 'StoreError') return new Failure(exit.failed, error.message, { hint: STORE_HINT });
  if ('code' in error && 'path' in error && typeof error.path === 'string') return fileFailure(error, error.path);
  return new Failure(exit.failed, error.message, { hint: UNFORESEEN });
}

const STORE_HINT = 'do what it says, then the same again: nothing was changed';
const UNFORESEEN = '--help says what the verb takes; when that is not it, report it with what was done before';

interface HubAnswer {
  readonly status: number;
  readonly kind: string;
  readonly detail: string;
  readonly instance: string;
  readonly where?: string;
  readonly hint?: string;
  readonly details?: unknown;
  readonly problems?: readonly Problem[];
}

const REFUSED = [403, 409, 412];

function hubFailure({ status, detail, where, hint, details, problems, instance }: HubAnswer): Failure {
  const invalid = status === 400 || status === 422;
  const code = invalid ? exit.usage : REFUSED.includes(status) ? exit.refused : exit.failed;
  const message = [detail, ...reasonLines(details)].join('\n  ');
  return new Failure(code, message, {
    where: where ?? (status >= 500 ? instance : undefined),
    hint: hint ?? NO_HINT,
    problems: problems ?? [],
  });
}

/** Why placement took no cluster: the one kind of detail that a person needs at once. */
function reasonLines(details: unknown): string[] {
  const reasons = typeof details === 'object' && details !== null && 'reasons' in details ? details.reasons : [];
  if (!Array.isArray(reasons)) return [];
  return reasons
    .filter((reason) => reason.taken === false)
    .map((reason) => `${reason.function} not on ${reason.cluster}: ${reason.reason}`);
}

const FILE_CODES: { readonly [code: string]: string } = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read or written',
  EISDIR: 'is a folder',
  ENOTDIR: 'is no folder',
  ENOSPC: 'could not be written: the disk is full',
  EROFS: 'is on a read-only disk',
};

function fileFailure(error: Error, path: string): Failure {
  const code = 'code' in error ? String(error.code) : '';
  return new Failure(exit.usage, `${path} ${FILE_CODES[code] ?? error.message}`, {
    hint: 'check the path, and who may read it',
  });
}
