/** What the use cases share: the ports they were handed, and what is read through them again and again. */
import {
  type Clock,
  type Digest,
  digestOf,
  type Ids,
  invariant,
  type Json,
  type Logger,
  type Outcome,
  refused,
  type Store,
} from '../base/index.ts';
import type { Registry } from '../hub-agent/types.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import type { CompileExpression, FleetSnapshot } from '../placement/index.ts';
import type { StackRef } from '../plan/index.ts';
import type { AgentLink } from '../protocol/types.ts';
import type { Engine } from '../saga/types.ts';
import { type Bundles, createBundles } from './bundles.ts';
import { type Claims, createClaims } from './claims.ts';
import { fleetSnapshot } from './fleet.ts';
import { createOccupied, type Occupied } from './occupied.ts';
import { locationsOf, type RevisionRecord, revisionRecord, stackId, stackRecord } from './records.ts';
import { createReservations, type Reservations } from './reservations.ts';
import type { ClusterCondition } from './types.ts';

export interface StacksPorts {
  readonly store: Store;
  /** Joined later: engine and stacks know each other. */
  readonly engine: () => Engine;
  readonly link: Pick<AgentLink, 'execute' | 'connected'>;
  readonly registry: Pick<Registry, 'clusters' | 'cluster' | 'observations' | 'rename'>;
  readonly health: (cluster: string) => ClusterCondition | undefined;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Compiles `placement.clusters.cel`; absent: a stack with CEL is told that it fits nowhere. */
  readonly compile?: CompileExpression;
}

export interface Room extends StacksPorts {
  readonly bundles: Bundles;
  readonly occupied: Occupied;
  readonly claims: Claims;
  readonly reservations: Reservations;
  snapshot(): FleetSnapshot;
  /** The content of a revision. Treat as immutable: it is kept. */
  resolved(revision: RevisionRecord): ResolvedStack;
  /** The committed revision with its content; undefined when there is none, or (after a restore) its content is not here. */
  committed(stack: StackRef): RevisionRecord | undefined;
  /** What plans of the stack start from, as one digest: what is committed where. */
  basis(stack: StackRef): Digest;
  /** Nobody is there to ask: it is lost, or was removed. What it holds may still run. */
  isLost(cluster: string): boolean;
  /** Runs one after another what changes one stack: revision numbers are allotted in there. */
  serially<T>(stack: StackRef, run: () => Promise<T>): Promise<T>;
}

const RESOLVED_KEPT_MAX = 500;

export function createRoom(ports: StacksPorts): Room {
  const { store } = ports;
  const reservations = createReservations();
  const bundles = createBundles(store.blobs);
  const occupied = createOccupied(store, bundles);
  const claims = createClaims(store, bundles);
  const kept = new Map<Digest, ResolvedStack>();
  const tails = new Map<string, Promise<unknown>>();
  return {
    ...ports,
    bundles,
    occupied,
    claims,
    reservations,
    snapshot() {
      // once its reserve steps have run, a transaction's wishes are counted there
      reservations.forgetPromises((id) => {
        const state = ports.engine().summary(id)?.state;
        return state !== 'queued' && state !== 'preparing';
      });
      return fleetSnapshot({ ...ports, occupied, reservations });
    },
    resolved(revision) {
      const known = kept.get(revision.resolved);
      if (known !== undefined) return known;
      const read = store.blobs.get(revision.resolved) as unknown as ResolvedStack | undefined;
      invariant(
        read !== undefined,
        `the content of revision ${revision.revision} of ${stackId(revision.stack)} is kept`,
      );
      if (kept.size >= RESOLVED_KEPT_MAX) kept.clear();
      kept.set(revision.resolved, read);
      return read;
    },
    committed(stack) {
      const record = stackRecord(store.documents, stack);
      if (record === undefined || record.revision === 0) return undefined;
      const revision = revisionRecord(store.documents, stack, record.revision);
      return revision?.adopted === true ? undefined : revision;
    },
    basis(stack) {
      const revision = stackRecord(store.documents, stack)?.revision ?? 0;
      return digestOf({ revision, locations: locationsOf(store.documents, stack) as unknown as Json });
    },
    isLost: (cluster) => ports.registry.cluster(cluster) === undefined || ports.health(cluster)?.health === 'lost',
    serially(stack, run) {
      const key = stackId(stack);
      const before = tails.get(key) ?? Promise.resolve();
      const mine = before.then(run, run);
      const tail = mine
        .catch(() => {})
        .finally(() => {
          if (tails.get(key) === tail) tails.delete(key);
        });
      tails.set(key, tail);
      return mine;
    },
  };
}

/** After a restore: the clusters hold a revision whose definition the backup did not have. */
export function undefinedContent(stack: StackRef, revision: number): Extract<Outcome<never>, { kind: 'refused' }> {
  return refused({
    kind: 'undefinedContent',
    message: `revision ${revision} of ${stackId(stack)} was adopted from its clusters; its definition is not in this hub`,
    where: stackId(stack),
    hint: 'apply the stack from its source: then it can be moved, retired and rolled back to again',
  });
}
