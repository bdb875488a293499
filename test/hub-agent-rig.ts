/** One hub and one embedded cluster with its agent, over real TLS on loopback; for the hub-agent tests. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import {
  canonical,
  systemClock as clock,
  createIds,
  cutSecret,
  type Digest,
  isObject,
  type Json,
  type KubeObject,
  type Outcome,
  systemRandom as random,
  silentLogger,
} from '../src/base/index.ts';
import {
  type Agent,
  type AgentOptions,
  clusterProjector,
  createAgent,
  createHubLink,
  type HubLink,
} from '../src/hub-agent/index.ts';
import { type Client, connect } from '../src/kubernetes/index.ts';
import type { CommandBody, CommandOutput } from '../src/protocol/index.ts';
import { type ApiServer, regionNames, startApiServer, startFleet } from '../src/sim/index.ts';
import { memoryStore } from '../src/store/index.ts';

const ids = createIds(clock, random);
export const STACK = { project: 'default', name: 'shop' };
export const MANAGER = 'ldc.default.shop';
export const LOCATION = { stack: STACK, kind: 'function', name: 'checkout', cluster: 'eu-1' } as const;

export interface Rig {
  readonly hub: HubLink;
  readonly api: ApiServer;
  readonly client: Client;
  readonly store: ReturnType<typeof memoryStore>;
  agent: Agent;
  /** Starts another agent process on the same cluster. */
  startAgent(overrides?: Partial<AgentOptions>): Promise<Agent>;
  run(body: CommandBody, id?: string, epoch?: number): Promise<Outcome<CommandOutput>>;
  bundle(revision: number, objects: readonly KubeObject[], more?: object): Promise<Digest>;
  get(path: string): Promise<KubeObject | undefined>;
  write(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: Json,
    contentType?: string,
  ): Promise<Json>;
  close(): Promise<void>;
}

export interface RigOptions {
  /** Wraps the agent's client. */
  readonly client?: (inner: Client) => Client;
  /** A cluster that runs already, with controllers and all. */
  readonly cluster?: Client;
}

/** A test that failed has closed nothing, and what it left open would keep its file from ending. */
const open = new Set<Rig>();
after(async () => {
  for (const { agent, hub, client, api } of open) {
    void agent?.stop(); // one that was killed by its test hangs
    await Promise.allSettled([hub.stop(), client.close(), api.close()]);
  }
});

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const api = await startApiServer({ name: 'eu-1' });
  const inner = options.cluster ?? (await connect({ kind: 'kubeconfig', text: api.adminKubeconfig.yaml }, clock));
  const client = options.client?.(inner) ?? inner;
  const store = memoryStore({ clock, random, logger: silentLogger, projectors: [clusterProjector] });
  const hub = await createHubLink({
    ...{ store, clock, ids, random, logger: silentLogger },
    dir: mkdtempSync(join(tmpdir(), 'ldc-rig-')),
    listen: { host: '127.0.0.1', port: 0 },
    heartbeatMs: 300,
    hubName: 'test',
    desired: () => [],
  });
  await hub.start();
  const made = await hub.registry.createToken({ uses: 1, ttlMs: 60_000, labels: {}, actor: 'user:test' });
  assert.equal(made.kind, 'done');
  const token = made.kind === 'done' ? made.value.token : '';
  let count = 0;
  const rig: Rig = {
    hub,
    api,
    client: inner,
    store,
    agent: undefined as unknown as Agent,
    async startAgent(overrides = {}) {
      const agent = createAgent({
        ...{ client, clock, random, ids, logger: silentLogger, version: 'test', holder: 'rig' },
        hub: { url: hub.url },
        join: { token, name: 'eu-1' },
        ...overrides,
      });
      await agent.start();
      return agent;
    },
    run: (body, id = `tx/${++count}/do`, epoch = store.epoch) =>
      hub.link.execute('eu-1', { id, epoch, body }, { timeoutMs: 20_000 }),
    async bundle(revision, objects, more = {}) {
      const cut = objects.map((object) => cutSecret(object, store.secrets.cutKey));
      for (const { values } of cut) await store.secrets.put(values);
      const value = {
        ...{ v: 1, location: LOCATION, revision, fieldManager: MANAGER, conflicts: 'refuse' },
        drift: { mode: 'repair', ignore: [] },
        objects: cut.map(({ object }) => object),
        ...more,
      };
      return store.blobs.put(value as unknown as Json);
    },
    async get(path) {
      const answer = await inner.request({ method: 'GET', path });
      return answer.kind === 'answered' && answer.status === 200 ? (answer.body as unknown as KubeObject) : undefined;
    },
    async write(method, path, body, contentType) {
      const answer = await inner.request({
        ...{ method, path },
        ...(body === undefined ? {} : { body }),
        ...(contentType === undefined ? {} : { contentType }),
      });
      assert.ok(answer.kind === 'answered' && answer.status < 300, `${method} ${path}: ${JSON.stringify(answer)}`);
      return answer.body;
    },
    async close() {
      open.delete(rig);
      await rig.agent?.stop();
      await hub.stop();
      await client.close();
      await api.close();
      await store.close();
    },
  };
  open.add(rig);
  rig.agent = await rig.startAgent();
  await until(() => hub.link.connected('eu-1'), 'the agent is connected');
  return rig;
}

/** Snapshot and apply, as a transaction does them. */
export async function deploy(rig: Rig, revision: number, bundle: Digest, previous: Digest | null = null) {
  const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous });
  const preImages = output(taken, 'snapshot').preImages as Digest;
  const outcome = await rig.run({ kind: 'apply', location: LOCATION, revision, bundle, preImages });
  return { preImages, outcome, revision, bundle };
}

/** Undoes what was deployed over `previous` and reads it back. */
export async function undo(
  rig: Rig,
  { preImages, bundle }: { readonly preImages: Digest; readonly bundle: Digest },
  previous: { readonly revision: number; readonly bundle: Digest } | null,
) {
  const asked = { kind: 'undo', location: LOCATION, bundle, preImages, previous } as const;
  const receipt = output(await rig.run(asked), 'receipt');
  const locations = [{ location: LOCATION, preImages, bundle }];
  return { receipt, verified: output(await rig.run({ kind: 'verify', locations }), 'verify') };
}

/**
 * Who owns what of an object, without the times: and so in an order of its own, since a server's goes by time, and two
 * entries change places when the second that lay between them is gone.
 */
export function owners(object: KubeObject | undefined) {
  const entries = (object?.metadata.managedFields ?? []) as readonly { [key: string]: Json }[];
  return entries
    .filter((entry) => entry.subresource !== 'status')
    .map(({ manager, operation, subresource, fieldsV1 }) => ({ manager, operation, subresource, fieldsV1 }))
    .sort((a, b) => (canonical(a as Json) < canonical(b as Json) ? -1 : 1));
}

export interface Living {
  /** The administrator's. */
  readonly kubeconfig: string;
  readonly cluster: Client;
  close(): Promise<void>;
}

/** One embedded cluster that lives: controllers, scheduler, kubelet. */
export async function startLiving(): Promise<Living> {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-live-'));
  chmodSync(stateDir, 0o755);
  const clientFor = (text: string) => connect({ kind: 'kubeconfig', text }, clock);
  const options = { clock, random, logger: silentLogger, clientFor };
  const fleet = await startFleet({ stateDir, clusters: regionNames(1), ...options });
  const path = fleet.clusters[0]?.kubeconfigPath ?? assert.fail('no cluster');
  const kubeconfig = readFileSync(path, 'utf8');
  return {
    kubeconfig,
    cluster: await clientFor(kubeconfig),
    async close() {
      await fleet.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** Polls until it holds; fails with what was waited for. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, forMs = 8_000): Promise<number> {
  const startedMs = clock.monotonic();
  while (!(await holds())) {
    assert.ok(clock.monotonic() - startedMs < forMs, `not within ${forMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  return clock.monotonic() - startedMs;
}

export function output<K extends CommandOutput['kind']>(outcome: Outcome<CommandOutput>, kind: K) {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
  const value = outcome.kind === 'done' ? outcome.value : undefined;
  assert.equal(value?.kind, kind);
  return value as Extract<CommandOutput, { kind: K }>;
}

export function refusalKind(outcome: Outcome<CommandOutput>): string {
  return outcome.kind === 'refused' ? outcome.refusal.kind : JSON.stringify(outcome);
}

export function configMap(name: string, data: { [key: string]: string }): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'shop', labels: LABELS }, data };
}

export function secretOf(name: string, value: string): KubeObject {
  const data = { password: Buffer.from(value).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop', labels: LABELS }, data };
}

export function deployment(name: string, image: string, replicas = 2): KubeObject {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop', labels: LABELS },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'c', image, ports: [{ containerPort: 8080 }], env: [{ name: 'A', value: image }] }],
        },
      },
    },
  };
}

export const LABELS = { 'ldc.dev/stack': 'shop', 'ldc.dev/project': 'default' };

export function part(object: KubeObject | undefined, ...path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    object as unknown as Json,
  );
}
