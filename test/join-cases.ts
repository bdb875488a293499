/** Joining and leaving, one set of cases for embedded and real clusters: nothing of ldc stays, or nothing but the workloads. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClient, type HubClient, routes } from '../src/api/client/index.ts';
import { freePortPair } from '../src/base/free-ports.ts';
import {
  type Clock,
  systemClock as clock,
  createIds,
  type KubeObject,
  type Refusal,
  systemRandom as random,
  refOf,
  refText,
  silentLogger,
} from '../src/base/index.ts';
import { AGENT_ACCOUNT, type Agent, clientAs, createAgent } from '../src/hub-agent/index.ts';
import { type Client, collectionPath, connect, createDiscovery, listAll } from '../src/kubernetes/index.ts';
import { type RunningHub, readAdminToken, startHub } from '../src/main/hub.ts';
import { installRights } from '../src/main/install-rights.ts';
import type { TransactionView } from '../src/saga/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { part, until } from './hub-agent-rig.ts';
import { type Judge, problemOf, stackOf, web } from './rights-scenario.ts';
import { hubOptionsFor } from './world.ts';

const RIGHTS = { namespaces: [], kinds: [], serviceAccounts: [], ownRights: true };
export const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/web';
export const SETTINGS = '/api/v1/namespaces/shop/configmaps/settings';
const IDENTITY = '/api/v1/namespaces/ldc-system/secrets/ldc-agent-identity';

export interface Hall {
  readonly hub: HubClient;
  /** Joins as `ldc cluster join` does; answers the milliseconds until it is ready, or the refusal. */
  join(judge: Judge, name: string, options?: { readonly clock?: Clock }): Promise<Joined>;
  apply(source: StackSource): Promise<TransactionView>;
  retire(name: string): Promise<TransactionView>;
  close(): Promise<void>;
}

export interface Joined {
  readonly agent: Agent;
  readonly tookMs: number;
  /** How it ended by itself; undefined: it has not. */
  ended(): Refusal | null | undefined;
}

/** A hub, and the clusters that join it. */
export async function openHall(): Promise<Hall> {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-hall-'));
  const options = hubOptionsFor(join(dir, 'hub'), await freePortPair());
  const running: RunningHub = await startHub(options, { clock, random, logger: silentLogger });
  const token = readAdminToken(running.adminTokenFile);
  const hub = createClient({ hub: running.url, token, ca: running.caPem }, { clock, random });
  const agents: { readonly agent: Agent; readonly given: Client }[] = [];
  const finished = async (id: string) => {
    for await (const { type } of hub.follow(routes.transactions.events, { id }))
      if (type === 'tx.sealed' || type === 'tx.stuck') break;
    return hub.call(routes.transactions.get, { params: { id } });
  };
  return {
    hub,
    async join({ kubeconfig }, name, { clock: own = clock } = {}) {
      const startedMs = clock.monotonic();
      const file = join(dir, `${name}.kubeconfig`);
      writeFileSync(file, kubeconfig);
      assert.equal(await installRights({ kubeconfig: file }, RIGHTS), undefined);
      const made = await hub.call(routes.joinTokens.create, { body: { uses: 1, cluster: name } });
      const given = await connect({ kind: 'kubeconfig', text: kubeconfig }, clock);
      let ended: Refusal | null | undefined;
      const agent = createAgent({
        ...{ clock: own, random, ids: createIds(own, random), logger: silentLogger, version: 'test' },
        ...{ client: clientAs(given, own, AGENT_ACCOUNT), administrator: given, hub: { url: running.agentsUrl } },
        ...{ join: { token: made.token, name }, holder: `hall-${name}` },
        onEnd: (refusal) => {
          ended = refusal;
        },
      });
      agents.push({ agent, given });
      await agent.start();
      const isReady = async () =>
        (await hub.all(routes.clusters.list)).some(
          (one) => one.name === name && one.health === 'ready' && one.connected,
        );
      await until(isReady, `${name} is ready`, 60_000);
      return { agent, tookMs: clock.monotonic() - startedMs, ended: () => ended };
    },
    async apply(source) {
      const answer = await hub.call(routes.stacks.apply, { body: { ...source } });
      return finished(answer.kind === 'submitted' ? answer.transaction.id : assert.fail(JSON.stringify(answer)));
    },
    async retire(name) {
      const answer = await hub.call(routes.stacks.retire, { params: { project: 'default', name }, body: {} });
      return finished(answer.kind === 'submitted' ? answer.transaction.id : assert.fail(JSON.stringify(answer)));
    },
    async close() {
      for (const { agent, given } of agents) await agent.stop().then(() => given.close());
      await hub.close();
      await running.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export async function read(client: Client, path: string): Promise<KubeObject | undefined> {
  const answer = await client.request({ method: 'GET', path });
  return answer.kind === 'answered' && answer.status === 200 ? (answer.body as unknown as KubeObject) : undefined;
}

/** What comes and goes without anybody's doing. */
const PASSING = ['Event', 'Lease', 'EndpointSlice', 'Endpoints', 'ComponentStatus', 'IPAddress', 'Node', 'CSINode'];

/** Every object of every kind, but for what passes. */
export async function everything(client: Client): Promise<readonly KubeObject[]> {
  const discovery = createDiscovery(client, clock);
  const found: KubeObject[] = [];
  for (const name of (await discovery.all()) ?? []) {
    const at = name.lastIndexOf('/');
    const kind = await discovery.kind(name.slice(0, at), name.slice(at + 1));
    if (kind.kind !== 'served' || !kind.info.verbs.includes('list') || PASSING.includes(kind.info.kind)) continue;
    const { apiVersion } = kind.info;
    const listed = await listAll(client, { path: collectionPath(kind.info), apiVersion, kind: kind.info.kind });
    if (listed.kind === 'listed') found.push(...listed.objects);
  }
  return found;
}

const names = (objects: readonly KubeObject[]) =>
  objects.map((one) => `${one.apiVersion} ${refText(refOf(one))}`).sort();

function marksOf({ metadata }: KubeObject): readonly string[] {
  const keys = [...Object.keys(metadata.labels ?? {}), ...Object.keys(metadata.annotations ?? {})];
  const managers = ((metadata.managedFields ?? []) as readonly { manager?: string }[]).map(
    ({ manager = '' }) => manager,
  );
  return [...keys.filter((key) => key.includes('ldc.dev')), ...managers.filter((one) => /^ldc(\.|$)/.test(one))];
}

/** Registers the cases; `judge` opens a cluster for them, `close` ends it. */
export function joinCases(
  name: string,
  judge: () => Promise<Judge & { close(): Promise<void> }>,
  skip: string | false = false,
  minutesOff: readonly number[] = [10, -10],
): void {
  describe(`joining and leaving of ${name}`, { skip }, () => {
    let cluster: Awaited<ReturnType<typeof judge>>;
    let hall: Hall;
    let empty: readonly string[];
    before(async () => {
      cluster = await judge();
      hall = await openHall();
      await until(async () => (await read(cluster.admin, DEFAULT_ACCOUNT)) !== undefined, 'it lives', 60_000);
      empty = names(await everything(cluster.admin));
    });
    after(async () => {
      await hall?.close();
      await cluster?.close();
    });
    const asFound = async () => {
      let now: readonly string[] = [];
      const isSo = async () => {
        now = names(await everything(cluster.admin));
        return now.join() === empty.join();
      };
      await until(isSo, 'the cluster is as it was found', 60_000).catch(() => assert.deepEqual(now, empty));
    };
    const remove = (of: string, query: { orphan?: string; force?: string } = {}) =>
      hall.hub.call(routes.clusters.remove, { params: { name: of }, query: { reason: 'test', ...query } });

    it('is one command, and after it left, every object is as before', async (t) => {
      const { tookMs, ended } = await hall.join(cluster, 'eu-1');
      t.diagnostic(`from an empty cluster to ready: ${Math.round(tookMs)} ms`);
      assert.equal((await hall.apply(stackOf({ manifests: web('a:1') }))).state, 'committed');
      const refused = await problemOf(() => remove('eu-1'));
      assert.equal(refused.kind, 'stillServing');
      assert.equal((await hall.retire('shop')).state, 'committed');
      const left = await remove('eu-1');
      assert.deepEqual(left.remains, []);
      await asFound();
      await until(() => ended() === null, 'its agent has ended by itself', 20_000);
      assert.deepEqual(await hall.hub.all(routes.clusters.list), []);
    });

    for (const minutes of minutesOff) {
      it(`an agent whose clock is ${minutes} minutes off joins, works, and keeps its lease`, async () => {
        const off: Clock = { ...clock, now: () => clock.now() + minutes * 60_000 };
        const { agent, ended } = await hall.join(cluster, `eu-${minutes > 0 ? 'ahead' : 'behind'}`, { clock: off });
        assert.equal((await hall.apply(stackOf({ manifests: web('a:1') }))).state, 'committed');
        assert.equal((await hall.retire('shop')).state, 'committed');
        assert.ok(agent.connected());
        assert.deepEqual((await remove(minutes > 0 ? 'eu-ahead' : 'eu-behind')).remains, []);
        await until(() => ended() === null, 'its agent has ended by itself', 20_000);
        await asFound();
      });
    }

    it('one cluster is one name: a second is refused, the same comes in again though it lost its key', async () => {
      const { agent } = await hall.join(cluster, 'eu-1');
      await agent.stop();
      await cluster.admin.request({ method: 'DELETE', path: IDENTITY });
      await assert.rejects(hall.join(cluster, 'us-1'), /has joined already, as eu-1/);
      await cluster.admin.request({ method: 'DELETE', path: IDENTITY });
      await hall.join(cluster, 'eu-1');
      const [only] = await hall.hub.all(routes.clusters.list);
      const uid = (await read(cluster.admin, '/api/v1/namespaces/kube-system'))?.metadata.uid;
      assert.deepEqual([only?.name, only?.uid], ['eu-1', uid]);
    });

    it('gets another name, and nothing that runs there is touched; by that name it is worked on, and not by the former', async () => {
      const source = stackOf({ manifests: web('a:1') });
      assert.equal((await hall.apply(source)).state, 'committed');
      const running = await read(cluster.admin, DEPLOYMENT);
      const still = (object: KubeObject | undefined) => [object?.metadata.uid, object?.spec];
      const rename = (name: string, to: string) =>
        hall.hub.call(routes.clusters.rename, { params: { name }, body: { to, reason: 'test' } });
      const renamed = await rename('eu-1', 'eu-one');
      assert.deepEqual([renamed.name, renamed.health, renamed.locations.wanted], ['eu-one', 'ready', 1]);
      const isReady = async (name: string) => {
        const all = await hall.hub.all(routes.clusters.list);
        return all.length === 1 && all[0]?.name === name && all[0].connected && all[0].health === 'ready';
      };
      await until(() => isReady('eu-one'), 'its agent is back under the new name', 30_000);
      const again = await hall.hub.call(routes.stacks.apply, { body: { ...source } });
      assert.equal(again.kind, 'nothing', 'for the stack nothing has changed');
      assert.deepEqual(still(await read(cluster.admin, DEPLOYMENT)), still(running));
      const next = await hall.apply(stackOf({ manifests: web('a:2') }));
      assert.equal(next.state, 'committed', JSON.stringify(next.cause));
      assert.deepEqual(new Set(next.plan.steps.flatMap((step) => step.cluster ?? [])), new Set(['eu-one']));
      assert.equal((await problemOf(() => rename('eu-1', 'eu-2'))).kind, 'notFound');
      await rename('eu-one', 'eu-1');
      await until(() => isReady('eu-1'), 'and back', 30_000);
    });

    it('leaves its workloads running, untouched, and takes them over in place when it is joined by another name', async () => {
      assert.equal((await hall.apply(stackOf({ manifests: web('a:1') }))).state, 'committed');
      const running = await read(cluster.admin, DEPLOYMENT);
      const left = await remove('eu-1', { orphan: 'true' });
      assert.deepEqual(left.remains, []);
      await until(
        async () => (await read(cluster.admin, '/api/v1/namespaces/ldc-system')) === undefined,
        'gone',
        60_000,
      );
      const marked = (await everything(cluster.admin)).filter((one) => marksOf(one).length > 0);
      assert.deepEqual(
        marked.map((one) => [refText(refOf(one)), ...marksOf(one)]),
        [],
      );
      const orphan = await read(cluster.admin, DEPLOYMENT);
      const still = (object: KubeObject | undefined) => [object?.metadata.uid, object?.spec];
      assert.deepEqual(still(orphan), still(running));
      await hall.join(cluster, 'eu-renamed');
      const label = async () => part(await read(cluster.admin, DEPLOYMENT), 'metadata', 'labels', 'ldc.dev/stack');
      await until(async () => (await label()) === 'shop', 'the stack has moved to where it already runs', 60_000);
      assert.deepEqual(still(await read(cluster.admin, DEPLOYMENT)), still(running), 'nothing was made anew');
    });
  });
}

const DEFAULT_ACCOUNT = '/api/v1/namespaces/default/serviceaccounts/default';
