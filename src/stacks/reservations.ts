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
  /** Sum per cluster; clusters without any are not in it. */
  byCluster(): ReadonlyMap<string, Amounts>;
  has(key: string): boolean;
  reserve(reservation: Reservation): Promise<void>;
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
  return {
    byCluster() {
      const sums = new Map<string, Amounts>();
      for (const { cluster, amounts } of [...held.values(), ...[...promised.values()].flat()]) {
        sums.set(cluster, plus(sums.get(cluster) ?? NOTHING, amounts));
      }
      return sums;
    },
    has: (key) => held.has(key),
    async reserve(reservation) {
      held.set(reservation.key, reservation);
      const body = { ...reservation } as unknown as JsonObject;
      await documents.write([{ collection: collections.reservation, key: reservation.key, body }]);
    },
    release(key) {
      if (!held.delete(key)) return;
      documents.write([{ collection: collections.reservation, key, body: null }]).catch((error: unknown) => {
        // it is forgotten here; at worst the next start of the hub counts it until its transaction is released again
        logger.warn({ key, error: errorText(error) }, 'a released reservation could not be written');
      });
    },
    promise(transaction, wanted) {
      if (wanted.length > 0) promised.set(transaction, wanted);
    },
    forgetPromises(settled) {
      for (const transaction of promised.keys()) if (settled(transaction)) promised.delete(transaction);
    },
  };
}

function plus(a: Amounts, b: Amounts): Amounts {
  return { cpuMilli: a.cpuMilli + b.cpuMilli, memoryBytes: a.memoryBytes + b.memoryBytes, pods: a.pods + b.pods };
}
