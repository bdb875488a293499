/**
 * Capacity in flight: promised to transactions whose pods do not run yet. In memory: after a restart the engine reserves
 * again for every transaction that goes on, so nothing leaks.
 */
import type { Amounts } from '../ldc/index.ts';
import { type Location, locationId } from '../plan/index.ts';

export interface Reservation {
  readonly location: Location;
  readonly amounts: Amounts;
}

export interface Reservations {
  /** Reserved and promised per cluster; clusters without any are not in it. */
  byCluster(): ReadonlyMap<string, Amounts>;
  /** Which locations that is, by cluster: they count as being there, so that plans of one moment do not all choose the same cluster. */
  locations(): ReadonlyMap<string, readonly string[]>;
  /** Reserved alone: what a reserve step is checked against, for its own promise must not stand in its way. */
  reserved(): ReadonlyMap<string, Amounts>;
  has(key: string): boolean;
  /** @param key `<transaction>/<step>`: what was promised to that transaction there is counted no more beside it */
  reserve(key: string, reservation: Reservation): void;
  release(key: string): void;
  /** Placed by a plan that is being handed in: counted at once, so that the next plan does not take the same room. */
  promise(wanted: readonly Reservation[]): Promised;
  /** Forgets what was promised to transactions of which `settled` says that their reserve steps have run. */
  forgetPromises(settled: (transaction: string) => boolean): void;
}

/** Until one of the two is called the promise holds. */
export interface Promised {
  /** The plan became this transaction. */
  bind(transaction: string): void;
  /** It became none. */
  drop(): void;
}

export const NOTHING: Amounts = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

export function createReservations(): Reservations {
  const held = new Map<string, Reservation>();
  const promised = new Set<{ transaction: string | null; readonly wanted: readonly Reservation[] }>();
  const inFlight = () => {
    const taken = new Set([...held].map(([key, { location }]) => `${transactionOf(key)} ${locationId(location)}`));
    const open = [...promised].flatMap(({ transaction, wanted }) =>
      wanted.filter(({ location }) => !taken.has(`${transaction} ${locationId(location)}`)),
    );
    return [...held.values(), ...open];
  };
  return {
    byCluster: () => sumOf(inFlight()),
    locations: () => namesOf(inFlight()),
    reserved: () => sumOf([...held.values()]),
    has: (key) => held.has(key),
    reserve: (key, reservation) => void held.set(key, reservation),
    release: (key) => void held.delete(key),
    promise(wanted) {
      const promise = { transaction: null as string | null, wanted };
      promised.add(promise);
      return {
        bind: (transaction) => {
          promise.transaction = transaction;
        },
        drop: () => void promised.delete(promise),
      };
    },
    forgetPromises(settled) {
      for (const promise of promised) {
        if (promise.transaction !== null && settled(promise.transaction)) promised.delete(promise);
      }
    },
  };
}

function transactionOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function namesOf(parts: readonly Reservation[]): ReadonlyMap<string, readonly string[]> {
  const names = Map.groupBy(parts, ({ location }) => location.cluster);
  return new Map([...names].map(([cluster, ones]) => [cluster, ones.map(({ location }) => locationId(location))]));
}

function sumOf(parts: readonly Reservation[]): ReadonlyMap<string, Amounts> {
  const sums = new Map<string, Amounts>();
  for (const { location, amounts } of parts) {
    const { cluster } = location;
    const { cpuMilli, memoryBytes, pods } = sums.get(cluster) ?? NOTHING;
    sums.set(cluster, {
      cpuMilli: cpuMilli + amounts.cpuMilli,
      memoryBytes: memoryBytes + amounts.memoryBytes,
      pods: pods + amounts.pods,
    });
  }
  return sums;
}
