/** What an agent remembers in its cluster, written before it acts: epoch, what it holds, commands with their outcomes. */
import { type Clock, type Json, type KubeObject, limits, type Outcome, sha256Hex } from '../../base/index.ts';
import type { Client } from '../../kubernetes/index.ts';
import { verdictOf } from '../../kubernetes/index.ts';
import type { CommandOutput } from '../../protocol/index.ts';
import type { Held, StoredIdentity } from '../types.ts';
import type { Location, OpenBlob } from './bundle.ts';
import type { Drift } from './drift-outbox.ts';
import { Halted } from './halted.ts';
import { halt } from './objects.ts';
import { createStored, type Stored, SYSTEM_NAMESPACE, secret } from './stored.ts';

const STATE = 'ldc-agent-state';
const IDENTITY = 'ldc-agent-identity';
/** A ConfigMap holds 1 MiB; the oldest outcomes go first. */
const STATE_BYTES_MAX = 700 * 1024;

export interface AgentState {
  readonly v: 1;
  /** The highest that was seen: a command with a lower one is refused. */
  readonly epoch: number;
  readonly held: readonly Held[];
  /** Commands that change something, by id; without an outcome it was begun and its end is not known. */
  readonly commands: { readonly [id: string]: { readonly atMs: number; readonly outcome?: Final } };
  /** Not in the hub's journal yet. */
  readonly drifts?: readonly Drift[];
}
export type Final = Extract<Outcome<CommandOutput>, { kind: 'done' | 'refused' }>;

export interface Memory {
  readonly state: AgentState;
  /** Changes the state; resolves when it is written. Changes of one moment share a write. */
  update(change: (state: AgentState) => AgentState): Promise<void>;
  identity(): Promise<StoredIdentity | undefined>;
  saveIdentity(identity: StoredIdentity): Promise<void>;
  saveBundle(location: Location, blob: OpenBlob): Promise<void>;
  loadBundle(location: Location): Promise<OpenBlob | undefined>;
  dropBundle(location: Location): Promise<void>;
  /** Deletes all of it, the identity too. */
  forget(): Promise<void>;
}

/**
 * Reads the memory, making its namespace at the first start. `onForeign`: it is another's by now, or an older one (a backup of
 * the cluster was restored): it has to be opened anew. @throws Halted when the API server does not answer.
 */
export async function openMemory(client: Client, clock: Clock, onForeign: () => void = () => {}): Promise<Memory> {
  await ensureNamespace(client);
  const stored = createStored(client);
  const found = await stored.read('configmaps', STATE);
  let state = readState(found);
  let written = JSON.stringify(state);
  let resourceVersion = found?.metadata.resourceVersion;
  let flushing: Promise<void> | undefined;

  async function writeOnce(): Promise<void> {
    state = trim(state);
    const text = JSON.stringify(state);
    if (text === written && resourceVersion !== undefined) return;
    const answer = await stored.write('configmaps', configMap(text, resourceVersion));
    if (answer !== 'conflict') {
      resourceVersion = answer.metadata.resourceVersion;
      written = text;
      return;
    }
    const live = await stored.read('configmaps', STATE);
    const theirs = live === undefined ? written : dataOf(live);
    // a write whose answer was lost has happened all the same; anything else is another agent's
    if (theirs !== written && theirs !== text) {
      onForeign();
      throw new Halted({ kind: 'unknown', reason: "another agent has written this cluster's memory" });
    }
    resourceVersion = live?.metadata.resourceVersion;
    return writeOnce();
  }

  return {
    get state() {
      return state;
    },
    async update(change) {
      state = change(state);
      // the write that is under way may have been taken before this change: wait for the one after it
      const before = flushing;
      flushing = (async () => {
        await before?.catch(() => {});
        await writeOnce();
      })();
      await flushing;
    },
    async identity() {
      const data = (await stored.read('secrets', IDENTITY))?.data as { [key: string]: string } | undefined;
      if (data?.identity === undefined) return undefined;
      return JSON.parse(Buffer.from(data.identity, 'base64').toString('utf8')) as StoredIdentity;
    },
    async saveIdentity(identity) {
      const live = await stored.read('secrets', IDENTITY);
      const made = secret(IDENTITY, { identity: Buffer.from(JSON.stringify(identity)).toString('base64') });
      const rv = live?.metadata.resourceVersion;
      const metadata = { ...made.metadata, ...(rv === undefined ? {} : { resourceVersion: rv }) };
      await stored.write('secrets', { ...made, metadata });
    },
    saveBundle: (location, { value, secrets }) =>
      stored.saveLarge(bundleName(location), { value, secrets: Object.fromEntries(secrets), atMs: clock.now() }),
    async loadBundle(location) {
      const found = (await stored.loadLarge(bundleName(location))) as
        | { value: Json; secrets: { [k: string]: string } }
        | undefined;
      return found === undefined ? undefined : { value: found.value, secrets: new Map(Object.entries(found.secrets)) };
    },
    dropBundle: (location) => stored.removeLarge(bundleName(location)),
    forget: () => forget(stored, state),
  };
}

async function forget(stored: Stored, { held }: AgentState): Promise<void> {
  for (const { location } of held) await stored.removeLarge(bundleName(location));
  await stored.remove('secrets', IDENTITY);
  await stored.remove('configmaps', STATE);
}

async function ensureNamespace(client: Client): Promise<void> {
  const body: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM_NAMESPACE } };
  const found = await client.request({ method: 'GET', path: `/api/v1/namespaces/${SYSTEM_NAMESPACE}` });
  if (found.kind === 'answered' && found.status === 200) return;
  const verdict = verdictOf(
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body }),
    'Namespace ldc-system',
  );
  if (verdict.kind !== 'ok' && verdict.kind !== 'stale') halt(verdict);
}

function readState(object: KubeObject | undefined): AgentState {
  const text = object === undefined ? '' : dataOf(object);
  return text === '' ? { v: 1, epoch: 0, held: [], commands: {} } : (JSON.parse(text) as AgentState);
}

function dataOf(object: KubeObject): string {
  return (object.data as { state?: string } | undefined)?.state ?? '';
}

function configMap(state: string, resourceVersion: string | undefined): KubeObject {
  const metadata = {
    name: STATE,
    namespace: SYSTEM_NAMESPACE,
    labels: { 'app.kubernetes.io/managed-by': 'ldc' },
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { state } };
}

/** Drops the oldest outcomes above the limits; what is open stays. */
function trim(state: AgentState): AgentState {
  const entries = Object.entries(state.commands);
  let bytes = JSON.stringify(state).length;
  if (entries.length <= limits.agentOpenOutcomesMax && bytes <= STATE_BYTES_MAX) return state;
  const finished = entries.filter(([, one]) => one.outcome !== undefined).sort(([, a], [, b]) => a.atMs - b.atMs);
  const kept = new Map(entries);
  for (const [id, one] of finished) {
    if (kept.size <= limits.agentOpenOutcomesMax && bytes <= STATE_BYTES_MAX) break;
    kept.delete(id);
    bytes -= JSON.stringify([id, one]).length;
  }
  return { ...state, commands: Object.fromEntries(kept) };
}

/** `project/stack/name`, members marked: the name of a location within its cluster. */
export function locationKey(location: Location): string {
  const { project, name } = location.stack;
  return `${location.kind === 'member' ? 'member ' : ''}${project}/${name}/${location.name}`;
}

function bundleName(location: Location): string {
  return `ldc-bundle-${sha256Hex(locationKey(location)).slice(0, 24)}`;
}
