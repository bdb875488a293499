/** Capacity in flight: promised to transactions whose pods do not run yet. Durable, so that a new hub does not promise it again. */
import { type Documents, errorText, type JsonObject, type Logger } from '../base/index.ts';
import type { Amounts } from '../ldc/index.ts';
import { bodies, collections } from './records.ts';

export interface Reservation {
  readonly key: string;
  readonly cluster: string;
  readonly amounts: Amounts;
}

export interface Reservations {
  /** Reserved and promised per cluster; clusters without any are not in it. */
  byCluster(): ReadonlyMap<string, Amounts>;
  /** Reserved alone: what a reserve step is checked against, for its own promise must not stand in its way. */
  reserved(): ReadonlyMap<string, Amounts>;
  has(key: string): boolean;
  /** Holds at once; written in the order of the hub's writes, so before the step that asked for it is done. */
  reserve(reservation: Reservation): void;
  release(key: string): void;
  /** Placed by a plan that was handed in, but not reserved yet; forgotten once `settled` says so. */
  promise(transaction: string, wanted: readonly { readonly cluster: string; readonly amounts: Amounts }[]): void;
  forgetPromises(settled: (transaction: string) => boolean): void;
}

export const NOTHING: Amounts = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

export function createReservations(documents: Documents, logger: Logger): Reservations {
  const held = new Map<string, Reservation>(
    bodies<Reservation>(documents, collections.reservation).map((each) => [each.key, each]),
  );
  const promised = new Map<string, readonly { readonly cluster: string; readonly amounts: Amounts }[]>();
  const write = (key: string, body: JsonObject | null) => {
    documents.write([{ collection: collections.reservation, key, body }]).catch((error: unknown) => {
      // this hub goes by its memory; at worst the next one promises a little too much or too little for a while
      logger.warn({ key, error: errorText(error) }, 'a reservation could not be written');
    });
  };
  return {
    byCluster: () => sumOf([...held.values(), ...[...promised.values()].flat()]),
    reserved: () => sumOf([...held.values()]),
    has: (key) => held.has(key),
    reserve(reservation) {
      held.set(reservation.key, reservation);
      write(reservation.key, { ...reservation } as unknown as JsonObject);
    },
    release(key) {
      if (held.delete(key)) write(key, null);
    },
    promise(transaction, wanted) {
      if (wanted.length > 0) promised.set(transaction, wanted);
    },
    forgetPromises(settled) {
      for (const transaction of promised.keys()) if (settled(transaction)) promised.delete(transaction);
    },
  };
}

function sumOf(
  parts: readonly { readonly cluster: string; readonly amounts: Amounts }[],
): ReadonlyMap<string, Amounts> {
  const sums = new Map<string, Amounts>();
  for (const { cluster, amounts } of parts) sums.set(cluster, plus(sums.get(cluster) ?? NOTHING, amounts));
  return sums;
}

function plus(a: Amounts, b: Amounts): Amounts {
  return { cpuMilli: a.cpuMilli + b.cpuMilli, memoryBytes: a.memoryBytes + b.memoryBytes, pods: a.pods + b.pods };
}
