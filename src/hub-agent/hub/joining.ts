/** Enrolment, renewal and removal: who a cluster is, bound at the server. */
import { done, errorText, type Outcome, type Refusal, refused, type Store } from '../../base/index.ts';
import { publicKeyOfRequest } from '../certificates.ts';
import type { AgentIdentity, ClusterRecord, Enrolled, Enrolment } from '../types.ts';
import type { Authority } from './authority.ts';
import { CLUSTER_UIDS, CLUSTERS, KEYS, REMOVED } from './entries.ts';
import type { Tokens } from './tokens.ts';

export const CLUSTER_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export interface Joining {
  enrol(request: Enrolment): Promise<Outcome<Enrolled>>;
  renew(identity: AgentIdentity, csr: string): Promise<Outcome<Enrolled>>;
  /** Who that is here: the key says it. Its certificate may carry a name that its cluster had before, or (a hub of an old backup) has had since. */
  current(identity: AgentIdentity): AgentIdentity;
  /** Holds a free name, so that nobody joins by it meanwhile; undefined: it is known, or being taken. */
  hold(cluster: string): { release(): void } | undefined;
  /** Whether that key is (still) that cluster's: asked at each upgrade. */
  known(identity: AgentIdentity): boolean;
  /** Why one that is not known is not. */
  strange(identity: AgentIdentity): Refusal;
}

/** Who certifies those that join. */
export type Certifier = Pick<Authority, 'caPem' | 'caDigest' | 'issueAgent'>;

export function createJoining(store: Store, authority: Certifier, tokens: Tokens): Joining {
  /** Names whose first join is being journaled. */
  const taking: Taking = { byName: new Map(), byUid: new Map() };
  const record = (name: string) => store.documents.get(CLUSTERS, name)?.body as unknown as ClusterRecord | undefined;

  async function issue(csr: string, cluster: string) {
    const { certificate, serial, notAfterMs } = await authority.issueAgent(csr, cluster);
    return { enrolled: { cluster, certificate, ca: authority.caPem }, facts: { serial, notAfterMs } };
  }

  return {
    async enrol({ token, cluster, csr, uid }) {
      if (!CLUSTER_NAME.test(cluster)) {
        return invalid(`${cluster} is no cluster name: lower-case letters, digits and -`, 'join it under another name');
      }
      const key = readKey(csr);
      if (key.kind !== 'done') return key;
      const use = tokens.use(token, key.value, cluster);
      if (use.kind !== 'done') return use;
      const candidate = {
        cluster,
        uid,
        publicKey: key.value,
        named: use.value.token.cluster === cluster,
      };
      const wrong = judge(store, taking, candidate);
      if (wrong !== undefined) {
        use.value.release();
        return refused(wrong);
      }
      const taken = take(taking, candidate);
      try {
        const { enrolled, facts } = await issue(csr, cluster);
        const { labels, id } = use.value.token;
        const known = uid === undefined ? {} : { uid };
        const data = { name: cluster, publicKey: key.value, token: id, labels, ...known, ...facts };
        await store.journal.append([{ tx: `cluster/${cluster}`, type: 'cluster.joined', actor: `token:${id}`, data }]);
        return done(enrolled);
      } catch (error) {
        return invalid(
          `cannot certify this agent: ${errorText(error)}`,
          'join again; when it stays so, look at the log of the hub',
        );
      } finally {
        taken.release();
        use.value.release();
      }
    },
    async renew(identity, csr) {
      const key = readKey(csr);
      if (key.kind !== 'done') return key;
      if (key.value !== identity.publicKey) {
        return refused({ kind: 'invalid', message: 'a renewal keeps the key', hint: 'join anew for another one' });
      }
      const { cluster } = identity;
      const { enrolled, facts } = await issue(csr, cluster);
      const data = { name: cluster, publicKey: key.value, ...facts };
      await store.journal.append([
        { tx: `cluster/${cluster}`, type: 'cluster.renewed', actor: `agent:${cluster}`, data },
      ]);
      return done(enrolled);
    },
    hold(cluster) {
      if (record(cluster) !== undefined || taking.byName.has(cluster)) return undefined;
      return take(taking, { cluster, uid: undefined, publicKey: '', named: false });
    },
    ...createKnowledge(store),
  };
}

/** Who an identity is, by what is journaled. */
function createKnowledge({ documents }: Store): Pick<Joining, 'current' | 'known' | 'strange'> {
  const keyOf = (name: string) => documents.get(CLUSTERS, name)?.body.publicKey;
  return {
    current(identity) {
      const { cluster, publicKey } = identity;
      if (keyOf(cluster) === publicKey) return identity;
      const now = documents.get(KEYS, publicKey)?.body.cluster;
      return typeof now === 'string' ? { cluster: now, publicKey } : identity;
    },
    known: ({ cluster, publicKey }) => keyOf(cluster) === publicKey,
    strange: ({ cluster, publicKey }) => {
      const removed = documents.get(REMOVED, publicKey)?.body;
      return removed === undefined ? notKnown(cluster) : wasRemoved(cluster, String(removed.at));
    },
  };
}

interface Taken {
  readonly publicKey: string;
  readonly uid: string | undefined;
  requests: number;
}

interface Taking {
  readonly byName: Map<string, Taken>;
  /** The name that a cluster is taking, by its uid. */
  readonly byUid: Map<string, string>;
}

interface Candidate {
  readonly cluster: string;
  readonly uid: string | undefined;
  readonly publicKey: string;
  /** Its token was made for that name. */
  readonly named: boolean;
}

/** The name is that key's until every request of it has ended: the first to end must not open it to another. */
function take({ byName, byUid }: Taking, { cluster, publicKey, uid }: Candidate): { release(): void } {
  const taken = byName.get(cluster) ?? { publicKey, uid, requests: 0 };
  taken.requests++;
  byName.set(cluster, taken);
  if (taken.uid !== undefined) byUid.set(taken.uid, cluster);
  return {
    release() {
      taken.requests--;
      if (taken.requests > 0) return;
      byName.delete(cluster);
      if (taken.uid !== undefined) byUid.delete(taken.uid);
    },
  };
}

/** One cluster has one name, and a name one cluster; undefined: that one may join. */
function judge({ documents }: Store, taking: Taking, candidate: Candidate): Refusal | undefined {
  const { cluster, uid, publicKey, named } = candidate;
  const before = documents.get(CLUSTERS, cluster)?.body as unknown as ClusterRecord | undefined;
  const elsewhere = uid === undefined ? undefined : nameOf(documents, taking, uid);
  if (elsewhere !== undefined && elsewhere !== cluster) return clusterTaken(elsewhere, cluster);
  if (uid !== undefined && before?.uid && before.uid !== uid) return anotherCluster(cluster);
  const holder = taking.byName.get(cluster)?.publicKey ?? before?.publicKey;
  if (holder === undefined || holder === publicKey) return undefined;
  // it has lost its key (an old etcd backup, a deleted namespace): whoever made a token for this very name lets it in again
  return named && uid !== undefined && before?.uid === uid ? undefined : nameTaken(cluster);
}

function nameOf(documents: Store['documents'], taking: Taking, uid: string): string | undefined {
  const known = documents.get(CLUSTER_UIDS, uid)?.body.cluster;
  return typeof known === 'string' ? known : taking.byUid.get(uid);
}

function nameTaken(cluster: string): Refusal {
  return {
    kind: 'clusterExists',
    message: `cluster ${cluster} has joined with another key`,
    hint: `if this is the same cluster: \`ldc cluster join ${cluster} --kubeconfig FILE\`. If it is another: choose another name, or \`ldc cluster remove ${cluster}\` first`,
  };
}

function clusterTaken(known: string, wanted: string): Refusal {
  return {
    kind: 'clusterJoined',
    message: `this cluster has joined already, as ${known}`,
    hint: `use it by that name; to have it as ${wanted}: \`ldc cluster rename ${known} ${wanted}\``,
  };
}

/** Its name belongs to a cluster whose namespace kube-system has another uid. */
export function anotherCluster(cluster: string): Refusal {
  return {
    kind: 'anotherCluster',
    message: `this is another cluster than the one that joined as ${cluster}`,
    hint: `join it by a name of its own; if it takes the place of the former ${cluster}: \`ldc cluster remove ${cluster} --force\` first. A copied namespace ldc-system brings a copied identity: delete it here`,
  };
}

function wasRemoved(cluster: string, at: string): Refusal {
  return {
    kind: 'clusterRemoved',
    message: `cluster ${cluster} was removed from this hub at ${at}: its agent does nothing any more`,
    hint: 'to have it back: `ldc cluster join NAME --kubeconfig FILE`, or start the agent with a new token of `ldc cluster token`',
  };
}

function notKnown(cluster: string): Refusal {
  return {
    kind: 'unknownAgent',
    message: `this hub knows no cluster ${cluster} with the key of this agent`,
    hint: 'join it again: `ldc cluster join NAME --kubeconfig FILE`, or start the agent with a new token of `ldc cluster token`',
  };
}

function readKey(csr: string): Outcome<string> {
  try {
    return done(publicKeyOfRequest(csr));
  } catch {
    return invalid('this is no certificate request', 'let `ldc agent` ask: it makes one');
  }
}

function invalid(message: string, hint: string): Outcome<never> {
  return refused({ kind: 'invalid', message, hint });
}
