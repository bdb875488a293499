/** `ldc dev --real`: embedded clusters and real control planes of two minors side by side, as one local installation. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { routes } from '../../src/api/client/index.ts';
import { freePortPair } from '../../src/base/free-ports.ts';
import { systemClock as clock, isObject, type Json, type JsonObject, type KubeObject } from '../../src/base/index.ts';
import { type Client, connect } from '../../src/kubernetes/index.ts';
import { exampleSource } from '../../src/main/demo/world.ts';
import { startWorld, until, type World } from '../world.ts';
import { skip } from './control-planes.ts';

const TIMERS = { heartbeatMs: 500, suspectAfterMs: 3_000, lostAfterMs: 6_000, backAfterMs: 500 };
const NAMESPACE = 'trial';
const WAIT_MS = 90_000;

/** Pids of this machine's processes that have a text on their command line, but for this one. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false; // it ended
    }
  });
}

describe('a local installation with real control planes', { skip }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ clusters: 3, real: 2, timers: TIMERS });
    for (const name of ['eu-1', 'us-1']) {
      const metadata = { name: NAMESPACE };
      await send(world.kube(name), 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
    }
  });
  after(() => world?.close());

  it('has the real ones first, of both minors, under the names and labels of embedded ones', () => {
    assert.deepEqual(
      world.fleet.clusters.map(({ name, labels, kubernetes }) => [name, labels.region, kubernetes.slice(0, 5)]),
      [
        ['eu-1', 'eu', 'v1.34'],
        ['us-1', 'us', 'v1.33'],
        ['eu-2', 'eu', 'embed'],
      ],
    );
  });

  it('deploys a stack of the catalogue, and each location answers through its gateway', async () => {
    const transaction = await world.apply(exampleSource('hello'));
    assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
    assert.deepEqual(await servedBy(world), ['eu-1', 'us-1']);
    await until('both answer', WAIT_MS, async () => (await answering(world)).join() === 'eu-1,us-1');
    const nodes = (await podsOf(world, 'eu-1', 'hello')).map(({ spec }) => (spec as { nodeName: string }).nodeName);
    assert.ok(nodes.length > 0 && nodes.every((node) => node.startsWith('eu-1-node-')), nodes.join());
    assert.ok((world.cluster('eu-1').processCount() ?? 0) > 0);
  });

  it('moves it to an embedded cluster while a real one is cut off, and tidies up behind it', async () => {
    world.cluster('eu-1').cut();
    await until('it is served by the others', WAIT_MS, async () => (await servedBy(world)).join() === 'eu-2,us-1');
    await until('they answer', WAIT_MS, async () => (await answering(world)).join() === 'eu-2,us-1');
    assert.ok((await podsOf(world, 'eu-1', 'hello')).length > 0, 'inside it goes on');
    await world.cluster('eu-1').heal();
    await until('nothing is left behind', WAIT_MS, async () => (await podsOf(world, 'eu-1', 'hello')).length === 0);
  });

  for (const name of ['eu-1', 'us-1']) {
    it(`${name} runs a Job, binds a claim and gives the volume back`, async () => {
      const kube = world.kube(name);
      const job = { spec: { restartPolicy: 'Never', containers: [{ name: 'work', image: 'ldc.dev/job:1' }] } };
      await apply(kube, 'apis/batch/v1', 'jobs', 'Job', 'work', { template: job });
      await apply(kube, 'apis/apps/v1', 'statefulsets', 'StatefulSet', 'store', {
        serviceName: 'store',
        ...templateFor('store', [{ ...WEB, volumeMounts: [{ name: 'data', mountPath: '/data' }] }]),
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        ],
      });
      await reached(kube, 'apis/batch/v1', 'jobs/work', ({ succeeded }) => succeeded === 1);
      await reached(kube, 'apis/apps/v1', 'statefulsets/store', ({ readyReplicas }) => readyReplicas === 1);
      const claim = await get(kube, `${path('api/v1')}/persistentvolumeclaims/data-store-0`);
      const { volumeName, storageClassName } = claim.spec as { volumeName: string; storageClassName: string };
      assert.equal(storageClassName, 'standard');
      const folder = join(world.dir, 'clusters', name, 'volumes', volumeName);
      assert.ok(existsSync(folder), folder);
      await send(kube, 'DELETE', `${path('apis/apps/v1')}/statefulsets/store`);
      await send(kube, 'DELETE', `${path('api/v1')}/persistentvolumeclaims/data-store-0`);
      await until('volume and folder are gone', WAIT_MS, async () => {
        const { status } = await answer(kube, 'GET', `/api/v1/persistentvolumes/${volumeName}`);
        return status === 404 && !existsSync(folder);
      });
    });

    it(`${name} shows logs through the gateway, and says why a simulated pod has none`, async () => {
      const kube = await connect(
        { kind: 'kubeconfig', text: readFileSync(world.cluster(name).kubeconfigPath, 'utf8') },
        clock,
      );
      try {
        await apply(kube, 'apis/apps/v1', 'deployments', 'Deployment', 'web', templateFor('web', [WEB]));
        const foreign = { name: 'c', image: 'example.invalid/app:1' };
        await apply(kube, 'apis/apps/v1', 'deployments', 'Deployment', 'foreign', templateFor('foreign', [foreign]));
        await apply(kube, 'api/v1', 'services', 'Service', 'web', {
          selector: { app: 'web' },
          ports: [{ port: 80, targetPort: 8080 }],
        });
        for (const deployment of ['web', 'foreign'])
          await reached(kube, 'apis/apps/v1', `deployments/${deployment}`, (status) => status.availableReplicas === 1);
        assert.match((await logsOf(kube, await podOf(kube, 'web'))).text, /web 7 serves on 127\./);
        const none = await logsOf(kube, await podOf(kube, 'foreign'));
        assert.equal(none.status, 400);
        assert.match(none.text, /has no log: only images of the catalogue really run/);
        await until('kube-apiserver reaches the Service too', WAIT_MS, async () => {
          const { status, body } = await answer(kube, 'GET', `${path('api/v1')}/services/web/proxy/`);
          return status === 200 && isObject(body) && body.version === '7';
        });
      } finally {
        await kube.close();
      }
    });
  }

  it('lets the pods of a DaemonSet to the nodes they are made for', async () => {
    const kube = world.kube('eu-1');
    const { replicas: _, ...spec } = templateFor('each', [WEB]);
    await apply(kube, 'apis/apps/v1', 'daemonsets', 'DaemonSet', 'each', spec);
    await reached(kube, 'apis/apps/v1', 'daemonsets/each', ({ numberReady, desiredNumberScheduled }) => {
      return desiredNumberScheduled === 2 && numberReady === 2;
    });
  });

  it('has no room on any node while it is full', async () => {
    const kube = world.kube('us-1');
    await world.cluster('us-1').full();
    await send(kube, 'PATCH', `${path('apis/apps/v1')}/deployments/web`, { spec: { replicas: 2 } });
    await until('the new pod finds no room', WAIT_MS, async () =>
      (await podsOf(world, 'us-1', NAMESPACE)).some((pod) => JSON.stringify(pod.status).includes('Too many pods')),
    );
    await world.cluster('us-1').heal();
    await reached(kube, 'apis/apps/v1', 'deployments/web', (status) => status.availableReplicas === 2);
  });

  it('never lets a pod of the catalogue through unsteered, and holds up no other', async () => {
    const kube = world.kube('us-1');
    const registration = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sim.ldc.dev';
    const tried = async (image: string) => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'tried' },
        spec: { containers: [{ ...WEB, image }] },
      };
      const sent = await kube.request({
        method: 'POST',
        path: `${path('api/v1')}/pods`,
        query: { dryRun: 'All' },
        body: pod as unknown as KubeObject,
      });
      assert.equal(sent.kind, 'answered');
      return sent.kind === 'answered' ? { status: sent.status, text: JSON.stringify(sent.body) } : assert.fail();
    };
    assert.match((await tried('ldc.dev/http:1')).text, /sim\.ldc\.dev\/processes/);
    const { webhooks } = (await get(kube, registration)) as unknown as { webhooks: { clientConfig: JsonObject }[] };
    const dead = webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, url: 'https://192.0.2.1/' },
    }));
    await send(kube, 'PATCH', registration, { webhooks: dead as unknown as Json });
    await until('its webhook is away', WAIT_MS, async () => (await tried('ldc.dev/http:1')).status >= 400);
    // and kube-apiserver was kept from dialling an address that is not of this machine
    assert.match(
      (await tried('ldc.dev/http:1')).text,
      /failed calling webhook.*192\.0\.2\.1:443 is not on this machine/,
    );
    assert.equal((await tried('example.invalid/app:1')).status, 201);
    await send(kube, 'PATCH', registration, { webhooks: webhooks as unknown as Json });
    await until('it is back', WAIT_MS, async () => (await tried('ldc.dev/http:1')).status === 201);
  });

  it('crashes whole and comes back with its objects, its ports and its pods', async () => {
    const cluster = world.cluster('us-1');
    await cluster.crash();
    assert.equal(cluster.fault, 'crashed');
    assert.equal(cluster.processCount(), 0);
    // a guard in each part's process group sees the end of its part a moment after it
    await until(
      'no process is left',
      WAIT_MS,
      async () => processesWith(join(world.dir, 'clusters', 'us-1')).length === 0,
    );
    assert.equal((await cluster.client.request({ method: 'GET', path: '/version' })).kind, 'unreachable');
    await cluster.heal();
    assert.equal(cluster.fault, 'none');
    await until('it serves again', WAIT_MS, async () => {
      const response = await fetch(`${cluster.servicesUrl}/${NAMESPACE}/web/`).catch(() => undefined);
      return response?.status === 200;
    });
  });

  it('leaves no process behind when it is closed', async () => {
    const { dir } = world;
    assert.ok(processesWith(dir).length > 0);
    await world.close();
    assert.deepEqual(processesWith(dir), []);
  });
});

describe('ldc dev --real', { skip }, () => {
  const launcher = join(dirname(dirname(import.meta.dirname)), 'bin', 'ldc');
  const home = mkdtempSync(join(tmpdir(), 'ldc-dev-real-'));
  const state = join(home, 'state');
  let port = 0;
  before(async () => {
    port = await freePortPair();
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  function start(...flags: string[]): { child: ChildProcess; said: () => string; ended: Promise<number | null> } {
    const args = ['dev', ...flags, '--state', state, '--port', String(port)];
    const child = spawn(launcher, args, {
      env: { ...process.env, LDC_CONFIG: join(home, 'config.yaml') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    return { child, said: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
  }

  it('goes on where it was after it was killed, leaves nothing running, and keeps a cluster what it is', async () => {
    const first = start('--real', '1');
    await until('it is ready', WAIT_MS, () => /^ready/m.test(first.said()));
    assert.match(first.said(), /^eu-1 +v1\.34\.\d+ +kubectl/m);
    first.child.kill('SIGKILL');
    await first.ended;
    await until('its control plane has ended by itself', WAIT_MS, () => processesWith(state).length === 0);
    const second = start('--real', '1');
    await until('it is ready again', WAIT_MS, () => /^ready/m.test(second.said()));
    second.child.kill('SIGTERM');
    assert.equal(await second.ended, 0, second.said());
    assert.deepEqual(processesWith(state), []);
    const embedded = start('--clusters', '1');
    assert.equal(await embedded.ended, 1);
    assert.match(embedded.said(), /cluster eu-1 is a real control plane in this state.*\n {2}next: .*--real/);
  });

  it('says what is missing before anything is started', async () => {
    const elsewhere = join(home, 'elsewhere');
    const child = spawn(launcher, ['dev', '--real', '1', '--state', elsewhere, '--port', String(port)], {
      env: {
        ...process.env,
        PATH: dirname(process.execPath),
        KUBEBUILDER_ASSETS: '',
        LDC_KUBE_CACHE: join(home, 'empty'),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    assert.equal(await new Promise((resolve) => child.once('close', resolve)), 1);
    assert.match(said, /^error: .*no Go in PATH\n {2}next: install Go 1\.26/m);
    assert.equal(existsSync(elsewhere), false);
  });
});

const WEB = {
  name: 'web',
  image: 'ldc.dev/http:7',
  env: [{ name: 'NAME', value: 'web' }],
  readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
};

function templateFor(app: string, containers: readonly Json[]) {
  return {
    replicas: 1,
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: { terminationGracePeriodSeconds: 2, containers } },
  };
}

function path(groupVersion: string): string {
  return `/${groupVersion}/namespaces/${NAMESPACE}`;
}

async function answer(kube: Client, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', to: string, body?: JsonObject) {
  const sent = await kube.request({
    method,
    path: to,
    ...(body === undefined ? {} : { body }),
    ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}),
  });
  assert.equal(sent.kind, 'answered', JSON.stringify(sent));
  return sent.kind === 'answered' ? sent : assert.fail();
}

async function send(...request: Parameters<typeof answer>): Promise<KubeObject> {
  const { status, body } = await answer(...request);
  assert.ok(status < 300, JSON.stringify(body));
  return body as unknown as KubeObject;
}

const get = (kube: Client, from: string) => send(kube, 'GET', from);

async function apply(
  kube: Client,
  groupVersion: string,
  plural: string,
  kind: string,
  name: string,
  spec: object,
): Promise<void> {
  const { status, body } = (await kube.request({
    method: 'PATCH',
    path: `${path(groupVersion)}/${plural}/${name}`,
    query: { fieldManager: 'test' },
    contentType: 'application/apply-patch+yaml',
    body: { apiVersion: groupVersion.replace(/^apis?\//, ''), kind, metadata: { name }, spec } as unknown as KubeObject,
  })) as { status: number; body: Json };
  assert.ok(status < 300, JSON.stringify(body));
}

function reached(
  kube: Client,
  groupVersion: string,
  object: string,
  holds: (status: JsonObject) => boolean,
): Promise<void> {
  return until(`${object} is as it should be`, WAIT_MS, async () => {
    const { status } = await get(kube, `${path(groupVersion)}/${object}`);
    return isObject(status) && holds(status);
  });
}

async function podsOf(world: World, cluster: string, namespace: string): Promise<readonly KubeObject[]> {
  const list = await get(world.kube(cluster), `/api/v1/namespaces/${namespace}/pods`);
  return list.items as unknown as readonly KubeObject[];
}

async function podOf(kube: Client, app: string): Promise<string> {
  const { body } = await kube
    .request({ method: 'GET', path: `${path('api/v1')}/pods`, query: { labelSelector: `app=${app}` } })
    .then((sent) => (sent.kind === 'answered' ? sent : assert.fail(sent.reason)));
  return (body as unknown as { items: KubeObject[] }).items[0]?.metadata.name ?? assert.fail(`no pod of ${app}`);
}

async function logsOf(kube: Client, pod: string): Promise<{ status: number; text: string }> {
  const lines: string[] = [];
  const sent = await kube.lines({ method: 'GET', path: `${path('api/v1')}/pods/${pod}/log` }, (line) => {
    lines.push(line);
  });
  assert.equal(sent.kind, 'answered', JSON.stringify(sent));
  if (sent.kind !== 'answered') return assert.fail();
  return { status: sent.status, text: [...lines, JSON.stringify(sent.body)].join('\n') };
}

/** Where the hub places hello's function. */
async function servedBy(world: World): Promise<readonly string[]> {
  const { items } = await world.client.call(routes.functions.list, { query: { stack: 'hello' } });
  return items.flatMap(({ locations }) => locations.map(({ cluster }) => cluster)).sort();
}

/** The clusters where it answers through the gateway. */
async function answering(world: World): Promise<readonly string[]> {
  const asked = await Promise.all(
    world.fleet.clusters.map(async ({ name, servicesUrl }) => {
      const response = await fetch(`${servicesUrl}/hello/web/`, { signal: AbortSignal.timeout(1_000) }).catch(
        () => undefined,
      );
      await response?.arrayBuffer();
      return response?.ok ? name : undefined;
    }),
  );
  return asked.flatMap((name) => name ?? []).sort();
}
