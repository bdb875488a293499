import type { Request, Response } from 'express';
import type { AnswerOf, AnyRoute, BodyOf, ParamsOf, QueryOf } from '../contract/index.ts';
import type { Caller } from '../tokens.ts';

/** One call, checked against its route. */
export interface Call<R> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  readonly caller: Caller;
  readonly ifMatch: string | undefined;
  /** Whether the token is good still: a stream outlives the check of its call. */
  readonly stillAllowed: () => boolean;
}

export interface Reply<A> {
  readonly answer: A;
  /** Default: the route's. */
  readonly status?: number;
  /** The version that If-Match compares; given, the answer has an ETag of it. */
  readonly version?: string;
  readonly location?: string;
  /** The transaction that the call began or moved, for the audit trail. */
  readonly transaction?: string;
}

export interface Binding<R = AnyRoute> {
  readonly route: R;
  readonly handle: (call: Call<R>) => Reply<AnswerOf<R>> | Promise<Reply<AnswerOf<R>>>;
  /** For the other forms of the route. */
  readonly stream?: (call: Call<R>, form: string, request: Request, response: Response) => Promise<void>;
}

/** Joins a route and what serves it; the types of both must agree. */
export function bind<R>(route: R, handle: Binding<R>['handle'], stream?: Binding<R>['stream']): Binding {
  return { route, handle, ...(stream === undefined ? {} : { stream }) } as unknown as Binding;
}
