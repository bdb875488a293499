/** What issue 4 wants to reach, beside what was measured. Nothing is asserted: a loaded machine misses what a quiet one meets. */
import { isObject } from '../../../src/base/index.ts';

interface Target {
  readonly what: string;
  /** Where the figure stands in the JSON. */
  readonly figure: readonly (string | number)[];
  readonly atMost?: number;
  readonly atLeast?: number;
}

const AFTER_2000 = ['watched', 'steps', 1];

const TARGETS: readonly Target[] = [
  { what: 'accepted → 3 objects exist, ms p50', figure: ['single_shared', 'acceptedToExistMs', 'p50'], atMost: 100 },
  {
    what: '… with a namespace of its own, ms p50',
    figure: ['single_own', 'acceptedToExistMs', 'p50'],
    atMost: 100,
  },
  { what: 'sets per second that exist', figure: ['burst_shared', 'setsPerSecondExist'], atLeast: 50 },
  { what: '… with namespaces of their own', figure: ['burst_own', 'setsPerSecondExist'], atLeast: 50 },
  { what: 'status member → hub, ms p50', figure: ['statusQuiet', 'memberToHubMs', 'p50'], atMost: 50 },
  { what: '… under load, ms p50', figure: ['statusUnderLoad', 'memberToHubMs', 'p50'], atMost: 50 },
  { what: 'drift after an edit, ms p50', figure: ['drift', 'editedToRepairedMs', 'p50'], atMost: 1_000 },
  { what: 'drift after a delete, ms p50', figure: ['drift', 'deletedToRepairedMs', 'p50'], atMost: 1_000 },
  {
    what: 'agent with 2,000 objects, MiB resident',
    figure: [...AFTER_2000, 'deployed', 'agentRssMiB'],
    atMost: 160,
  },
  { what: '… started anew', figure: [...AFTER_2000, 'startedAnew', 'agentRssMiB'], atMost: 160 },
  // what deploying left to be collected is larger than what the objects take: only a fresh process tells
  {
    what: 'each further object, KiB, started anew',
    figure: ['watched', 'agentRssKiBPerFurtherObjectStartedAnew'],
    atMost: 10,
  },
  { what: 'agent idle, % of a core', figure: ['idle', 'agentCpuPercentOfOneCore', 0], atMost: 0.2 },
  { what: 'idle requests beside watches and the lease', figure: ['idle', 'agentRequests', 'rest', 'count'], atMost: 0 },
  { what: 'hub with 3 clusters, MiB resident', figure: ['memoryFresh', 'hubRssMiB'], atMost: 150 },
  { what: '… after the bursts', figure: ['memoryAfter', 'hubRssMiB'], atMost: 150 },
];

/** `measured` is null, and so is `met`, for what was not measured. */
export function againstTargets(figures: object) {
  return TARGETS.map(({ what, figure, atMost, atLeast }) => {
    const found = figure.reduce<unknown>(
      (value, key) => (isObject(value) || Array.isArray(value) ? at(value, key) : undefined),
      figures,
    );
    const measured = typeof found === 'number' ? found : null;
    const met = measured === null ? null : measured <= (atMost ?? Infinity) && measured >= (atLeast ?? -Infinity);
    return { what, measured, ...(atMost === undefined ? { atLeast } : { atMost }), met };
  });
}

function at(value: object, key: string | number): unknown {
  return (value as { readonly [key: string | number]: unknown })[key];
}
