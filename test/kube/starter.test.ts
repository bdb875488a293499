/** The starter of real control planes: two minors side by side, how pods fare on kwok's nodes, every lever, and that nothing stays. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isObject, type JsonObject } from '../../src/base/index.ts';
import type { Client } from '../../src/kubernetes/index.ts';
import type { ControlPlanePart } from '../../src/sim/real/index.ts';
import { until } from '../world.ts';
import { type Real, skip, startReal } from './control-planes.ts';

const PARTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
const PODS = '/api/v1/namespaces/default/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
/** For what takes a moment on an idle machine. */
const SOON_MS = 60_000;

describe('real control planes', { skip }, () => {
  let newer: Real;
  let older: Real;
  before(async () => {
    [newer, older] = await Promise.all([startReal('1.34'), startReal('1.33')]);
  });
  after(() => Promise.all([newer?.close(), older?.close()]));

  it('run side by side, each of its own version', async () => {
    for (const [real, minor] of [
      [newer, '34'],
      [older, '33'],
    ] as const) {
      const version = await get(real.client, '/version');
      assert.equal(version.minor, minor);
      assert.equal(version.gitVersion, real.controlPlane.version);
    }
    assert.notEqual(newer.controlPlane.apiPort, older.controlPlane.apiPort);
    for (const part of PARTS) assert.equal(newer.controlPlane.state(part), 'running', part);
  });

  it('a Deployment becomes ready, a Job completes', async () => {
    for (const { client } of [newer, older]) {
      await create(client, DEPLOYMENTS, deployment('web', 3));
      await create(client, '/apis/batch/v1/namespaces/default/jobs', {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'once' },
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example/once' }] } } },
      });
      await readyReplicas(client, 'web', 3);
      await until('the Job is complete', SOON_MS, async () => {
        const { status } = await get(client, '/apis/batch/v1/namespaces/default/jobs/once');
        return isObject(status) && status.succeeded === 1;
      });
    }
  });

  it('a pod fares as its annotation says, with events as a kubelet writes them', async () => {
    const { client } = newer;
    for (const outcome of ['neverReady', 'crash', 'pullError', 'slow']) await create(client, PODS, pod(outcome));
    await waiting(client, 'crash', 'CrashLoopBackOff');
    const crashed = container(await get(client, `${PODS}/crash`));
    assert.equal(crashed.restartCount, 1);
    assert.partialDeepStrictEqual(crashed.lastState, { terminated: { exitCode: 1, reason: 'Error' } });
    const uid = ((await get(client, `${PODS}/crash`)).metadata as JsonObject).uid;
    assert.deepEqual((crashed.state as { waiting: JsonObject }).waiting, {
      reason: 'CrashLoopBackOff',
      message: `back-off 10s restarting failed container=main pod=crash_default(${uid})`,
    });
    await waiting(client, 'pullError', 'ImagePullBackOff');
    const image = 'example/pullerror:1';
    const why = `failed to resolve reference "${image}": ${image}: not found`;
    assert.deepEqual((container(await get(client, `${PODS}/pullerror`)).state as { waiting: JsonObject }).waiting, {
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "${image}": ErrImagePull: ${why}`,
    });
    await until(
      'the slow pod is ready',
      SOON_MS,
      async () => container(await get(client, `${PODS}/slow`)).ready === true,
    );
    const never = await get(client, `${PODS}/neverready`);
    assert.equal((never.status as JsonObject).phase, 'Running');
    assert.equal(container(never).ready, false);
    await until('the events are there', SOON_MS, async () => {
      const reasons = await eventReasons(client, 'pullerror');
      return ['Scheduled', 'Pulling', 'Failed', 'BackOff'].every((reason) => reasons.has(reason));
    });
    assert.ok((await eventReasons(client, 'crash')).has('BackOff'));
    // the crash loop goes on: started again after 10 s, then a wait twice as long
    await until('a second round of the crash loop', SOON_MS, async () => {
      const { restartCount, state } = container(await get(client, `${PODS}/crash`));
      return restartCount === 2 && JSON.stringify(state).includes('back-off 20s');
    });
    assert.equal((await client.request({ method: 'DELETE', path: `${PODS}/crash` })).kind, 'answered');
    await until('a deleted pod is gone', SOON_MS, async () => (await status(client, `${PODS}/crash`)) === 404);
  });

  it('a pod that the node controller had to give up is ready again, one with a closed gate is not', async () => {
    const { client } = older;
    await create(client, PODS, {
      ...pod('well'),
      spec: {
        containers: [{ name: 'main', image: 'example/well:1' }],
        readinessGates: [{ conditionType: 'test/gate' }],
      },
    });
    await until('it runs', SOON_MS, async () => container(await get(client, `${PODS}/well`)).ready === true);
    assert.equal(conditionOf(await get(client, `${PODS}/well`), 'Ready'), 'False');
    await setCondition(client, 'well', 'test/gate', 'True');
    const isReady = async () => conditionOf(await get(client, `${PODS}/well`), 'Ready') === 'True';
    await until('its gate is open', SOON_MS, isReady);
    await setCondition(client, 'well', 'Ready', 'False');
    await until('it is ready again', SOON_MS, isReady);
  });

  it('speaks to nobody off this machine', () => {
    for (const { controlPlane } of [newer, older]) {
      for (const part of PARTS) assert.deepEqual(foreignAddresses(controlPlane.pid(part) as number), [], part);
    }
  });

  it('a paused API server hangs and goes on', async () => {
    const { client, controlPlane } = older;
    controlPlane.pause('kube-apiserver');
    assert.equal(controlPlane.state('kube-apiserver'), 'paused');
    const answer = await client.request({ method: 'GET', path: '/readyz', timeoutMs: 1_000 });
    assert.equal(answer.kind, 'unreachable');
    controlPlane.resume('kube-apiserver');
    await until('it answers again', SOON_MS, async () => (await status(client, '/readyz')) === 200);
  });

  it('killed parts come back on the same ports, with the data', async () => {
    const { client, controlPlane } = older;
    await create(client, CONFIG_MAPS, configMap('kept'));
    for (const part of ['kube-apiserver', 'etcd'] as const) {
      const pid = controlPlane.pid(part);
      await controlPlane.kill(part);
      assert.equal(controlPlane.state(part), 'down');
      assert.notEqual(await status(client, `${CONFIG_MAPS}/kept`, 3_000), 200);
      await controlPlane.start(part);
      assert.notEqual(controlPlane.pid(part), pid);
      await until(`it answers after a kill of ${part}`, SOON_MS, async () => {
        return (await status(client, `${CONFIG_MAPS}/kept`, 3_000)) === 200;
      });
    }
  });

  it('without its controller manager nothing is scaled; started again, it is', async () => {
    const { client, controlPlane } = newer;
    await controlPlane.kill('kube-controller-manager');
    const scaled = await client.request({
      method: 'PATCH',
      path: `${DEPLOYMENTS}/web/scale`,
      contentType: 'application/merge-patch+json',
      body: { spec: { replicas: 5 } },
    });
    assert.equal(scaled.kind === 'answered' && scaled.status, 200);
    assert.equal(((await get(client, `${DEPLOYMENTS}/web`)).status as JsonObject).replicas, 3);
    await controlPlane.start('kube-controller-manager');
    await readyReplicas(client, 'web', 5);
  });

  it('a backup holds the state of its time, and a restore brings it back', async () => {
    const { client, controlPlane } = newer;
    const copy = join(mkdtempSync(join(tmpdir(), 'ldc-backup-')), 'etcd');
    await create(client, CONFIG_MAPS, configMap('before'));
    await controlPlane.backup(copy);
    await until('it answers after the backup', SOON_MS, async () => (await status(client, '/readyz')) === 200);
    await create(client, CONFIG_MAPS, configMap('after'));
    await controlPlane.restore(copy);
    assert.equal(await status(client, `${CONFIG_MAPS}/before`), 200);
    assert.equal(await status(client, `${CONFIG_MAPS}/after`), 404);
    await readyReplicas(client, 'web', 5);
    rmSync(join(copy, '..'), { recursive: true });
  });
});

describe('a killed starter', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ldc-starter-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('leaves no process, not even a paused one, and its state is started on again', async () => {
    const first = await startChild(folder);
    process.kill(first.pids.etcd as number, 'SIGSTOP');
    first.child.kill('SIGKILL');
    await until('all parts are gone', SOON_MS, () => Object.values(first.pids).every((pid) => !isAlive(pid)));
    const second = await startReal('1.34', { extent: 'api', folder });
    assert.equal(second.controlPlane.apiPort, first.apiPort);
    assert.equal(await status(second.client, `${CONFIG_MAPS}/of-the-first`), 200);
    await second.close();
  });

  it('whose guards were killed too: the next start ends what it left', async () => {
    const first = await startChild(folder);
    for (const pid of Object.values(first.pids))
      for (const watcher of childrenOf(pid)) process.kill(watcher, 'SIGKILL');
    first.child.kill('SIGKILL');
    await until('the starter is gone', SOON_MS, () => !isAlive(first.child.pid as number));
    assert.ok(isAlive(first.pids.etcd as number), 'without a guard it stays');
    const second = await startReal('1.34', { extent: 'api', folder });
    assert.ok(Object.values(first.pids).every((pid) => !isAlive(pid)));
    assert.equal(await status(second.client, `${CONFIG_MAPS}/of-the-first`), 200);
    await second.close();
  });
});

/** A process that starts a control plane without controllers and stays. */
async function startChild(folder: string): Promise<{
  readonly child: ChildProcess;
  readonly apiPort: number;
  readonly pids: { readonly [part in ControlPlanePart]?: number };
}> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'starter-child.ts'), folder], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = await new Promise<[{ apiPort: number; pids: { [part: string]: number } }]>((resolve, reject) => {
    child.once('message', (value) => resolve([value as { apiPort: number; pids: { [part: string]: number } }]));
    child.once('exit', (code) => reject(new Error(`the starter ended with ${code}`)));
  });
  return { child, ...message };
}

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

/** Remote addresses of a process's TCP sockets, and local ones of listeners, that are not loopback. */
function foreignAddresses(pid: number): string[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(pid, fd))?.[1] ?? []),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => sockets.has(fields[9] ?? ''))
      .flatMap(([, local = '', remote = '', state]) => [state === LISTENING ? local : remote])
      .filter((address) => !LOOPBACK.test(address)),
  );
}

const LISTENING = '0A';
/** 127.0.0.1, ::1 and ::ffff:127.0.0.1 as /proc/net/tcp writes them on a little-endian machine. */
const LOOPBACK = /^(0100007F|00000000000000000000000001000000|0000000000000000FFFF00000100007F):/;

function linkOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ''; // closed in between
  }
}

async function get(client: Client, path: string): Promise<JsonObject> {
  const answer = await client.request({ method: 'GET', path });
  assert.ok(answer.kind === 'answered' && answer.status === 200 && isObject(answer.body), JSON.stringify(answer));
  return answer.body;
}

async function status(client: Client, path: string, timeoutMs = 10_000): Promise<number | undefined> {
  const answer = await client.request({ method: 'GET', path, timeoutMs });
  return answer.kind === 'answered' ? answer.status : undefined;
}

async function create(client: Client, path: string, body: JsonObject): Promise<void> {
  const answer = await client.request({ method: 'POST', path, body });
  assert.ok(answer.kind === 'answered' && answer.status === 201, JSON.stringify(answer));
}

async function readyReplicas(client: Client, name: string, count: number): Promise<void> {
  await until(`${name} has ${count} ready replicas`, 2 * SOON_MS, async () => {
    const { status } = await get(client, `${DEPLOYMENTS}/${name}`);
    return isObject(status) && status.readyReplicas === count;
  });
}

async function waiting(client: Client, outcome: string, reason: string): Promise<void> {
  await until(`${outcome} is in ${reason}`, SOON_MS, async () => {
    const { state } = container(await get(client, `${PODS}/${outcome.toLowerCase()}`));
    return isObject(state) && isObject(state.waiting) && state.waiting.reason === reason;
  });
}

/** Status of a pod's one container; empty before there is any. */
function container(pod: JsonObject): JsonObject {
  const { containerStatuses = [] } = pod.status as { containerStatuses?: JsonObject[] };
  return containerStatuses[0] ?? {};
}

function conditionOf(pod: JsonObject, type: string): unknown {
  const { conditions = [] } = pod.status as { conditions?: JsonObject[] };
  return conditions.find((condition) => condition.type === type)?.status;
}

async function setCondition(client: Client, name: string, type: string, status: 'True' | 'False'): Promise<void> {
  const answer = await client.request({
    method: 'PATCH',
    path: `${PODS}/${name}/status`,
    contentType: 'application/strategic-merge-patch+json',
    body: { status: { conditions: [{ type, status }] } },
  });
  assert.equal(answer.kind === 'answered' && answer.status, 200);
}

async function eventReasons(client: Client, pod: string): Promise<Set<unknown>> {
  const answer = await client.request({
    method: 'GET',
    path: '/api/v1/namespaces/default/events',
    query: { fieldSelector: `involvedObject.name=${pod}` },
  });
  assert.ok(answer.kind === 'answered' && isObject(answer.body));
  return new Set((answer.body.items as JsonObject[]).map(({ reason }) => reason));
}

function configMap(name: string): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { key: 'value' } };
}

function pod(outcome: string): JsonObject {
  const name = outcome.toLowerCase();
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations: { 'sim.ldc.dev/outcome': outcome } },
    spec: { containers: [{ name: 'main', image: `example/${name}:1` }] },
  };
}

function deployment(name: string, replicas: number): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'example/web:1' }] },
      },
    },
  };
}
