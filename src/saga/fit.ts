/** Makes events fit into entries: what is large goes into a blob, and the entry keeps its digest. */
import { type Blobs, canonical, type Json, type Refusal } from '../base/index.ts';
import type { Held, TransactionEvent } from './events.ts';

/** A value up to this size stays in the entry. */
const INLINE_BYTES_MAX = 8 * 1024;
const MESSAGE_CHARACTERS_MAX = 4_000;
/** A verdict names so many clusters at most; those that are not equal first. */
const CLUSTERS_NAMED_MAX = 1_000;

export function fitAll(events: readonly TransactionEvent[], blobs: Blobs): Promise<readonly TransactionEvent[]> {
  return Promise.all(events.map((event) => fit(event, blobs)));
}

async function fit(event: TransactionEvent, blobs: Blobs): Promise<TransactionEvent> {
  switch (event.type) {
    case 'step.succeeded':
      return { ...event, data: { ...event.data, output: await hold(event.data.output, blobs) } };
    case 'step.owed': {
      const { ensured } = event.data;
      if (ensured === undefined || !('created' in ensured)) return event;
      return { ...event, data: { ...event.data, ensured: { created: await hold(ensured.created, blobs) } } };
    }
    case 'step.undone':
      return { ...event, data: { ...event.data, output: await hold(event.data.output, blobs) } };
    case 'step.failed':
      return { ...event, data: { ...event.data, refusal: await fitRefusal(event.data.refusal, blobs) } };
    case 'step.undoFailed':
      return { ...event, data: { ...event.data, refusal: await fitRefusal(event.data.refusal, blobs) } };
    case 'tx.stuck':
      return { ...event, data: { ...event.data, refusal: await fitRefusal(event.data.refusal, blobs) } };
    case 'tx.compensating':
      return { ...event, data: { cause: await fitRefusal(event.data.cause, blobs) } };
    case 'tx.paused': {
      const { cause } = event.data;
      return { ...event, data: { ...event.data, cause: cause === null ? null : await fitRefusal(cause, blobs) } };
    }
    case 'tx.created':
      return { ...event, data: { ...event.data, locks: await hold(event.data.locks, blobs) } };
    case 'tx.amended':
      return { ...event, data: { ...event.data, dropped: await hold(event.data.dropped, blobs) } };
    case 'tx.committed': {
      const { locations, ...rest } = event.data;
      if (locations === undefined || isSmall(locations)) return event;
      return { ...event, data: { ...rest, locationsBlob: await blobs.put(locations) } };
    }
    case 'tx.rolledBack': {
      const { owed, ...rest } = event.data;
      if (owed === undefined || isSmall(owed)) return event;
      return { ...event, data: { ...rest, owedBlob: await blobs.put(owed) } };
    }
    case 'rollback.cluster': {
      const { findings } = event.data;
      return findings === undefined
        ? event
        : { ...event, data: { ...event.data, findings: await hold(findings, blobs) } };
    }
    case 'rollback.verified': {
      const { clusters, findings } = event.data;
      return { ...event, data: { ...event.data, clusters: fewer(clusters), findings: await hold(findings, blobs) } };
    }
    default:
      return event;
  }
}

async function hold(held: Held, blobs: Blobs): Promise<Held> {
  if (!('value' in held) || isSmall(held.value)) return held;
  return { blob: await blobs.put(held.value) };
}

async function fitRefusal(refusal: Refusal, blobs: Blobs): Promise<Refusal> {
  const { details, message, ...rest } = refusal;
  const short = { ...rest, message: message.slice(0, MESSAGE_CHARACTERS_MAX) };
  if (details === undefined) return short;
  return { ...short, details: isSmall(details) ? details : { blob: await blobs.put(details) } };
}

function isSmall(value: Json): boolean {
  return canonical(value).length <= INLINE_BYTES_MAX;
}

function fewer<V extends string>(clusters: Readonly<Record<string, V>>): Record<string, V> {
  const all = Object.entries(clusters);
  if (all.length <= CLUSTERS_NAMED_MAX) return clusters;
  const first = all.filter(([, verdict]) => verdict !== 'equal');
  const rest = all.filter(([, verdict]) => verdict === 'equal');
  return Object.fromEntries([...first, ...rest].slice(0, CLUSTERS_NAMED_MAX));
}
