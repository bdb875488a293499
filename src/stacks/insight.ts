/**
 * What is wrong, and what is said, on the clusters of a stack, read from their agents when somebody asks: reasons, logs,
 * events. Nothing of it is kept, and it works while the hub only observes.
 */
import {
  type Clock,
  done,
  type Ids,
  type Json,
  limits,
  type Outcome,
  type Refusal,
  refused,
  timestamp,
  unreachable,
} from '../base/index.ts';
import type { StackRef } from '../plan/index.ts';
import type { AgentLink, AgentStreams, StreamEnd } from '../protocol/index.ts';
import { stackId } from './records.ts';
import type {
  DriftView,
  FunctionView,
  Insight,
  InsightFilter,
  LocationReasons,
  Stacks,
  StreamQuery,
  Told,
} from './types.ts';

export interface InsightPorts {
  readonly stacks: Pick<Stacks, 'describe'>;
  readonly link: AgentLink & AgentStreams;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'next'>;
  readonly epoch: () => number;
  /** The last ones of a stack, newest first. */
  readonly drifts: (stack: StackRef) => readonly DriftView[];
}

const ASK_TIMEOUT_MS = 10_000;
const AT_ONCE = 32;

type Place = { readonly view: FunctionView; readonly location: FunctionView['locations'][number] };

export function createInsight(ports: InsightPorts): Insight {
  const { stacks, link, clock } = ports;

  function placesOf(stack: StackRef, filter: InsightFilter): Outcome<readonly Place[]> {
    const found = stacks.describe(stack)?.summary;
    if (found === undefined) return refused(noStack(stack));
    const { functions } = found;
    const named = functions.filter((view) => filter.function === undefined || view.function === filter.function);
    if (named.length === 0 && filter.function !== undefined) {
      return refused(noFunction(stack, filter.function, functions));
    }
    const all = named.flatMap((view) => view.locations.map((location) => ({ view, location })));
    const chosen = all.filter(({ location }) => filter.cluster === undefined || location.cluster === filter.cluster);
    if (chosen.length === 0) return refused(nowhere(stack, filter, all));
    return done(chosen);
  }

  async function ask({ view, location }: Place): Promise<LocationReasons> {
    const { cluster, region, status, message, reason = null, reasons } = location;
    const seen = { function: view.function, cluster, region, status, message, reason };
    const at = timestamp(clock.now());
    if (status === 'current') return { ...seen, at, reasons: [], problem: null };
    if (!link.connected(cluster)) {
      return { ...seen, at, reasons, problem: `no agent of ${cluster} is connected: this is what it said last` };
    }
    const stack = { project: view.project, name: view.stack };
    const body = { kind: 'describe', location: { stack, kind: 'function', name: view.function, cluster } } as const;
    const command = { id: ports.ids.next('describe'), epoch: ports.epoch(), body };
    const outcome = await link.execute(cluster, command, { timeoutMs: ASK_TIMEOUT_MS });
    if (outcome.kind === 'done' && outcome.value.kind === 'describe') {
      return { ...seen, at, reasons: outcome.value.reasons, problem: null };
    }
    return { ...seen, at, reasons, problem: `${textOf(outcome)}: this is what it said last` };
  }

  return {
    async reasons(stack, filter) {
      const places = placesOf(stack, filter);
      if (places.kind !== 'done') return places;
      const items: LocationReasons[] = [];
      for (let from = 0; from < places.value.length; from += AT_ONCE) {
        items.push(...(await Promise.all(places.value.slice(from, from + AT_ONCE).map(ask))));
      }
      return done(bounded(items));
    },
    drifts(stack, { function: one, cluster }) {
      if (stacks.describe(stack) === undefined) return refused(noStack(stack));
      const ofFunction = (location: string) => one === undefined || location.split(/[/@]/)[2] === one;
      return done(
        ports
          .drifts(stack)
          .filter((drift) => ofFunction(drift.location) && (cluster ?? drift.cluster) === drift.cluster),
      );
    },
    stream(stack, filter, query) {
      const places = placesOf(stack, filter);
      if (places.kind !== 'done') return places;
      const names = [...new Set(places.value.map(({ view }) => view.function))];
      const clusters = [...new Set(places.value.map(({ location }) => location.cluster))].sort();
      return done(
        clusters.map((cluster) => ({
          cluster,
          follow: (signal: AbortSignal) =>
            told(link.stream(cluster, { ...query, stack, names }, signal), cluster, query),
        })),
      );
    },
  };
}

/** One cluster's stream with its name on everything; its last item says how it ended. */
async function* told(
  stream: ReturnType<AgentStreams['stream']>,
  cluster: string,
  query: StreamQuery,
): AsyncGenerator<readonly Told[], void> {
  try {
    for (let next = await stream.next(); ; next = await stream.next()) {
      if (next.done !== true) {
        yield next.value.map(({ name, ...item }) => ({ cluster, function: name, ...item }) as Told);
        continue;
      }
      const problem = problemOf(next.value, cluster, query);
      yield [{ kind: 'end', cluster, ...(problem === undefined ? {} : { problem }) }];
      return;
    }
  } finally {
    await stream.return({ kind: 'ended' });
  }
}

/** Why it ended, when not because there is no more. */
function problemOf(end: StreamEnd, cluster: string, { kind }: StreamQuery): Refusal | undefined {
  switch (end.kind) {
    case 'ended':
      return undefined;
    case 'refused':
      return end.refusal;
    case 'cut':
      return {
        kind: 'lineCut',
        message: `${end.reason}: nothing more of ${cluster} is heard`,
        hint: `ask again when \`ldc get clusters\` shows it ready: its ${kind} are there, not here`,
      };
    default:
      return unreachable(end);
  }
}

/** The answer as a whole has a limit too: what comes late goes without its chains. */
function bounded(items: readonly LocationReasons[]): readonly LocationReasons[] {
  let left = limits.reasonsAnswerBytesMax;
  return items.map((item) => {
    left -= JSON.stringify(item.reasons).length;
    if (left >= 0 || item.reasons.length === 0) return item;
    return {
      ...item,
      reasons: [] as Json[],
      problem: 'left out to keep this answer short: ask for this cluster alone',
    };
  });
}

function textOf(outcome: Outcome<unknown>): string {
  if (outcome.kind === 'refused') return outcome.refusal.message;
  return outcome.kind === 'done' ? 'the agent answered something else' : outcome.reason;
}

function noStack(stack: StackRef): Refusal {
  return { kind: 'unknownStack', message: `there is no stack ${stackId(stack)}`, hint: '`ldc get stacks` lists all' };
}

function noFunction(stack: StackRef, name: string, known: readonly FunctionView[]): Refusal {
  return {
    kind: 'notFound',
    message: `${stackId(stack)} has no function ${name}`,
    hint: `it has: ${known.map((view) => view.function).join(', ') || 'none'}`,
  };
}

function nowhere(stack: StackRef, filter: InsightFilter, places: readonly Place[]): Refusal {
  const what = filter.function === undefined ? stackId(stack) : `${filter.function} of ${stackId(stack)}`;
  const clusters = [...new Set(places.map(({ location }) => location.cluster))].sort();
  if (clusters.length === 0) {
    return {
      kind: 'notFound',
      message: `${what} is on no cluster`,
      hint: `\`ldc describe ${stackId(stack)}\` says why`,
    };
  }
  const hint = `it is on ${clusters.join(', ')}`;
  return { kind: 'notFound', message: `${what} is not on cluster ${filter.cluster}`, hint };
}
