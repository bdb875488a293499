/** Who the clusters are, from the journal's documents, and what their agents say of them. */
import {
  done,
  type Ids,
  type Json,
  type JsonObject,
  type Refusal,
  refused,
  type Store,
  unknown,
} from '../../base/index.ts';
import type { Capacity, CommandBody } from '../../protocol/index.ts';
import type { ClusterRecord, Registry } from '../types.ts';
import { CLUSTERS, FACTS } from './entries.ts';
import { CLUSTER_NAME, type Joining } from './joining.ts';
import type { HubLines } from './link.ts';
import type { Tokens } from './tokens.ts';

/** A cluster of many namespaces takes its time. */
const LEAVE_MS_MAX = 120_000;

/** Of what is forgotten with a cluster, named in its entry; all of it is counted. */
const FORGOTTEN_TOLD_MAX = 100;

export interface RegistryParts {
  readonly store: Store;
  readonly lines: HubLines;
  readonly tokens: Tokens;
  readonly joining: Pick<Joining, 'hold'>;
  readonly ids: Pick<Ids, 'next'>;
}

export function createRegistry({ store, lines, tokens, joining, ids }: RegistryParts): Registry {
  const read = createReader(store, lines);
  const names = createNames(store);
  const absent = (name: string) =>
    refused({ kind: 'notFound', message: `there is no cluster ${name}`, hint: 'see `ldc cluster list`' });

  return {
    clusters: () => names().flatMap((name) => read(name) ?? []),
    cluster: read,
    connected: (name) => lines.connected(name),
    lastHeartbeatMs: (name) => lines.lastHeartbeatMs(name),
    observations: (name) => lines.observations(name),
    async setLabels(name, labels, taints, actor) {
      if (read(name) === undefined) return absent(name);
      const data = { name, labels, taints } as unknown as JsonObject;
      await store.journal.append([{ tx: `cluster/${name}`, type: 'cluster.labelled', actor, data }]);
      return done(read(name) as ClusterRecord);
    },
    createToken: (options) => tokens.create(options),
    tokens: () => tokens.list(),
    revokeToken: (id, actor) => tokens.revoke(id, actor),
    async leave(name, orphan, kept) {
      if (read(name) === undefined) return absent(name);
      const body: CommandBody = { kind: 'leave', orphan, kept: [...kept] };
      const command = { id: ids.next('leave'), epoch: store.epoch, body };
      const outcome = await lines.execute(name, command, { timeoutMs: LEAVE_MS_MAX });
      if (outcome.kind !== 'done') return outcome;
      const { value } = outcome;
      return value.kind === 'left' ? done(value) : unknown(`the agent of ${name} answered ${value.kind}`);
    },
    async rename(name, to, actor, reason) {
      if (read(name) === undefined) return absent(name);
      if (!CLUSTER_NAME.test(to)) return refused(noName(to));
      const held = joining.hold(to);
      if (held === undefined) return refused(nameInUse(to));
      // its own chain ends with its new name, and that one's begins with the old
      const ends = { tx: `cluster/${name}`, type: 'cluster.renamed', actor, data: { name, to, reason } };
      const begins = { tx: `cluster/${to}`, type: 'cluster.renamed', actor, data: { name: to, from: name, reason } };
      await store.journal.append([ends, begins]).finally(() => held.release());
      lines.renamed(name, to);
      return done(read(to) as ClusterRecord);
    },
    async remove(name, actor, reason, forgotten = []) {
      if (read(name) === undefined) return absent(name);
      const tx = `cluster/${name}`;
      const told = { name, reason, count: forgotten.length, owed: forgotten.slice(0, FORGOTTEN_TOLD_MAX) as Json[] };
      const before = forgotten.length === 0 ? [] : [{ tx, type: 'cluster.owedForgotten', actor, data: told }];
      await store.journal.append([...before, { tx, type: 'cluster.removed', actor, data: { name, reason } }]);
      lines.end(name, 'this cluster was removed');
      await store.documents.write([{ collection: FACTS, key: name, body: null }]);
      return done(null);
    },
  };
}

/** Who is there changes by entries about clusters only; asked by every plan and every heartbeat's round. */
function createNames({ documents, journal }: Store): () => readonly string[] {
  let known: readonly string[] | undefined;
  journal.onAppend((entries) => {
    if (entries.some(({ type }) => type.startsWith('cluster.'))) known = undefined;
  });
  return () => {
    known ??= documents.list(CLUSTERS).map(({ key }) => key);
    return known;
  };
}

/** A record is made once for what it is made of: every plan reads those of the whole fleet. */
function createReader(store: Store, lines: HubLines): (name: string) => ClusterRecord | undefined {
  type Made = {
    readonly facts: JsonObject | undefined;
    readonly capacity: Capacity | undefined;
    readonly record: ClusterRecord;
  };
  const made = new WeakMap<JsonObject, Made>();
  return (name) => {
    const own = store.documents.get(CLUSTERS, name)?.body;
    if (own === undefined) return undefined;
    const facts = store.documents.get(FACTS, name)?.body;
    const capacity = lines.capacity(name);
    const known = made.get(own);
    if (known !== undefined && known.facts === facts && known.capacity === capacity) return known.record;
    const record = recordOf(own, facts, capacity);
    made.set(own, { facts, capacity, record });
    return record;
  };
}

function recordOf(own: JsonObject, facts: JsonObject | undefined, capacity: Capacity | undefined): ClusterRecord {
  const { highestEpoch: _forRearm, ...known } = facts ?? {};
  const record = {
    uid: null,
    kubernetesVersion: null,
    agentVersion: null,
    apis: [],
    ...own,
    ...known,
    capacity: capacity ?? known.capacity ?? null,
  };
  return record as unknown as ClusterRecord;
}

function noName(name: string): Refusal {
  return {
    kind: 'invalid',
    message: `${name} is no cluster name: lower-case letters, digits and -`,
    hint: 'such as eu-3',
  };
}

function nameInUse(name: string): Refusal {
  return { kind: 'clusterExists', message: `there is a cluster ${name} already`, hint: 'choose another name' };
}
