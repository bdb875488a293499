import { STATUS_CODES } from 'node:http';
import { type Outcome, type Problem, type Refusal, RefusedError, StoreError, unreachable } from '../../base/index.ts';
import type { ProblemDetails } from '../contract/problem.ts';

/** An answer that is an error: a status, and a refusal that says what happened, where and what to do next. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly refusal: Refusal;
  readonly problems: readonly Problem[] | undefined;
  readonly headers: { readonly [name: string]: string };

  constructor(
    status: number,
    refusal: Refusal,
    more: { problems?: readonly Problem[]; headers?: { readonly [name: string]: string } } = {},
  ) {
    super(refusal.message);
    this.name = 'HttpProblem';
    this.status = status;
    this.refusal = refusal;
    this.problems = more.problems;
    this.headers = more.headers ?? {};
  }
}

/** Kinds of refusal that are not a conflict with the present state of things (409). */
const STATUS: { readonly [kind: string]: number } = {
  notFound: 404,
  unknownStack: 404,
  unknownTransaction: 404,
  unknownCluster: 404,
  unknownRevision: 404,
  invalid: 422,
  unsupported: 501,
  tooLarge: 413,
};

export function refusalProblem(refusal: Refusal): HttpProblem {
  return new HttpProblem(STATUS[refusal.kind] ?? 409, refusal);
}

export function notFound(what: string, hint: string): HttpProblem {
  return new HttpProblem(404, { kind: 'notFound', message: `there is no ${what}`, hint });
}

export function invalidStack(problems: readonly Problem[]): HttpProblem {
  const [first] = problems;
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new HttpProblem(
    422,
    {
      kind: 'invalidStack',
      message: `the stack definition has ${count}`,
      ...(first === undefined ? {} : { where: `${first.file}:${first.line}:${first.column}` }),
      hint: 'mend what is listed and send it again',
    },
    { problems },
  );
}

/** The value of an outcome. @throws HttpProblem for every other kind. */
export function doneOr<T>(outcome: Outcome<T>): T {
  switch (outcome.kind) {
    case 'done':
      return outcome.value;
    case 'refused':
      throw refusalProblem(outcome.refusal);
    case 'retry':
      throw new HttpProblem(
        503,
        { kind: 'busy', message: outcome.reason, hint: 'try the same again in a moment' },
        { headers: { 'retry-after': String(Math.max(1, Math.ceil(outcome.afterMs / 1000))) } },
      );
    case 'unknown':
      throw new HttpProblem(504, {
        kind: 'outcomeUnknown',
        message: outcome.reason,
        hint: 'it may have happened: look before you ask again',
      });
    default:
      return unreachable(outcome);
  }
}

/** The rest is 503: the store cannot be written now. */
const STORE_STATUS: { readonly [kind: string]: number } = { full: 507, tooLarge: 413 };

/** Whatever was thrown as a problem; undefined: a fault of ours, of which nothing is told but that it is logged. */
export function problemOf(error: unknown): HttpProblem | undefined {
  if (error instanceof HttpProblem) return error;
  if (error instanceof RefusedError) return refusalProblem(error.refusal);
  if (error instanceof StoreError) {
    const hint =
      error.kind === 'full'
        ? 'free space where the hub keeps its state; nothing was half-written'
        : 'nothing was half-written: try again, and look at the log of the hub when it stays so';
    return new HttpProblem(STORE_STATUS[error.kind] ?? 503, {
      kind: `store.${error.kind}`,
      message: error.message,
      hint,
    });
  }
  if (error instanceof URIError)
    return new HttpProblem(400, {
      kind: 'invalidRequest',
      message: 'the path is not encoded as a URL must be',
      hint: 'encode each part of the path (%25 for a %)',
    });
  return bodyProblem(error);
}

/** What express.json() throws. Its message may quote the body, which may hold secrets: it is not passed on. */
function bodyProblem(error: unknown): HttpProblem | undefined {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  const limit = typeof error === 'object' && error !== null && 'limit' in error ? error.limit : undefined;
  switch (type) {
    case 'entity.too.large':
      return new HttpProblem(413, {
        kind: 'tooLarge',
        message: `the body has more than ${limit} bytes`,
        hint: 'send less: only the files that the stack names',
      });
    case 'entity.parse.failed':
      return new HttpProblem(400, {
        kind: 'malformed',
        message: 'the body is not JSON',
        hint: 'GET /openapi.json says what each call takes',
      });
    case 'charset.unsupported':
    case 'encoding.unsupported':
      return new HttpProblem(415, {
        kind: 'unsupportedEncoding',
        message: 'the body must be UTF-8, plain or gzip',
        hint: 'send it so, with the Content-Encoding that it has',
      });
    case 'request.aborted':
    case 'request.size.invalid':
      return new HttpProblem(400, {
        kind: 'incomplete',
        message: 'the body did not arrive whole',
        hint: 'nothing was done: send it again',
      });
    default:
      return undefined;
  }
}

/** The body of a problem answer. */
export function problemDetailsOf(problem: HttpProblem, requestId: string): ProblemDetails {
  const { kind, message, where, hint, details } = problem.refusal;
  return {
    type: `urn:ldc:problem:${kind}`,
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: message,
    instance: `urn:ldc:request:${requestId}`,
    kind,
    ...(where === undefined ? {} : { where }),
    hint,
    ...(details === undefined ? {} : { details }),
    ...(problem.problems === undefined ? {} : { problems: problem.problems }),
  };
}
