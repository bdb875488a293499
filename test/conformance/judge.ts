/** Who judges: an API server under test, and what a case may use of it. */
import { request as dial } from 'node:https';
import { parse, stringify } from 'yaml';
import { type JsonObject, systemClock } from '../../src/base/index.ts';
import { connect } from '../../src/kubernetes/index.ts';
import { type Caller, callerOf } from './caller.ts';

/** A server under test. */
export interface Judge {
  /** Such as `embedded` or `v1.34.10`. */
  readonly name: string;
  /** An administrator's kubeconfig (YAML). */
  readonly kubeconfig: string;
  /** Makes the server forget its past: a resourceVersion from before is too old afterwards. */
  forget(): Promise<void>;
}

/** Another identity than the administrator. */
export type Identity = { readonly token: string } | { readonly certificatePem: string; readonly keyPem: string };

/** What one case works with: a namespace that is its own, and names that no other case uses. */
export interface Trial extends Caller {
  readonly judge: Judge;
  readonly namespace: string;
  /** Lower-case letters, for the names of cluster-scoped objects; goes well into an API group. */
  readonly own: string;
  /** A path in the case's namespace; resource is `configmaps` or `apps/v1/deployments`. */
  path(resource: string, name?: string, subresource?: string): string;
  /** The same of a cluster-scoped resource, or over all namespaces. */
  global(resource: string, name?: string, subresource?: string): string;
  /** A path in another namespace. */
  in(namespace: string, resource: string, name?: string, subresource?: string): string;
  as(identity: Identity): Promise<Caller>;
  /** One request by hand, as the administrator: for headers and bytes. */
  raw(method: string, path: string, headers?: Headers, body?: string): Promise<RawAnswer>;
  /** Asks until the answer is something; fails with `what` after a generous while. */
  eventually<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T>;
  /** Something to be taken away when the case has ended, in whatever way. */
  later(undo: () => Promise<unknown>): void;
}

type Headers = { readonly [name: string]: string };

export interface RawAnswer {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined };
  readonly bytes: Buffer;
}

const PATIENCE_MS = 60_000;
const POLL_MS = 20;
const POLL_MS_MAX = 250;

let count = 0;

/** `aab`, `aac`, …: a different one each time. */
function nextOwn(): string {
  let left = count++;
  let text = '';
  for (let digit = 0; digit < 3; digit++) {
    text = String.fromCharCode(97 + (left % 26)) + text;
    left = Math.floor(left / 26);
  }
  return `c${process.pid}${text}`.replace(/\d/g, (digit) => String.fromCharCode(97 + Number(digit)));
}

export interface OpenTrial extends Trial {
  close(): Promise<void>;
}

/** A fresh namespace on the judge, with what controllers give each one. */
export async function openTrial(judge: Judge, admin: Caller): Promise<OpenTrial> {
  const own = nextOwn();
  const namespace = `conformance-${own}`;
  const undo: (() => Promise<unknown>)[] = [];
  const metadata = { name: namespace };
  const made = await admin.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
  if (made.status !== 201) throw new Error(`no namespace for the case: ${JSON.stringify(made.body)}`);
  for (const path of [
    pathOf('serviceaccounts', namespace, 'default'),
    pathOf('configmaps', namespace, 'kube-root-ca.crt'),
  ]) {
    await eventually(path, async () => (await admin.get(path)).status === 200);
  }
  return {
    ...admin,
    judge,
    namespace,
    own,
    path: (resource, name, subresource) => pathOf(resource, namespace, name, subresource),
    global: (resource, name, subresource) => pathOf(resource, undefined, name, subresource),
    in: pathIn,
    async as(identity) {
      const client = await connect({ kind: 'kubeconfig', text: kubeconfigAs(judge.kubeconfig, identity) }, systemClock);
      undo.push(() => client.close());
      return callerOf(client);
    },
    raw: (method, path, headers, body) => raw(judge.kubeconfig, method, path, headers, body),
    eventually,
    later: (step) => void undo.push(step),
    async close() {
      for (const step of undo.reverse()) await step();
      await admin.remove(`/api/v1/namespaces/${namespace}`, { propagationPolicy: 'Background' });
    },
  };
}

function pathIn(namespace: string, resource: string, name?: string, subresource?: string): string {
  return pathOf(resource, namespace, name, subresource);
}

function pathOf(resource: string, namespace: string | undefined, name?: string, subresource?: string): string {
  const slash = resource.lastIndexOf('/');
  const base = slash === -1 ? '/api/v1' : `/apis/${resource.slice(0, slash)}`;
  const rest = [resource.slice(slash + 1), name, subresource].filter((step) => step !== undefined).join('/');
  return namespace === undefined ? `${base}/${rest}` : `${base}/namespaces/${namespace}/${rest}`;
}

async function eventually<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 1.5, POLL_MS_MAX)) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > untilMs) throw new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly [key: string]: string } }[];
  readonly users: readonly { readonly user: { readonly [key: string]: string } }[];
}

function kubeconfigAs(adminKubeconfig: string, identity: Identity): string {
  const config = parse(adminKubeconfig) as Kubeconfig & JsonObject & { users: readonly { name: string }[] };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const user =
    'token' in identity
      ? { token: identity.token }
      : {
          'client-certificate-data': base64(identity.certificatePem),
          'client-key-data': base64(identity.keyPem),
        };
  return stringify({ ...config, users: [{ name: config.users[0]?.name, user }] });
}

function raw(kubeconfig: string, method: string, path: string, headers: Headers = {}, body = ''): Promise<RawAnswer> {
  const { clusters, users } = parse(kubeconfig) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  const decoded = (text: string | undefined) => Buffer.from(text ?? '', 'base64');
  const options = {
    method,
    agent: false,
    ca: decoded(cluster?.['certificate-authority-data']),
    cert: decoded(user?.['client-certificate-data']),
    key: decoded(user?.['client-key-data']),
    headers: { 'content-length': String(Buffer.byteLength(body)), ...headers },
  } as const;
  return new Promise((resolve, reject) => {
    const sending = dial(`${cluster?.server}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: Buffer.concat(chunks) }),
      );
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
