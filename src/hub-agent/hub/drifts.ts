/** Drifts that agents report, into the journal: each once, however often it is sent, and not more in a minute than the disk should bear. */
import {
  type Cancel,
  type Clock,
  type Json,
  type JsonObject,
  type Logger,
  limits,
  type Store,
} from '../../base/index.ts';
import type { AgentMessage } from '../../protocol/index.ts';
import { knownDrifts } from './drift-views.ts';

export type DriftMessage = Extract<AgentMessage, { kind: 'drift' }>;

export interface Drifts {
  /** `journaled` is called when it is in the journal for good, by this message or an earlier one. */
  received(cluster: string, message: DriftMessage, journaled: (id: string) => void): void;
  stop(): void;
}

export interface DriftsOptions {
  readonly store: Pick<Store, 'journal' | 'documents'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Minute {
  count: number;
  leftOut: number;
  readonly end: Cancel;
}

const OBJECTS_MAX = 20;
const MINUTE_MS = 60_000;
const TEXT_CHARACTERS_MAX = 1_000;
/** An agent of ours sends less. */
const CHANGES_BYTES_MAX = 24 * 1024;

export function createDrifts({ store, clock, logger }: DriftsOptions): Drifts {
  /** By cluster and id: on their way into the journal. */
  const writing = new Map<string, Promise<void>>();
  const minutes = new Map<string, Minute>();

  function append(cluster: string, type: string, data: JsonObject): Promise<void> {
    return store.journal.append([{ tx: `cluster/${cluster}`, type, actor: `agent:${cluster}`, data }]).then(() => {});
  }
  function failed(cluster: string): (error: Error) => void {
    return (error) => logger.error({ cluster, error: error.message }, 'a drift could not be journaled');
  }
  /** False: too many; how many is journaled when the minute is over. */
  function hasRoom(cluster: string): boolean {
    const end = () => {
      const leftOut = minutes.get(cluster)?.leftOut ?? 0;
      minutes.delete(cluster);
      if (leftOut > 0) append(cluster, 'cluster.driftsLeftOut', { name: cluster, leftOut }).catch(failed(cluster));
    };
    const minute = minutes.get(cluster) ?? { count: 0, leftOut: 0, end: clock.after(MINUTE_MS, end) };
    minutes.set(cluster, minute);
    if (minute.count++ < limits.clusterDriftsPerMinuteMax) return true;
    if (minute.leftOut++ === 0)
      logger.warn({ cluster }, 'too many drifts: no more are journaled in this minute, only their number');
    return false;
  }
  return {
    received(cluster, message, journaled) {
      const { id } = message;
      const key = JSON.stringify([cluster, id ?? null]);
      if (id !== undefined && knownDrifts(store.documents, cluster).includes(id)) return journaled(id);
      const before = id === undefined ? undefined : writing.get(key);
      if (before === undefined && !hasRoom(cluster)) return id === undefined ? undefined : journaled(id);
      const written = before ?? append(cluster, 'cluster.drift', entryOf(cluster, message));
      if (id !== undefined) writing.set(key, written);
      written
        .then(() => id !== undefined && journaled(id))
        .catch(failed(cluster))
        .finally(() => writing.delete(key));
    },
    stop() {
      for (const minute of minutes.values()) minute.end();
    },
  };
}

function entryOf(cluster: string, message: DriftMessage): JsonObject {
  const { stack, name } = message.location;
  const { id, at, changesLeftOut, repairs, leftOut } = message;
  const changes = message.changes ?? [];
  const fits = JSON.stringify(changes).length <= CHANGES_BYTES_MAX;
  const more: { readonly [key: string]: Json | undefined } = { id, at, changesLeftOut, repairs, leftOut };
  return {
    name: cluster,
    location: `${stack.project}/${stack.name}/${name}@${cluster}`,
    repaired: message.repaired,
    message: message.message.slice(0, TEXT_CHARACTERS_MAX),
    objects: message.objects.slice(0, OBJECTS_MAX) as unknown as Json,
    ...(changes.length > 0 && fits ? { changes: changes as unknown as Json } : {}),
    ...Object.fromEntries(Object.entries(more).filter((pair): pair is [string, Json] => pair[1] !== undefined)),
  };
}
