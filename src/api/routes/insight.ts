import type { StackRef } from '../../plan/types.ts';
import type { ClusterStream, InsightFilter, StreamQuery } from '../../stacks/types.ts';
import { routes, TOLD_BYTES_MAX } from '../contract/index.ts';
import { type Binding, bind } from '../http/binding.ts';
import { collectClusters, streamClusters } from '../http/merge.ts';
import { doneOr, HttpProblem } from '../http/problem.ts';
import type { Services } from '../services.ts';

const R = routes.insight;

/** What the clusters of a stack say. */
export function insightRoutes({ insight, clock }: Services): Binding[] {
  const open = (stack: StackRef, { function: one, cluster }: InsightFilter, query: StreamQuery) =>
    doneOr(insight.stream(stack, { function: one, cluster }, query));
  const now = async (streams: readonly ClusterStream[], follow: boolean) => {
    if (follow) throw FOLLOW_NEEDS_STREAM;
    return { answer: await collectClusters(streams, TOLD_BYTES_MAX) };
  };
  const eventsOf = (query: { follow?: boolean | undefined }): StreamQuery => {
    return { kind: 'events', follow: query.follow === true };
  };
  return [
    bind(R.reasons, async ({ params, query }) => {
      return { answer: { items: [...doneOr(await insight.reasons(params, query))] } };
    }),
    bind(R.drift, ({ params, query }) => ({ answer: { items: [...doneOr(insight.drifts(params, query))] } })),
    bind(
      R.events,
      ({ params, query }) => now(open(params, query, eventsOf(query)), query.follow === true),
      ({ params, query, stillAllowed }, _form, _request, response) =>
        streamClusters(response, open(params, query, eventsOf(query)), { clock, stillAllowed }),
    ),
    bind(
      R.logs,
      ({ params, query }) => now(open(params, query, logsOf(query)), query.follow === true),
      ({ params, query, stillAllowed }, _form, _request, response) =>
        streamClusters(response, open(params, query, logsOf(query)), { clock, stillAllowed }),
    ),
  ];
}

interface LogsQuery {
  readonly pod?: string | undefined;
  readonly container?: string | undefined;
  readonly follow?: boolean | undefined;
  readonly previous?: boolean | undefined;
  readonly tail?: number | undefined;
  readonly since?: number | undefined;
  readonly limitBytes?: number | undefined;
}

function logsOf({ pod, container, follow, previous, tail, since, limitBytes }: LogsQuery): StreamQuery {
  return {
    kind: 'logs',
    follow: follow === true,
    previous: previous === true,
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { container }),
    ...(tail === undefined ? {} : { tailLines: tail }),
    ...(since === undefined || since === 0 ? {} : { sinceSeconds: since }),
    ...(limitBytes === undefined || limitBytes === 0 ? {} : { limitBytes }),
  };
}

const FOLLOW_NEEDS_STREAM = new HttpProblem(406, {
  kind: 'notAcceptable',
  message: 'what goes on for ever is no JSON document',
  hint: 'ask with Accept: application/x-ndjson, or without follow',
});
