/**
 * What an agent remembers in its cluster, written before it acts. What it holds is with its bundles, one Secret a location
 * (held.ts); beside them one small ConfigMap: the epoch, commands that were begun, drifts that no hub has journaled.
 */
import { type Clock, isObject, type KubeObject, type Logger, limits } from '../../base/index.ts';
import type { Client } from '../../kubernetes/index.ts';
import { verdictOf } from '../../kubernetes/index.ts';
import type { Held, StoredIdentity } from '../types.ts';
import type { Location } from './bundle.ts';
import type { Drift } from './drift-outbox.ts';
import { Halted } from './halted.ts';
import { type HeldLocations, openHeld } from './held.ts';
import { halt } from './objects.ts';
import { createOutcomes, type Final, type Outcomes } from './outcomes.ts';
import { createStored, type Stored, SYSTEM_NAMESPACE, secret } from './stored.ts';

const STATE = 'ldc-agent-state';
const IDENTITY = 'ldc-agent-identity';

export interface AgentState {
  readonly v: 1;
  /** The highest that was seen: a command with a lower one is refused. */
  readonly epoch: number;
  /** Whose it was; absent: that hub did not say. */
  readonly holder?: string;
  /** Commands that change something, by id; without an outcome it was begun and its end is not known here. */
  readonly commands: { readonly [id: string]: { readonly atMs: number; readonly outcome?: Final } };
  /** Not in the hub's journal yet. */
  readonly drifts?: readonly Drift[];
}

export interface Memory {
  readonly state: AgentState;
  readonly held: Pick<HeldLocations, 'all' | 'at' | 'hold' | 'release' | 'bundle' | 'isAsWritten'>;
  readonly outcomes: Pick<Outcomes, 'of' | 'ended'>;
  /** Changes the state; resolves when it is written. Changes of one moment share a write. */
  update(change: (state: AgentState) => AgentState): Promise<void>;
  hasBegun(command: string, location: Location | undefined): boolean;
  /** Resolves when it is written that the command is begun. What holds a location says it there. */
  begin(command: string): Promise<void>;
  /** Resolves when what was answered is written, for the agent that comes after. */
  stop(): Promise<void>;
  identity(): Promise<StoredIdentity | undefined>;
  saveIdentity(identity: StoredIdentity): Promise<void>;
  /** Deletes all of it, the identity too. */
  forget(): Promise<void>;
}

/**
 * Reads the memory; its namespace is there. `onForeign`: it is another's by now, or an older one (a backup of
 * the cluster was restored): it has to be opened anew. @throws Halted when the API server does not answer.
 */
export async function openMemory(
  client: Client,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  onForeign: () => void,
): Promise<Memory> {
  const stored = createStored(client);
  const found = await stored.read('configmaps', STATE);
  const { held: before = [], ...read } = readState(found);
  const held = await openHeld(stored, before, { clock, logger }, onForeign);
  const outcomes = createOutcomes(read.commands);
  let state: AgentState = read;
  const flush = createFlush(stored, found, onForeign, () => {
    const unrecorded = held.unrecorded();
    return JSON.stringify(unrecorded.length === 0 ? state : { ...state, held: unrecorded });
  });

  /** What has no record is listed here, before and after. */
  async function listing(change: () => Promise<void>): Promise<void> {
    const before = held.unrecorded().length;
    await change();
    if (before + held.unrecorded().length > 0) await flush();
  }
  function update(change: (state: AgentState) => AgentState): Promise<void> {
    state = change(state);
    return flush();
  }

  return {
    get state() {
      return state;
    },
    outcomes,
    held: {
      ...held,
      hold: (one, blob, command) => listing(() => held.hold(one, blob, command)),
      release: (location) => listing(() => held.release(location)),
    },
    update,
    hasBegun(command, location) {
      return state.commands[command] !== undefined || (location !== undefined && held.hasBegun(location, command));
    },
    begin(command) {
      if (state.commands[command] !== undefined) return flush();
      const begun = { [command]: { atMs: clock.now() } };
      return update(({ commands, ...rest }) => ({ ...rest, commands: { ...kept(commands, outcomes), ...begun } }));
    },
    async stop() {
      const answered = outcomes.newest(clock.now());
      if (Object.keys(answered).length === 0) return;
      await update(({ commands, ...rest }) => ({ ...rest, commands: { ...commands, ...answered } }));
    },
    ...identityIn(stored),
    forget: () => forget(stored, held),
  };
}

/** Writes what the state is, where it is another than the written one; what changes meanwhile shares the next write. */
function createFlush(
  stored: Stored,
  found: KubeObject | undefined,
  onForeign: () => void,
  textNow: () => string,
): () => Promise<void> {
  let written = found === undefined ? '' : dataOf(found);
  let resourceVersion = found?.metadata.resourceVersion;
  let flushing: Promise<void> | undefined;

  async function writeOnce(): Promise<void> {
    const text = textNow();
    if (text === written) return;
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
  return async () => {
    if (flushing === undefined && textNow() === written) return;
    // the write that is under way may have been taken before this change: wait for the one after it
    const before = flushing;
    const own = (async () => {
      await before?.catch(() => {});
      await writeOnce();
    })();
    flushing = own;
    await own.finally(() => {
      if (flushing === own) flushing = undefined;
    });
  };
}

/** Of what has ended (which its hub has heard long since) only the latest ids stay. */
function kept(commands: AgentState['commands'], outcomes: Outcomes): AgentState['commands'] {
  const entries = Object.entries(commands).map(([id, { atMs }]): [string, { readonly atMs: number }] => [id, { atMs }]);
  const byAge = entries.sort(([, a], [, b]) => a.atMs - b.atMs);
  const ended = byAge.filter(([id]) => outcomes.of(id) !== undefined);
  const gone = new Set(ended.slice(0, Math.max(0, ended.length - limits.agentEndedMarksMax)).map(([id]) => id));
  return Object.fromEntries(byAge.filter(([id]) => !gone.has(id)).slice(-limits.agentOutcomesMax));
}

function identityIn(stored: Stored): Pick<Memory, 'identity' | 'saveIdentity'> {
  return {
    async identity() {
      const data = (await stored.read('secrets', IDENTITY))?.data as { [key: string]: string } | undefined;
      const text = data?.identity;
      return text === undefined ? undefined : JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    },
    saveIdentity(identity) {
      const data = { identity: Buffer.from(JSON.stringify(identity)).toString('base64') };
      return stored.put('secrets', secret(IDENTITY, data));
    },
  };
}

async function forget(stored: Stored, held: HeldLocations): Promise<void> {
  for (const { location } of held.all()) await held.release(location);
  await stored.remove('secrets', IDENTITY);
  await stored.remove('configmaps', STATE);
}

/** Makes the namespace of the memory, at the first start. @throws Halted when the API server does not answer. */
export async function ensureSystemNamespace(client: Client): Promise<void> {
  const body: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM_NAMESPACE } };
  const found = await client.request({ method: 'GET', path: `/api/v1/namespaces/${SYSTEM_NAMESPACE}` });
  if (found.kind === 'answered' && found.status === 200) return;
  const verdict = verdictOf(
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body }),
    'Namespace ldc-system',
  );
  if (verdict.kind !== 'ok' && verdict.kind !== 'stale') halt(verdict);
}

/** `held`: what has no record with its bundle. */
function readState(object: KubeObject | undefined): AgentState & { readonly held?: readonly Held[] } {
  const text = object === undefined ? '' : dataOf(object);
  return text === '' ? { v: 1, epoch: 0, commands: {} } : (JSON.parse(text) as AgentState);
}

function dataOf({ data }: KubeObject): string {
  return isObject(data) && typeof data.state === 'string' ? data.state : '';
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
