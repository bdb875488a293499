/** Enrolment, renewal and removal: who a cluster is, bound at the server. */
import { done, errorText, type Outcome, refused, type Store } from '../../base/index.ts';
import { publicKeyOfRequest } from '../certificates.ts';
import type { AgentIdentity, ClusterRecord, Enrolled } from '../types.ts';
import type { Authority } from './authority.ts';
import { CLUSTERS } from './entries.ts';
import type { Tokens } from './tokens.ts';

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export interface Joining {
  enrol(request: { token: string; cluster: string; csr: string }): Promise<Outcome<Enrolled>>;
  renew(identity: AgentIdentity, csr: string): Promise<Outcome<Enrolled>>;
  /** Whether that key is (still) that cluster's: asked at each upgrade. */
  known(identity: AgentIdentity): boolean;
}

export function createJoining(store: Store, authority: Authority, tokens: Tokens): Joining {
  /** Names whose first join is being journaled. */
  const taking = new Map<string, { readonly publicKey: string; requests: number }>();
  const record = (name: string) => store.documents.get(CLUSTERS, name)?.body as unknown as ClusterRecord | undefined;

  /** The name is that key's until every request of it has ended: the first to end must not open it to another. */
  function take(cluster: string, publicKey: string): { release(): void } {
    const taken = taking.get(cluster) ?? { publicKey, requests: 0 };
    taken.requests++;
    taking.set(cluster, taken);
    return {
      release() {
        taken.requests--;
        if (taken.requests === 0) taking.delete(cluster);
      },
    };
  }

  async function issue(csr: string, cluster: string) {
    const { certificate, serial, notAfterMs } = await authority.issueAgent(csr, cluster);
    return { enrolled: { cluster, certificate, ca: authority.caPem }, facts: { serial, notAfterMs } };
  }

  return {
    async enrol({ token, cluster, csr }) {
      if (!NAME.test(cluster)) {
        return refused({ kind: 'invalid', message: `${cluster} is no cluster name: lower-case letters, digits and -` });
      }
      const key = readKey(csr);
      if (key.kind !== 'done') return key;
      const use = tokens.use(token, key.value, cluster);
      if (use.kind !== 'done') return use;
      const holder = record(cluster)?.publicKey ?? taking.get(cluster)?.publicKey;
      if (holder !== undefined && holder !== key.value) {
        use.value.release();
        return nameTaken(cluster);
      }
      const taken = take(cluster, key.value);
      try {
        const { enrolled, facts } = await issue(csr, cluster);
        const { labels, id } = use.value.token;
        const data = { name: cluster, publicKey: key.value, token: id, labels, ...facts };
        await store.journal.append([{ tx: `cluster/${cluster}`, type: 'cluster.joined', actor: `token:${id}`, data }]);
        return done(enrolled);
      } catch (error) {
        return refused({ kind: 'invalid', message: `cannot certify this agent: ${errorText(error)}` });
      } finally {
        taken.release();
        use.value.release();
      }
    },
    async renew(identity, csr) {
      const key = readKey(csr);
      if (key.kind !== 'done') return key;
      if (key.value !== identity.publicKey) {
        return refused({ kind: 'invalid', message: 'a renewal keeps the key: join anew for another one' });
      }
      const { cluster } = identity;
      const { enrolled, facts } = await issue(csr, cluster);
      const data = { name: cluster, publicKey: key.value, ...facts };
      await store.journal.append([
        { tx: `cluster/${cluster}`, type: 'cluster.renewed', actor: `agent:${cluster}`, data },
      ]);
      return done(enrolled);
    },
    known: ({ cluster, publicKey }) => record(cluster)?.publicKey === publicKey,
  };
}

function nameTaken(cluster: string) {
  return refused({
    kind: 'clusterExists',
    message: `cluster ${cluster} has joined with another key`,
    hint: `choose another name, or \`ldc cluster remove ${cluster}\` first`,
  });
}

function readKey(csr: string): Outcome<string> {
  try {
    return done(publicKeyOfRequest(csr));
  } catch {
    return refused({ kind: 'invalid', message: 'this is no certificate request' });
  }
}
