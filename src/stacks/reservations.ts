/**
 * Capacity in flight: promised to transactions whose pods do not run yet. In memory: after a restart the engine reserves
 * again for every transaction that goes on, so nothing leaks.
 */
import type { Amounts } from '../ldc/index.ts';

export interface Reservation {
  readonly cluster: string;
  readonly amounts: Amounts;
}

export interface Reservations {
  /** Reserved and promised per cluster; clusters without any are not in it. */
  byCluster(): ReadonlyMap<string, Amounts>;
  /** Reserved alone: what a reserve step is checked against, for its own promise must not stand in its way. */
  reserved(): ReadonlyMap<string, Amounts>;
  has(key: string): boolean;
  reserve(key: string, reservation: Reservation): void;
  release(key: string): void;
  /** Placed by a plan that was handed in, but not reserved yet; forgotten once `settled` says so. */
  promise(transaction: string, wanted: readonly Reservation[]): void;
  forgetPromises(settled: (transaction: string) => boolean): void;
}

export const NOTHING: Amounts = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

export function createReservations(): Reservations {
  const held = new Map<string, Reservation>();
  const promised = new Map<string, readonly Reservation[]>();
  return {
    byCluster: () => sumOf([...held.values(), ...[...promised.values()].flat()]),
    reserved: () => sumOf([...held.values()]),
    has: (key) => held.has(key),
    reserve: (key, reservation) => void held.set(key, reservation),
    release: (key) => void held.delete(key),
    promise(transaction, wanted) {
      if (wanted.length > 0) promised.set(transaction, wanted);
    },
    forgetPromises(settled) {
      for (const transaction of promised.keys()) if (settled(transaction)) promised.delete(transaction);
    },
  };
}

function sumOf(parts: readonly Reservation[]): ReadonlyMap<string, Amounts> {
  const sums = new Map<string, Amounts>();
  for (const { cluster, amounts } of parts) {
    const { cpuMilli, memoryBytes, pods } = sums.get(cluster) ?? NOTHING;
    sums.set(cluster, {
      cpuMilli: cpuMilli + amounts.cpuMilli,
      memoryBytes: memoryBytes + amounts.memoryBytes,
      pods: pods + amounts.pods,
    });
  }
  return sums;
}
