/** An agent with the rights that `ldc agent manifests` prints and no others, its hub, and what is asked of both; for embedded and real clusters. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { createClient, type HubClient, HubProblem, routes } from '../src/api/client/index.ts';
import { freePortPair } from '../src/base/free-ports.ts';
import {
  systemClock as clock,
  createIds,
  isObject,
  type Json,
  type KubeObject,
  type ObjectRef,
  systemRandom as random,
  silentLogger,
} from '../src/base/index.ts';
import { fakeMachine } from '../src/cli/fake-io.test.ts';
import { createAgent } from '../src/hub-agent/index.ts';
import { type Client, connect, createDiscovery, objectPath } from '../src/kubernetes/index.ts';
import { readAdminToken, startHub } from '../src/main/hub.ts';
import type { TransactionView } from '../src/saga/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { part, until } from './hub-agent-rig.ts';
import { hubOptionsFor } from './world.ts';

/** A cluster with controllers, as its administrator has it. */
export interface Judge {
  readonly admin: Client;
  readonly kubeconfig: string;
}

export interface Stage {
  readonly admin: Client;
  /** What the agent itself is to the API server. */
  readonly agent: Client;
  /** Every request of the agent's own that was forbidden, as `GET /api/…`. */
  readonly forbidden: string[];
  readonly hub: HubClient;
  apply(source: StackSource): Promise<TransactionView>;
  retire(name: string): Promise<TransactionView>;
  /** The problem with which a plan, and then an apply, of that stack is refused; there is no transaction. */
  refusal(source: StackSource): Promise<{ readonly kind: string; readonly detail: string; readonly hint: string }>;
  get(path: string): Promise<KubeObject | undefined>;
  /** A dry run of the pod that `ldc agent manifests` prints, in its namespace: admission judges it. */
  tryPod(): Promise<{ readonly status: number; readonly message: string }>;
  close(): Promise<void>;
}

export const CLUSTER = 'eu-1';
const ids = createIds(clock, random);

/** Applies what `ldc agent manifests …` prints, and starts an agent with the token of its account. */
export async function stage({ admin, kubeconfig }: Judge, ...flags: readonly string[]): Promise<Stage> {
  const printed = await fakeMachine({}).ldc('agent', 'manifests', '--rights-only', ...flags);
  assert.equal(printed.code, 0, printed.err);
  const manifests = parseAllDocuments(printed.out).map((one) => one.toJS() as KubeObject);
  await applyAll(admin, manifests);
  const forbidden: string[] = [];
  const own = await asAccount(admin, kubeconfig, 'ldc-system', 'ldc-agent');
  const agentClient = noting(own, forbidden);
  const dir = mkdtempSync(join(tmpdir(), 'ldc-rights-'));
  const port = await freePortPair();
  const hub = await startHub(hubOptionsFor(dir, port), { clock, random, logger: silentLogger });
  const client = createClient(
    { hub: hub.url, token: readAdminToken(hub.adminTokenFile), ca: hub.caPem },
    { clock, random },
  );
  const { token } = await client.call(routes.joinTokens.create, { body: { uses: 1, labels: {} } });
  const agent = createAgent({
    ...{ client: agentClient, clock, random, ids, logger: silentLogger, version: 'test', holder: 'rights' },
    hub: { url: hub.agentsUrl },
    join: { token, name: CLUSTER },
  });
  await agent.start();
  await until(
    async () => (await client.all(routes.clusters.list)).some(({ health }) => health === 'ready'),
    'the cluster is ready',
    30_000,
  );
  const finished = async (id: string) => {
    for await (const { type } of client.follow(routes.transactions.events, { id }))
      if (type === 'tx.sealed' || type === 'tx.stuck') break;
    return client.call(routes.transactions.get, { params: { id } });
  };
  const transactions = async () => (await client.all(routes.transactions.list)).length;
  return {
    ...{ admin, agent: own, forbidden, hub: client },
    async apply(source) {
      const answer = await client.call(routes.stacks.apply, { body: { ...source } });
      return finished(answer.kind === 'submitted' ? answer.transaction.id : assert.fail(JSON.stringify(answer)));
    },
    async retire(name) {
      const params = { project: 'default', name };
      const answer = await client.call(routes.stacks.retire, { params, body: {} });
      return finished(answer.kind === 'submitted' ? answer.transaction.id : assert.fail(JSON.stringify(answer)));
    },
    async refusal(source) {
      const before = await transactions();
      const planned = await problemOf(() => client.call(routes.stacks.plan, { body: { ...source } }));
      const applied = await problemOf(() => client.call(routes.stacks.apply, { body: { ...source } }));
      assert.deepEqual([applied.kind, applied.detail], [planned.kind, planned.detail]);
      assert.equal(await transactions(), before, 'there is no transaction');
      return planned;
    },
    async get(path) {
      const answer = await admin.request({ method: 'GET', path });
      return answer.kind === 'answered' && answer.status === 200 ? (answer.body as unknown as KubeObject) : undefined;
    },
    async tryPod() {
      const whole = await fakeMachine({}).ldc('agent', 'manifests', '-o', 'json');
      const { items } = JSON.parse(whole.out) as { items: KubeObject[] };
      const spec = part(
        items.find(({ kind }) => kind === 'Deployment'),
        ...['spec', 'template', 'spec'],
      );
      const pod: Json = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'trial' }, spec: spec ?? null };
      return tryAs(admin, 'POST', '/api/v1/namespaces/ldc-system/pods?dryRun=All', pod);
    },
    async close() {
      await agent.stop();
      await client.close();
      await hub.stop();
      await own.close();
      await removeAll(admin, manifests);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function problemOf(call: () => Promise<unknown>) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof HubProblem, String(error));
    const { kind = '', detail = '', hint = '' } = error.problem;
    return { kind, detail, hint };
  }
  return assert.fail('it was not refused');
}

/** Applied as `kubectl apply --server-side` does; an answer of 409 or more is a failure. */
export async function applyAll(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const body of objects) {
    const answer = await client.request({
      ...{ method: 'PATCH', contentType: 'application/apply-patch+yaml', body },
      path: await pathOf(client, body),
      query: { fieldManager: 'kubectl', fieldValidation: 'Strict', force: true },
    });
    assert.ok(answer.kind === 'answered' && answer.status < 300, JSON.stringify(answer));
    // an embedded cluster says that it enforces no Pod Security
    assert.deepEqual(
      answer.warnings.filter((text) => !text.includes('pod-security.kubernetes.io/')),
      [],
    );
  }
}

/** The last first; resolves when all is gone. */
export async function removeAll(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const object of [...objects].reverse()) {
    const path = await pathOf(client, object);
    await client.request({ method: 'DELETE', path });
    if (object.kind !== 'Namespace') continue;
    const isGone = async () => {
      const answer = await client.request({ method: 'GET', path });
      return answer.kind === 'answered' && answer.status === 404;
    };
    await until(isGone, `${object.metadata.name} is gone`, 60_000);
  }
}

async function pathOf(client: Client, { apiVersion, kind, metadata }: KubeObject): Promise<string> {
  const found = await createDiscovery(client, clock).kind(apiVersion, kind);
  assert.ok(found.kind === 'served', `${apiVersion} ${kind} is served`);
  const { name, namespace } = metadata;
  const ref: ObjectRef = { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  return objectPath(found.info, ref);
}

/** A client with the token of an account and nothing else. */
export async function asAccount(admin: Client, kubeconfig: string, namespace: string, name: string): Promise<Client> {
  const asked = await admin.request({
    ...{ method: 'POST', path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token` },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } },
  });
  const status = asked.kind === 'answered' && isObject(asked.body) ? asked.body.status : undefined;
  const token = isObject(status) ? String(status.token) : assert.fail(JSON.stringify(asked));
  const [config] = parseAllDocuments(kubeconfig).map((one) => one.toJS() as { users: { name: string }[] });
  assert.ok(config);
  const users = config.users.map((user) => ({ name: user.name, user: { token } }));
  return connect({ kind: 'kubeconfig', text: stringify({ ...config, users }) }, clock);
}

function noting(client: Client, forbidden: string[]): Client {
  return {
    ...client,
    async request(request) {
      const answer = await client.request(request);
      if (answer.kind === 'answered' && answer.status === 403) forbidden.push(`${request.method} ${request.path}`);
      return answer;
    },
    async watch(request, onEvent) {
      const end = await client.watch(request, onEvent);
      if (end.kind === 'failed' && end.status === 403) forbidden.push(`WATCH ${request.path}`);
      return end;
    },
  };
}

/** Sends it as that client; answers the HTTP status and the server's words. */
export async function tryAs(
  client: Client,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: Json,
): Promise<{ readonly status: number; readonly message: string }> {
  const answer = await client.request({
    ...{ method, path },
    ...(body === undefined ? {} : { body }),
    ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}),
  });
  assert.equal(answer.kind, 'answered');
  const { status, body: said } = answer as Extract<typeof answer, { kind: 'answered' }>;
  return { status, message: isObject(said) ? String(said.message ?? '') : '' };
}

export interface StackText {
  readonly name?: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly manifests: string;
}

/** One function `web` with these manifests, on the one cluster. */
export function stackOf({ name = 'shop', namespace = 'shop', serviceAccount, manifests }: StackText): StackSource {
  const stack = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${namespace}
${serviceAccount === undefined ? '' : `  serviceAccount: ${serviceAccount}\n`}  functions:
    - { name: web, manifests: [ web.yaml ] }
  rollout: { deadline: 60s, minReady: 0s }
`;
  return { path: 'stack.yaml', stack, files: { 'web.yaml': manifests } };
}

/** `isBroken`: no node takes its pods, so that it never gets ready. */
export const web = (image: string, value = 'a', isBroken = false) => `apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { a: ${value} }
---
apiVersion: v1
kind: Secret
metadata: { name: login }
stringData: { password: hunter2 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { port: 80 } ] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  progressDeadlineSeconds: ${isBroken ? 2 : 60}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { ${isBroken ? 'nodeSelector: { nowhere: here }, ' : ''}containers: [ { name: c, image: "${image}" } ] }
`;
