import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type KubeObject, SimulatedClock, seededRandom, silentLogger } from '../../base/index.ts';
import { type ApiServer, startApiServer } from '../api/index.ts';
import { conditionOf, isTerminating, kubeTime, type Pod, withCondition } from '../kinds/index.ts';
import { startControllers } from './index.ts';

const NS = 'default';
const START_MS = Date.UTC(2026, 0, 5, 10, 0, 30); // a Monday
type Any = KubeObject & { spec: never; status: never };
type Loose = { readonly [field: string]: unknown };

let clock: SimulatedClock;
let api: ApiServer;
let controllers: { close(): void };
let folder: string;
/** Which pods the stand-in for a kubelet lets get ready. */
let healthy: (pod: Pod) => boolean;
/** How a pod ends, if it does. */
let ends: (pod: Pod) => 'Succeeded' | 'Failed' | undefined;

beforeEach(async () => {
  clock = new SimulatedClock(START_MS);
  api = await startApiServer({ name: 'test', clock, random: seededRandom(7) });
  folder = mkdtempSync(join(tmpdir(), 'ldc-claims-'));
  healthy = () => true;
  ends = () => undefined;
  for (const name of ['n1', 'n2']) node(name);
  controllers = startControllers({
    door: api.door,
    clock,
    random: seededRandom(8),
    logger: silentLogger,
    volumesDir: folder,
  });
  api.door.onChange('pods', ({ type, object }) => type !== 'DELETED' && clock.after(0, () => tend(object)));
});
afterEach(async () => {
  controllers.close();
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

function node(
  name: string,
  labels: { [key: string]: string } = {},
  capacity: Loose = { cpu: '4', memory: '8Gi', pods: '50' },
) {
  const created = create('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  return api.door.update(
    'nodes',
    { ...created, status: { capacity, allocatable: capacity } } as KubeObject,
    'kubelet',
    'status',
  );
}

/** The part of a kubelet: pods with a node get ready or end, pods on their way out go. */
function tend(seen: KubeObject): void {
  const pod = api.door.get('pods', NS, seen.metadata.name) as Pod | undefined;
  if (pod === undefined || !pod.spec.nodeName) return;
  if (isTerminating(pod)) {
    api.door.delete('pods', NS, pod.metadata.name, { gracePeriodSeconds: 0 });
    return;
  }
  const end = ends(pod);
  const ready = end === undefined && healthy(pod);
  const now = kubeTime(clock.now());
  const status = {
    phase: end ?? 'Running',
    podIP: '127.64.0.9',
    podIPs: [{ ip: '127.64.0.9' }],
    conditions: [] as never,
  };
  const condition = { type: 'Ready', status: ready ? 'True' : 'False' } as const;
  const conditions = withCondition(pod.status?.conditions ?? [], condition, now);
  if (pod.status?.phase === status.phase && conditionOf(pod.status.conditions, 'Ready')?.status === condition.status)
    return;
  const written = api.door.update(
    'pods',
    { ...pod, status: { ...status, conditions } } as KubeObject,
    'kubelet',
    'status',
  );
  assert.ok(written.status < 300, JSON.stringify(written.body));
}

function create(resource: string, object: object): KubeObject {
  const { status, body } = api.door.create(resource, object as KubeObject, 'test');
  assert.equal(status, 201, JSON.stringify(body));
  return body as unknown as KubeObject;
}
function get(resource: string, name: string): Any {
  const object = api.door.get(resource, NS, name);
  assert.ok(object, `${resource} ${name} is not there`);
  return object as Any;
}
const status = (resource: string, name: string) => (get(resource, name).status ?? {}) as Loose;
const pods = (app?: string) =>
  (api.door.list('pods', { namespace: NS, ...(app ? { labels: { app } } : {}) }) as readonly Pod[]).filter(
    (pod) => !isTerminating(pod),
  );
const names = (app?: string) =>
  pods(app)
    .map(({ metadata }) => metadata.name)
    .sort();
const reasons = (kind: string) =>
  (api.door.list('events') as readonly KubeObject[])
    .filter((event) => (event.involvedObject as Loose).kind === kind)
    .map(({ reason }) => reason);
function change(resource: string, name: string, edit: (spec: Loose) => Loose): void {
  const object = get(resource, name);
  const { status: code, body } = api.door.update(
    resource,
    { ...object, spec: edit(object.spec) } as unknown as KubeObject,
    'test',
  );
  assert.ok(code < 300, JSON.stringify(body));
}
const template = (app: string, image = 'i:1', more: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image, ...more }] },
});
const workload = (kind: string, app: string, spec: object, image?: string) => ({
  apiVersion: kind === 'Job' ? 'batch/v1' : 'apps/v1',
  kind,
  metadata: { name: app, namespace: NS },
  spec: { selector: { matchLabels: { app } }, template: template(app, image), ...spec },
});
const settle = () => clock.advance(3_000);
const image = (next: string) => (spec: Loose) => ({ ...spec, template: template('web', next) });
const imagesOf = (app: string) =>
  pods(app)
    .map(({ spec }) => spec.containers[0]?.image)
    .sort();
const conditionsOf = (resource: string, name: string) =>
  Object.fromEntries(
    ((status(resource, name).conditions ?? []) as { type: string; status: string; reason: string }[]).map((c) => [
      c.type,
      `${c.status} ${c.reason}`,
    ]),
  );

describe('Deployment', () => {
  const start = async (spec: object = {}) => {
    create('deployments.apps', workload('Deployment', 'web', { replicas: 4, ...spec }));
    await settle();
  };

  it('brings its pods up and says so', async () => {
    await start();
    assert.equal(pods('web').length, 4);
    const { replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas } = status(
      'deployments.apps',
      'web',
    );
    assert.deepEqual(
      [replicas, updatedReplicas, readyReplicas, availableReplicas, unavailableReplicas],
      [4, 4, 4, 4, undefined],
    );
    assert.deepEqual(conditionsOf('deployments.apps', 'web'), {
      Progressing: 'True NewReplicaSetAvailable',
      Available: 'True MinimumReplicasAvailable',
    });
    assert.equal(get('deployments.apps', 'web').metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
    const [set] = api.door.list('replicasets.apps');
    assert.match(set?.metadata.name ?? '', /^web-[bcdfghjklmnpqrstvwxz2456789]{8,10}$/);
    assert.equal(set?.metadata.labels?.['pod-template-hash'], set?.metadata.name.slice(4));
    assert.deepEqual(reasons('Deployment'), ['ScalingReplicaSet']);
  });

  it('rolls over within maxSurge and maxUnavailable, and back to the old ReplicaSet', async () => {
    await start({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } });
    let most = 0;
    let fewest = 99;
    api.door.onChange('pods', () => {
      const living = pods('web');
      most = Math.max(most, living.length);
      fewest = Math.min(
        fewest,
        living.filter((pod) => conditionOf(pod.status?.conditions, 'Ready')?.status === 'True').length,
      );
    });
    await Promise.resolve();
    fewest = 99;
    change('deployments.apps', 'web', image('i:2'));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:2', 'i:2', 'i:2', 'i:2']);
    assert.ok(most <= 5 && fewest >= 3, `${fewest}..${most} pods`);
    change('deployments.apps', 'web', image('i:1'));
    await settle();
    assert.equal(api.door.list('replicasets.apps').length, 2, 'the old ReplicaSet serves again');
    assert.equal(get('deployments.apps', 'web').metadata.annotations?.['deployment.kubernetes.io/revision'], '3');
  });

  it('stops at a template that does not get ready, and says when its deadline is over', async () => {
    await start({ progressDeadlineSeconds: 20 });
    healthy = (pod) => pod.spec.containers[0]?.image !== 'i:bad';
    change('deployments.apps', 'web', image('i:bad'));
    await settle();
    assert.equal(imagesOf('web').filter((name) => name === 'i:1').length, 3, 'a quarter may be missing');
    assert.equal(conditionsOf('deployments.apps', 'web').Progressing, 'True ReplicaSetUpdated');
    await clock.advance(25_000);
    assert.equal(conditionsOf('deployments.apps', 'web').Progressing, 'False ProgressDeadlineExceeded');
    assert.equal(conditionsOf('deployments.apps', 'web').Available, 'True MinimumReplicasAvailable');
    change('deployments.apps', 'web', image('i:1'));
    await settle();
    assert.equal(conditionsOf('deployments.apps', 'web').Progressing, 'True NewReplicaSetAvailable');
    assert.deepEqual(imagesOf('web'), ['i:1', 'i:1', 'i:1', 'i:1']);
  });

  it('recreates: nothing of the new template before all of the old is gone', async () => {
    await start({ strategy: { type: 'Recreate' } });
    let mixed = false;
    api.door.onChange('pods', () => {
      mixed ||=
        new Set((api.door.list('pods') as readonly Pod[]).map(({ spec }) => spec.containers[0]?.image)).size > 1;
    });
    change('deployments.apps', 'web', image('i:2'));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:2', 'i:2', 'i:2', 'i:2']);
    assert.equal(mixed, false);
  });

  it('does nothing with a new template while paused, but scales', async () => {
    await start();
    change('deployments.apps', 'web', (spec) => ({ ...image('i:2')(spec), paused: true, replicas: 2 }));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:1', 'i:1']);
    assert.equal(conditionsOf('deployments.apps', 'web').Progressing, 'Unknown DeploymentPaused');
    change('deployments.apps', 'web', (spec) => ({ ...spec, paused: false }));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:2', 'i:2']);
  });

  it('keeps as many old ReplicaSets as revisionHistoryLimit says', async () => {
    await start({ revisionHistoryLimit: 1 });
    for (const next of ['i:2', 'i:3', 'i:4']) {
      change('deployments.apps', 'web', image(next));
      await settle();
    }
    assert.equal(api.door.list('replicasets.apps').length, 2);
  });

  it('replaces a deleted pod, and lets go of one whose labels no longer match', async () => {
    await start({ replicas: 1 });
    const [first] = pods('web');
    api.door.delete('pods', NS, first?.metadata.name ?? '', { gracePeriodSeconds: 0 });
    await settle();
    assert.equal(pods('web').length, 1);
    const [second] = pods('web') as [Pod];
    api.door.update('pods', { ...second, metadata: { ...second.metadata, labels: { app: 'stray' } } }, 'test');
    await settle();
    assert.equal(pods('web').length, 1);
    assert.equal(pods('stray')[0]?.metadata.ownerReferences, undefined);
  });
});

describe('StatefulSet', () => {
  const start = async (spec: object = {}) => {
    create('statefulsets.apps', workload('StatefulSet', 'web', { replicas: 3, serviceName: 'web', ...spec }));
    await settle();
  };

  it('brings up in order, each after the one before is ready; goes down from the top', async () => {
    healthy = (pod) => pod.metadata.name === 'web-0';
    await start();
    assert.deepEqual(names('web'), ['web-0', 'web-1']);
    healthy = () => true;
    for (const pod of pods('web')) tend(pod);
    await settle();
    assert.deepEqual(names('web'), ['web-0', 'web-1', 'web-2']);
    const { currentRevision, updateRevision, currentReplicas, readyReplicas } = status('statefulsets.apps', 'web');
    assert.deepEqual([currentRevision === updateRevision, currentReplicas, readyReplicas], [true, 3, 3]);
    assert.equal(pods('web')[1]?.metadata.labels?.['apps.kubernetes.io/pod-index'], '1');
    change('statefulsets.apps', 'web', (spec) => ({ ...spec, replicas: 1 }));
    await settle();
    assert.deepEqual(names('web'), ['web-0']);
  });

  it('never replaces a broken pod because its template was set back', async () => {
    await start();
    healthy = (pod) => pod.spec.containers[0]?.image !== 'i:bad';
    change('statefulsets.apps', 'web', image('i:bad'));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:1', 'i:1', 'i:bad'], 'the update waits for its first pod');
    change('statefulsets.apps', 'web', image('i:1'));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:1', 'i:1', 'i:bad'], 'as on a real cluster');
    api.door.delete('pods', NS, 'web-2', { gracePeriodSeconds: 0 });
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:1', 'i:1', 'i:1']);
    assert.equal(api.door.list('controllerrevisions.apps').length, 2);
  });

  it('starts all at once when Parallel, and stops at the partition', async () => {
    healthy = () => false;
    await start({
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } },
    });
    assert.equal(pods('web').length, 3);
    healthy = () => true;
    for (const pod of pods('web')) tend(pod);
    change('statefulsets.apps', 'web', image('i:2'));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:1', 'i:1', 'i:2']);
  });

  it('gives each replica claims of its own, bound to a folder, which outlive the pods', async () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    await start({ replicas: 2, volumeClaimTemplates: [claim] });
    assert.deepEqual(pods('web')[1]?.spec.volumes?.[0], {
      name: 'data',
      persistentVolumeClaim: { claimName: 'data-web-1' },
    });
    const { phase } = status('persistentvolumeclaims', 'data-web-0');
    assert.equal(phase, 'Bound');
    const { volumeName } = get('persistentvolumeclaims', 'data-web-0').spec as { volumeName: string };
    assert.equal(existsSync(join(folder, volumeName)), true);
    change('statefulsets.apps', 'web', (spec) => ({ ...spec, replicas: 0 }));
    await settle();
    assert.equal(api.door.list('persistentvolumeclaims').length, 2);
    api.door.delete('persistentvolumeclaims', NS, 'data-web-0');
    await settle();
    assert.equal(existsSync(join(folder, volumeName)), false);
  });

  it('keeps a claim that is to go for as long as a pod with a node uses it', async () => {
    const resources = { requests: { storage: '1Gi' } };
    const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources } };
    await start({ replicas: 1, volumeClaimTemplates: [claim] });
    const { finalizers } = get('persistentvolumeclaims', 'data-web-0').metadata;
    assert.deepEqual(finalizers, ['kubernetes.io/pvc-protection']);
    api.door.delete('persistentvolumeclaims', NS, 'data-web-0');
    await settle();
    assert.equal(isTerminating(get('persistentvolumeclaims', 'data-web-0')), true);
    change('statefulsets.apps', 'web', (spec) => ({ ...spec, replicas: 0 }));
    await settle();
    assert.deepEqual(pods('web'), []);
    assert.deepEqual(api.door.list('persistentvolumeclaims'), []);
  });
});

describe('DaemonSet', () => {
  it('runs one pod on each node that it may, later ones too, and replaces them one after the other', async () => {
    create('daemonsets.apps', workload('DaemonSet', 'web', {}));
    await settle();
    assert.deepEqual(
      pods('web')
        .map(({ spec }) => spec.nodeName)
        .sort(),
      ['n1', 'n2'],
    );
    node('n3');
    await settle();
    const { desiredNumberScheduled, numberReady, numberAvailable } = status('daemonsets.apps', 'web');
    assert.deepEqual([desiredNumberScheduled, numberReady, numberAvailable], [3, 3, 3]);
    change('daemonsets.apps', 'web', image('i:2'));
    await settle();
    assert.deepEqual(imagesOf('web'), ['i:2', 'i:2', 'i:2']);
    change('daemonsets.apps', 'web', (spec) => ({
      ...spec,
      template: { ...template('web', 'i:2'), spec: { ...template('web', 'i:2').spec, nodeSelector: { disk: 'fast' } } },
    }));
    await settle();
    assert.equal(pods('web').length, 0);
  });
});

describe('Job', () => {
  const job = (spec: object) => {
    const { selector: _, ...rest } = workload('Job', 'web', spec).spec as Loose;
    const body = rest.template as { spec: object };
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'web', namespace: NS },
      spec: { ...rest, template: { ...body, spec: { ...body.spec, restartPolicy: 'Never' } } },
    };
  };

  it('completes, with the early condition that 1.31 brought', async () => {
    ends = () => 'Succeeded';
    create('jobs.batch', job({ completions: 3, parallelism: 2 }));
    await settle();
    const { succeeded, active } = status('jobs.batch', 'web');
    assert.deepEqual([succeeded, active], [3, undefined]);
    assert.deepEqual(Object.keys(conditionsOf('jobs.batch', 'web')), ['SuccessCriteriaMet', 'Complete']);
    assert.ok(reasons('Job').includes('Completed'));
  });

  it('fails after its backoff limit, waiting longer each time', async () => {
    ends = () => 'Failed';
    create('jobs.batch', job({ backoffLimit: 1 }));
    await settle();
    assert.equal(status('jobs.batch', 'web').failed, 1);
    await clock.advance(60_000);
    assert.equal(status('jobs.batch', 'web').failed, 2);
    assert.equal(conditionsOf('jobs.batch', 'web').Failed, 'True BackoffLimitExceeded');
  });

  it('is suspended and resumed, ends at its deadline, and goes after its time to live', async () => {
    create('jobs.batch', job({ suspend: true, activeDeadlineSeconds: 30, ttlSecondsAfterFinished: 10 }));
    await settle();
    assert.equal(pods('web').length, 0);
    change('jobs.batch', 'web', (spec) => ({ ...spec, suspend: false }));
    await settle();
    assert.equal(pods('web').length, 1);
    await clock.advance(32_000);
    assert.equal(conditionsOf('jobs.batch', 'web').Failed, 'True DeadlineExceeded');
    assert.equal(pods('web').length, 0);
    await clock.advance(12_000);
    assert.equal(api.door.get('jobs.batch', NS, 'web'), undefined);
  });
});

describe('CronJob', () => {
  const cronJob = (spec: object) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace: NS },
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: {
        spec: { template: { ...template('tick'), spec: { ...template('tick').spec, restartPolicy: 'Never' } } },
      },
      ...spec,
    },
  });

  it('makes a job whenever the schedule says and keeps the last few', async () => {
    ends = () => 'Succeeded';
    create('cronjobs.batch', cronJob({ successfulJobsHistoryLimit: 2 }));
    await clock.advance(4 * 60_000);
    assert.equal(api.door.list('jobs.batch').length, 0);
    await clock.advance(16 * 60_000);
    assert.equal(api.door.list('jobs.batch').length, 2);
    const { lastScheduleTime, lastSuccessfulTime, active } = status('cronjobs.batch', 'tick');
    assert.deepEqual([lastScheduleTime, active], ['2026-01-05T10:20:00Z', undefined]);
    assert.equal(String(lastSuccessfulTime).slice(0, 16), '2026-01-05T10:20');
  });

  it('does not start a second one beside the first when that is forbidden', async () => {
    create('cronjobs.batch', cronJob({ concurrencyPolicy: 'Forbid' }));
    await clock.advance(16 * 60_000);
    assert.equal(api.door.list('jobs.batch').length, 1);
    assert.ok(reasons('CronJob').includes('JobAlreadyActive'));
  });
});

describe('Service', () => {
  it('lists ready pods in EndpointSlices and Endpoints, and takes back those that are not', async () => {
    create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: NS },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
    });
    create(
      'deployments.apps',
      workload('Deployment', 'web', {
        replicas: 2,
        template: template('web', 'i:1', { ports: [{ name: 'web', containerPort: 8080 }] }),
      }),
    );
    await settle();
    const slice = () =>
      api.door.list('endpointslices.discovery.k8s.io', {
        labels: { 'kubernetes.io/service-name': 'web' },
      })[0] as unknown as { ports: { port: number; name: string }[]; endpoints: { conditions: { ready: boolean } }[] };
    assert.deepEqual(
      slice().ports.map(({ name, port }) => [name, port]),
      [['http', 8080]],
    );
    assert.deepEqual(
      slice().endpoints.map(({ conditions }) => conditions.ready),
      [true, true],
    );
    healthy = (pod) => pod.metadata.name !== names('web')[0];
    for (const pod of pods('web')) tend(pod);
    await settle();
    assert.deepEqual(
      slice()
        .endpoints.map(({ conditions }) => conditions.ready)
        .sort(),
      [false, true],
    );
    const [subset] = get('endpoints', 'web').subsets as unknown as {
      addresses: unknown[];
      notReadyAddresses: unknown[];
    }[];
    assert.deepEqual([subset?.addresses.length, subset?.notReadyAddresses.length], [1, 1]);
    api.door.delete('services', NS, 'web');
    await settle();
    assert.equal(api.door.get('endpoints', NS, 'web'), undefined);
  });
});

describe('PodDisruptionBudget', () => {
  it('says how many pods may go', async () => {
    create('poddisruptionbudgets.policy', {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b', namespace: NS },
      spec: { minAvailable: '50%', selector: { matchLabels: { app: 'web' } } },
    });
    create('deployments.apps', workload('Deployment', 'web', { replicas: 3 }));
    await settle();
    const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = status(
      'poddisruptionbudgets.policy',
      'b',
    );
    assert.deepEqual([disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods], [1, 3, 2, 3]);
  });
});

describe('scheduler', () => {
  it('fits requests into the nodes, says in Kubernetes words what does not fit, and tries again when there is room', async () => {
    const big = template('web', 'i:1', { resources: { requests: { cpu: '3' } } });
    create('deployments.apps', workload('Deployment', 'web', { replicas: 3, template: big }));
    await settle();
    assert.deepEqual(
      pods('web')
        .map(({ spec }) => spec.nodeName ?? '-')
        .sort(),
      ['-', 'n1', 'n2'],
    );
    const waiting = pods('web').find(({ spec }) => !spec.nodeName);
    assert.equal(
      conditionOf(waiting?.status?.conditions, 'PodScheduled')?.message,
      '0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.',
    );
    assert.ok(reasons('Pod').includes('FailedScheduling'));
    node('n3');
    await settle();
    assert.equal(pods('web').filter(({ spec }) => spec.nodeName === 'n3').length, 1);
  });
});

describe('an idle cluster', () => {
  it('has no timer running', async () => {
    create('deployments.apps', workload('Deployment', 'web', { replicas: 2 }));
    await settle();
    await clock.advance(1_200_000); // the progress deadline was the last to be waited for
    assert.equal(clock.nextTimer(), undefined);
  });
});
