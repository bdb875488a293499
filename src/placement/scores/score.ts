import type { Fleet } from '../fleet.ts';
import type { Subject } from '../subject.ts';

/**
 * How well a cluster suits, 0 to 100. Scores are absolute (never relative to the best of the fleet), so that a cluster
 * that joins does not change how others compare.
 */
export interface Score {
  readonly name: 'balance' | 'steady' | 'headroom' | 'affinity' | 'cost';
  /** undefined when it has nothing to say here: then it counts for no cluster. */
  rate(subject: Subject, fleet: Fleet): ((cluster: number) => number) | undefined;
}
