import { z } from 'zod';

/** What a caller may do. Every role but `admin` is narrow; each one includes `viewer`, and `admin` includes all. */
export const roles = ['viewer', 'auditor', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof roles)[number];

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/**
 * One row of the route table. Validation, authorisation, audit, OpenAPI and the typed client all read it, so that
 * none of them can say something else than the others.
 */
export interface Route<Params = unknown, Query = unknown, Body = unknown, Answer = unknown> {
  /** operationId, unique: `stacks.apply`. */
  readonly id: string;
  readonly method: Method;
  /** With `{name}` for parameters, as OpenAPI writes it. */
  readonly path: string;
  readonly summary: string;
  /** null: no token needed. */
  readonly role: Role | null;
  readonly params: z.ZodType<Params>;
  readonly query: z.ZodType<Query>;
  /** Absent: the call has no body. */
  readonly body?: z.ZodType<Body>;
  readonly answer: z.ZodType<Answer>;
  /** Of the plain answer; a handler may choose another one of 2xx. */
  readonly status: number;
  /** Whether it changes anything: such calls are audited and take Idempotency-Key. */
  readonly changes: boolean;
  /** A read that is audited too. */
  readonly auditedRead: boolean;
  /** The answer holds a secret, which is never stored, not even for Idempotency-Key. */
  readonly secretAnswer: boolean;
  readonly bodyBytesMax: number;
  /** Other forms that Accept may choose, beside JSON. */
  readonly forms: readonly ('application/x-ndjson' | 'text/event-stream')[];
}

/** Bytes of a body, unless the route says otherwise. */
const BODY_BYTES_MAX = 1024 * 1024;

const noFields = z.strictObject({});
export type NoFields = z.output<typeof noFields>;

export type AnyRoute = Route<unknown, unknown, unknown, unknown>;
export type ParamsOf<R> = R extends Route<infer P, infer _Q, infer _B, infer _A> ? P : never;
export type QueryOf<R> = R extends Route<infer _P, infer Q, infer _B, infer _A> ? Q : never;
export type BodyOf<R> = R extends Route<infer _P, infer _Q, infer B, infer _A> ? B : never;
export type AnswerOf<R> = R extends Route<infer _P, infer _Q, infer _B, infer A> ? A : never;

type Definition<P, Q, B, A> = Pick<Route<P, Q, B, A>, 'id' | 'method' | 'path' | 'summary' | 'role' | 'answer'> & {
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
} & Partial<Pick<Route, 'status' | 'changes' | 'auditedRead' | 'secretAnswer' | 'bodyBytesMax' | 'forms'>>;

/** Fills in what most routes share: no GET changes anything, everything else does, and bodies are small. */
export function route<P = NoFields, Q = NoFields, B = undefined, A = unknown>(
  given: Definition<P, Q, B, A>,
): Route<P, Q, B, A> {
  return {
    status: 200,
    changes: given.method !== 'GET',
    auditedRead: false,
    secretAnswer: false,
    bodyBytesMax: BODY_BYTES_MAX,
    forms: [],
    ...given,
    params: given.params ?? (noFields as unknown as z.ZodType<P>),
    query: given.query ?? (noFields as unknown as z.ZodType<Q>),
  };
}
