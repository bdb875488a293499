/** The journal entries of this room, and the documents they fold into: collections `health` and `brake`. */
import type { DocumentChange, Entry, JsonObject, NewEntry, Projector } from '../base/index.ts';
import { FLAPPING_WINDOW_MS } from './health.ts';
import type { Brake, Health, HealthRecord, Intent } from './types.ts';

export const HEALTH = 'health';
export const BRAKE = 'brake';

/** `cluster.health` in the chain of the cluster. `silentMs`: since the last heartbeat, as the hub heard it. */
export function healthEntry(cluster: string, from: Health, to: Health, silentMs: number): NewEntry {
  return {
    tx: `cluster/${cluster}`,
    type: 'cluster.health',
    actor: 'hub',
    data: { cluster, from, to, silentMs: Math.round(silentMs) },
  };
}

export function intentEntry(cluster: string, from: Intent, to: Intent, actor: string, reason: string | null): NewEntry {
  return { tx: `cluster/${cluster}`, type: 'cluster.intent', actor, data: { cluster, from, to, reason } };
}

/** `brake.on` and `brake.off` in the chain `hub`, with the counts that they were decided on. */
export function brakeEntry(type: 'brake.on' | 'brake.off', brake: Brake): NewEntry {
  return { tx: 'hub', type, actor: 'hub', data: { ...brake } };
}

/** `move.decided` and `move.refused`, once for each cluster that is left. */
export function moveEntries(
  type: 'move.decided' | 'move.refused',
  away: readonly string[],
  data: JsonObject,
): readonly NewEntry[] {
  return away.map((cluster) => ({ tx: `cluster/${cluster}`, type, actor: 'hub', data: { ...data, cluster } }));
}

/** A cluster of which nothing is known yet. */
export function newRecord(cluster: string, since: string): HealthRecord {
  return { cluster, health: 'joining', since, intent: 'open', intentReason: null, losses: 0, lostAt: null };
}

/** The record after one entry; undefined: it goes (or never was); the same value: the entry says nothing of it. */
export function foldHealth(record: HealthRecord | undefined, entry: Entry): HealthRecord | undefined {
  if (!entry.tx.startsWith('cluster/')) return record;
  const base = record ?? newRecord(entry.tx.slice('cluster/'.length), entry.ts);
  switch (entry.type) {
    case 'cluster.joined':
      return base;
    case 'cluster.removed':
      return undefined;
    case 'cluster.health': {
      const to = entry.data.to as Health;
      const moved = { ...base, health: to, since: entry.ts };
      return to === 'lost' ? { ...moved, losses: lossesAfter(base, entry.ts), lostAt: entry.ts } : moved;
    }
    case 'cluster.intent':
      return {
        ...base,
        intent: entry.data.to as Intent,
        intentReason: typeof entry.data.reason === 'string' ? entry.data.reason : null,
      };
    default:
      return record;
  }
}

/** Under which name a cluster goes on; undefined: the entry says nothing of that. */
export function newName({ type, data }: Entry): string | undefined {
  return type === 'cluster.renamed' && typeof data.to === 'string' ? data.to : undefined;
}

/** Keeps `health` (by cluster) and `brake` (by scope, while it is on). Pure. */
export const availabilityProjector: Projector = (entry, documents) => {
  if (entry.type === 'brake.on' || entry.type === 'brake.off') return [brakeChange(entry)];
  if (!entry.tx.startsWith('cluster/')) return [];
  const key = entry.tx.slice('cluster/'.length);
  const before = documents.get(HEALTH, key)?.body as HealthRecord | undefined;
  const to = newName(entry);
  if (to !== undefined && before !== undefined) {
    return [
      { collection: HEALTH, key, body: null },
      { collection: HEALTH, key: to, body: { ...before, cluster: to } },
    ];
  }
  const after = foldHealth(before, entry);
  if (after === before) return [];
  return [{ collection: HEALTH, key, body: after === undefined ? null : { ...after } }];
};

function brakeChange(entry: Entry): DocumentChange {
  const body = entry.type === 'brake.on' ? { ...entry.data, since: entry.ts } : null;
  return { collection: BRAKE, key: String(entry.data.scope), body };
}

/** A loss long after the one before starts a new series. */
function lossesAfter(record: HealthRecord, ts: string): number {
  if (record.lostAt === null) return 1;
  return Date.parse(ts) - Date.parse(record.lostAt) <= FLAPPING_WINDOW_MS ? record.losses + 1 : 1;
}
