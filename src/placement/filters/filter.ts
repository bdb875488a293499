import type { Fleet } from '../fleet.ts';
import type { Subject } from '../subject.ts';

/** A rule that a cluster must pass. It is given its data and does nothing else. */
export interface Filter {
  readonly name: string;
  /** The rule for one subject; undefined when it has nothing to say, so that every cluster passes. */
  check(subject: Subject, fleet: Fleet): Check | undefined;
}

/** Clusters by their number in the fleet. */
export interface Check {
  refuses(cluster: number): boolean;
  /** One sentence; asked only of what it refuses. */
  why(cluster: number): string;
}
