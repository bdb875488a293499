import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isObject, type Json, type KubeObject, silentLogger, systemClock, systemRandom } from '../../base/index.ts';
import { connect } from '../../kubernetes/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import type { Fleet } from '../fleet.ts';
import { type EmbeddedCluster, regionNames, startFleet } from './index.ts';

const NAMESPACE = 'shop';
const clientFor = (text: string) => connect({ kind: 'kubeconfig', text }, systemClock);
const logger = process.env.SIM_LOG
  ? { ...silentLogger, warn: console.error, info: console.error, child: () => logger }
  : silentLogger;

type Said = { name: string; version: string; pod: string; config: { greeting?: string } };
const bodyOf = async (answer: Response) => (await answer.json()) as Said;

async function ask(client: Client, method: 'GET' | 'POST' | 'DELETE', path: string, body?: Json | KubeObject) {
  const answer = await client.request({ method, path, ...(body === undefined ? {} : { body }) });
  assert.equal(answer.kind, 'answered', JSON.stringify(answer));
  return answer.kind === 'answered' ? answer : assert.fail();
}

async function apply(client: Client, path: string, object: object): Promise<void> {
  const answer = await client.request({
    method: 'PATCH',
    path,
    query: { fieldManager: 'test', force: true },
    contentType: 'application/apply-patch+yaml',
    body: object as KubeObject,
  });
  assert.ok(answer.kind === 'answered' && answer.status < 300, JSON.stringify(answer));
}

async function until<T>(what: string, seconds: number, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const end = systemClock.now() + seconds * 1000; ; ) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (systemClock.now() > end) assert.fail(`not within ${seconds} s: ${what}`);
    await systemClock.sleep(40);
  }
}

const deployment = (
  name: string,
  image: string,
  more: { replicas?: number; env?: object[]; annotations?: object } = {},
) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: more.replicas ?? 2,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name }, ...(more.annotations ? { annotations: more.annotations } : {}) },
      spec: {
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name: 'web',
            image,
            ports: [{ name: 'http', containerPort: 8080 }],
            env: [{ name: 'NAME', value: name }, { name: 'CONFIG', value: '/etc/shop' }, ...(more.env ?? [])],
            readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
            volumeMounts: [{ name: 'config', mountPath: '/etc/shop' }],
          },
        ],
        volumes: [{ name: 'config', configMap: { name: 'shop-config' } }],
      },
    },
  },
});
const apps = (kind: string, name: string) => `/apis/apps/v1/namespaces/${NAMESPACE}/${kind}/${name}`;
const core = (kind: string, name = '') => `/api/v1/namespaces/${NAMESPACE}/${kind}${name && `/${name}`}`;

async function statusOf(client: Client, path: string): Promise<{ readonly [field: string]: Json | undefined }> {
  const { body } = await ask(client, 'GET', path);
  return isObject(body) && isObject(body.status) ? body.status : {};
}

const isAvailable = (client: Client, name: string, replicas: number) => async () => {
  const status = await statusOf(client, apps('deployments', name));
  const { updatedReplicas, availableReplicas, replicas: all } = status;
  return updatedReplicas === replicas && availableReplicas === replicas && all === replicas ? status : undefined;
};

describe('embedded fleet', () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-fleet-'));
  chmodSync(stateDir, 0o755); // else the containers' data goes to a folder of its own, which nobody here removes
  let fleet: Fleet<EmbeddedCluster>;
  let cluster: EmbeddedCluster;
  const start = () =>
    startFleet({
      stateDir,
      clusters: regionNames(1),
      clock: systemClock,
      random: systemRandom,
      logger,
      clientFor,
      crashBackoffMs: 500,
    });
  before(async () => {
    fleet = await start();
    cluster = fleet.clusters[0] as EmbeddedCluster;
    await ask(cluster.client, 'POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: NAMESPACE },
    });
  });
  after(async () => {
    await fleet.close();
    rmSync(stateDir, { recursive: true, force: true });
  });
  const serve = (name: string) => fetch(`${cluster.servicesUrl}/${NAMESPACE}/${name}/`);

  it('runs a Deployment as real processes that serve their config through the gateway', async () => {
    const { client } = cluster;
    await apply(client, core('configmaps', 'shop-config'), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shop-config' },
      data: { greeting: 'hello' },
    });
    const ports = [{ name: 'http', port: 80, targetPort: 'http' }];
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports },
    };
    await apply(client, core('services', 'web'), service);
    await apply(client, apps('deployments', 'web'), deployment('web', 'ldc.dev/http:7'));
    const status = await until('two replicas available', 20, isAvailable(client, 'web', 2));
    const conditions = status.conditions as readonly { type: string; status: string; reason: string }[];
    assert.equal(conditions.find(({ type }) => type === 'Progressing')?.reason, 'NewReplicaSetAvailable');
    const answers = await Promise.all([serve('web'), serve('web')].map(async (answer) => bodyOf(await answer)));
    assert.deepEqual(
      answers.map(({ name, version, config }) => [name, version, config.greeting]),
      [
        ['web', '7', 'hello'],
        ['web', '7', 'hello'],
      ],
    );
    assert.notEqual(answers[0]?.pod, answers[1]?.pod, 'requests go round the pods');
    assert.equal(cluster.processCount(), 2);
    const pods = await ask(client, 'GET', core('pods'));
    const name = (pods.body as unknown as { items: KubeObject[] }).items[0]?.metadata.name as string;
    const lines: string[] = [];
    await client.lines({ method: 'GET', path: `${core('pods', name)}/log`, query: { tailLines: 5 } }, (line) =>
      lines.push(line),
    );
    assert.ok(
      lines.some((line) => line.includes('web 7 serves on')),
      lines.join('\n'),
    );
  });

  it('never serves a rollout that does not get ready, and undoes it', async () => {
    const { client } = cluster;
    await apply(client, apps('deployments', 'web'), deployment('web', 'ldc.dev/never-ready:8'));
    await until('a pod of the new template is unready', 10, async () => {
      const { unavailableReplicas } = await statusOf(client, apps('deployments', 'web'));
      return typeof unavailableReplicas === 'number' ? true : undefined;
    });
    for (let i = 0; i < 6; i++) assert.equal((await bodyOf(await serve('web'))).version, '7');
    const events = (await ask(client, 'GET', core('events'))).body as unknown as {
      items: { reason: string; message: string }[];
    };
    assert.ok(
      await until('a probe failed', 5, async () => {
        const { items } = (await ask(client, 'GET', core('events'))).body as unknown as typeof events;
        return items.find(({ reason, message }) => reason === 'Unhealthy' && message.includes('503'));
      }),
    );
    await apply(client, apps('deployments', 'web'), deployment('web', 'ldc.dev/http:7'));
    await until('back to two of the old template', 20, isAvailable(client, 'web', 2));
  });

  it('tells crash loops and failing pulls as Kubernetes does, for real and for simulated images', async () => {
    const { client } = cluster;
    await apply(client, apps('deployments', 'crash'), deployment('crash', 'ldc.dev/crash:1', { replicas: 1 }));
    await apply(client, apps('deployments', 'nopull'), deployment('nopull', 'ldc.dev/nosuch:1', { replicas: 1 }));
    await apply(client, apps('deployments', 'kwok'), deployment('kwok', 'example.invalid/app:1', { replicas: 3 }));
    const annotations = { 'sim.ldc.dev/outcome': 'crash' };
    await apply(
      client,
      apps('deployments', 'kwok-crash'),
      deployment('kwok-crash', 'example.invalid/app:1', { replicas: 1, annotations }),
    );
    const reasonOf = (app: string) => async () => {
      const pods = (await ask(client, 'GET', core('pods'))).body as unknown as { items: KubeObject[] };
      const pod = pods.items.find(({ metadata }) => metadata.labels?.app === app);
      const status = pod?.status as
        | { containerStatuses?: { restartCount: number; state: { waiting?: { reason: string } } }[] }
        | undefined;
      return status?.containerStatuses?.[0];
    };
    const waitsFor = (app: string, reason: string) => async () => {
      const status = await reasonOf(app)();
      return status?.state.waiting?.reason === reason ? status : undefined;
    };
    const crashed = await until('CrashLoopBackOff', 15, waitsFor('crash', 'CrashLoopBackOff'));
    assert.ok(crashed.restartCount >= 1);
    await until('ImagePullBackOff', 10, waitsFor('nopull', 'ImagePullBackOff'));
    await until('simulated crash loop', 10, waitsFor('kwok-crash', 'CrashLoopBackOff'));
    await until('simulated pods ready', 10, isAvailable(client, 'kwok', 3));
    for (const name of ['crash', 'nopull', 'kwok', 'kwok-crash'])
      await ask(client, 'DELETE', apps('deployments', name));
    await until('their pods are gone', 10, async () => {
      const pods = (await ask(client, 'GET', core('pods'))).body as unknown as { items: KubeObject[] };
      return pods.items.every(({ metadata }) => metadata.labels?.app === 'web') ? true : undefined;
    });
  });

  it('runs a Job to completion', async () => {
    const { client } = cluster;
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'work', image: 'ldc.dev/job:1' }] } };
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'prepare' },
      spec: { template, ttlSecondsAfterFinished: 1 },
    };
    const path = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs/prepare`;
    await apply(client, path, job);
    const status = await until('the job is complete', 10, async () => {
      const { conditions = [], succeeded } = await statusOf(client, path);
      const types = (conditions as readonly { type: string }[]).map(({ type }) => type);
      return types.includes('Complete') ? { succeeded, types } : undefined;
    });
    assert.deepEqual(status.types, ['SuccessCriteriaMet', 'Complete']);
    assert.equal(status.succeeded, 1);
    await until('its time to live is over', 5, async () =>
      (await ask(client, 'GET', path)).status === 404 ? true : undefined,
    );
  });

  it('cut: outside sees nothing, inside goes on; heal brings it back', async () => {
    cluster.cut();
    assert.equal(cluster.fault, 'cut');
    await assert.rejects(fetch(`${cluster.servicesUrl}/${NAMESPACE}/web/`, { signal: AbortSignal.timeout(300) }), {
      name: 'TimeoutError',
    });
    assert.equal((await ask(cluster.client, 'GET', '/api/v1/nodes')).status, 200, 'from inside');
    await cluster.heal();
    assert.equal((await serve('web')).status, 200);
  });

  it('full: a new pod finds no room, in the words of the scheduler, until healed', async () => {
    const { client } = cluster;
    await cluster.full();
    await apply(client, apps('deployments', 'late'), deployment('late', 'example.invalid/app:1', { replicas: 1 }));
    const message = await until('unschedulable', 5, async () => {
      const pods = (await ask(client, 'GET', core('pods'))).body as unknown as { items: KubeObject[] };
      const pod = pods.items.find(({ metadata }) => metadata.labels?.app === 'late');
      const conditions = (
        pod?.status as { conditions?: { type: string; reason?: string; message?: string }[] } | undefined
      )?.conditions;
      return conditions?.find(({ reason }) => reason === 'Unschedulable')?.message;
    });
    assert.match(
      message,
      /^0\/2 nodes are available: 2 Too many pods\. preemption: 0\/2 nodes are available: 2 No preemption victims found/,
    );
    await cluster.heal();
    await until('it runs', 5, isAvailable(client, 'late', 1));
    await ask(client, 'DELETE', apps('deployments', 'late'));
  });

  it('crash: API and pods end; heal starts them again on the same objects', async () => {
    const before = (await bodyOf(await serve('web'))).pod;
    await cluster.crash();
    assert.equal(cluster.fault, 'crashed');
    assert.equal(cluster.processCount(), 0);
    assert.equal((await serve('web')).status, 503);
    assert.equal((await cluster.client.request({ method: 'GET', path: '/version' })).kind, 'unreachable');
    await cluster.heal();
    const pod = await until('served again', 20, async () => {
      const answer = await serve('web');
      return answer.status === 200 ? (await bodyOf(answer)).pod : undefined;
    });
    assert.ok(pod.startsWith('web-') && before.startsWith('web-'));
  });

  it('survives a restart of the process: objects, ports and pods', async () => {
    const { kubeconfigPath, servicesUrl } = cluster;
    await fleet.close();
    fleet = await start();
    cluster = fleet.clusters[0] as EmbeddedCluster;
    assert.deepEqual([cluster.kubeconfigPath, cluster.servicesUrl], [kubeconfigPath, servicesUrl]);
    await until('served again', 20, async () => ((await serve('web')).status === 200 ? true : undefined));
    await until('all replicas', 20, isAvailable(cluster.client, 'web', 2));
  });
});
