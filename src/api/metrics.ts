import type { Entry } from '../base/index.ts';
import { metricText, type Sample } from './metric-text.ts';
import type { Services } from './services.ts';

/** Prometheus metrics. Gauges are read from the views at each scrape; counters count what this process saw. */
export function createMetrics(services: Services): { text(): string; close(): void } {
  const ended = new Map<string, number>();
  const steps = new Map<string, number>();
  let journalEntries = 0;
  const cancels = [
    services.journal.onAppend((entries) => {
      journalEntries += entries.length;
    }),
    services.engine.onChange((view, entries) => {
      for (const type of stepEvents(entries)) add(steps, type);
      if (entries.some((entry) => entry.type === 'tx.sealed')) add(ended, `${view.kind}\n${view.state}`);
    }),
  ];
  return {
    text: () =>
      metricText([
        {
          name: 'ldc_info',
          type: 'gauge',
          help: 'The running version.',
          samples: [sample(1, { version: services.version })],
        },
        {
          name: 'ldc_transactions',
          type: 'gauge',
          help: 'Unfinished transactions by kind and state.',
          samples: unfinished(services),
        },
        {
          name: 'ldc_transactions_ended_total',
          type: 'counter',
          help: 'Transactions sealed since the start of this process.',
          samples: [...ended].map(([key, count]) => {
            const [kind, outcome] = key.split('\n');
            return sample(count, { kind, outcome });
          }),
        },
        {
          name: 'ldc_step_events_total',
          type: 'counter',
          help: 'Events of steps since the start of this process.',
          samples: [...steps].map(([event, count]) => sample(count, { event })),
        },
        ...fleetMetrics(services),
        ...availabilityMetrics(services),
        {
          name: 'ldc_journal_entries_total',
          type: 'counter',
          help: 'Entries journaled since the start of this process.',
          samples: [sample(journalEntries, {})],
        },
      ]),
    close: () => {
      for (const cancel of cancels) cancel();
    },
  };
}

function fleetMetrics({ registry, availability, stacks }: Services) {
  const names = registry.clusters().map((cluster) => cluster.name);
  const health = new Map<string, number>();
  for (const name of names) add(health, availability.health(name)?.health ?? 'joining');
  const below = stacks.functions({}).filter((view) => view.healthy < view.min);
  return [
    {
      name: 'ldc_agents_connected',
      type: 'gauge' as const,
      help: 'Agents with an open session.',
      samples: [sample(names.filter((name) => registry.connected(name)).length, {})],
    },
    {
      name: 'ldc_clusters',
      type: 'gauge' as const,
      help: 'Clusters by health.',
      samples: [...health].map(([state, count]) => sample(count, { health: state })),
    },
    {
      name: 'ldc_function_missing_locations',
      type: 'gauge' as const,
      help: 'Healthy locations that a function has too few of; functions at their minimum are left out.',
      samples: below.map((view) =>
        sample(view.min - view.healthy, { project: view.project, stack: view.stack, function: view.function }),
      ),
    },
    {
      name: 'ldc_functions_below_minimum',
      type: 'gauge' as const,
      help: 'Functions with fewer healthy locations than their minimum.',
      samples: [sample(below.length, {})],
    },
  ];
}

/** What an alert is made of: brakes, work that is owed, what waits for a person, and how long functions went short. */
function availabilityMetrics({ availability, engine }: Services) {
  const { brakes, budget, waiting, owed, belowMinimum } = availability.status();
  const stuck = engine.list({ state: 'stuck', unfinished: true, limit: 500 }).items.length;
  const waits = new Map<string, number>();
  for (const { cause } of waiting) add(waits, cause);
  const gauge = (name: string, help: string, samples: Sample[]) => ({ name, type: 'gauge' as const, help, samples });
  const seconds = (name: string, help: string, of: 'seconds' | 'nowhereSeconds') => ({
    ...{ name, type: 'counter' as const, help },
    samples: belowMinimum.map((each) => {
      const { project, stack, function: part } = each;
      return sample(each[of], { project, stack, function: part });
    }),
  });
  return [
    gauge('ldc_transactions_stuck', 'Transactions that wait for a person (at most 500 are counted).', [
      sample(stuck, {}),
    ]),
    gauge('ldc_brakes', 'Brakes that are on: nothing moves by itself within their scope.', [sample(brakes.length, {})]),
    gauge(
      'ldc_brake_on',
      'One for each brake that is on, with its scope.',
      brakes.map(({ kind, scope }) => sample(1, { kind, scope })),
    ),
    gauge('ldc_moves_in_flight', 'Unfinished moves that the hub began by itself.', [sample(budget.inFlight, {})]),
    gauge(
      'ldc_moves_waiting',
      'Stacks that should move and do not yet, by what holds them.',
      [...waits].map(([cause, count]) => sample(count, { cause })),
    ),
    gauge(
      'ldc_owed_locations',
      'Locations on which an undo, a removal or a part is due, by cluster.',
      owed.map(({ cluster, locations }) => sample(locations, { cluster })),
    ),
    seconds(
      'ldc_function_below_minimum_seconds_total',
      'Time with fewer healthy locations than the minimum.',
      'seconds',
    ),
    seconds('ldc_function_nowhere_seconds_total', 'Time with no healthy location at all.', 'nowhereSeconds'),
  ];
}

function unfinished({ engine }: Services): Sample[] {
  const counts = new Map<string, number>();
  let after: string | undefined;
  do {
    const page = engine.list({ unfinished: true, limit: 500, ...(after === undefined ? {} : { after }) });
    for (const { kind, state } of page.items) add(counts, `${kind}\n${state}`);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return [...counts].map(([key, count]) => {
    const [kind, state] = key.split('\n');
    return sample(count, { kind, state });
  });
}

/** `started`, `succeeded`, … of entries such as `step.started`. */
function stepEvents(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ type }) => (type.startsWith('step.') ? [type.slice('step.'.length)] : []));
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sample(value: number, labels: Sample['labels']): Sample {
  return { value, labels };
}
