/** Workloads through their lives. Pods become ready by KWOK; those that are to fare otherwise ask for what no node has. */
import { isObject, type KubeObject } from '../../src/base/index.ts';
import { type Cluster, hasCondition, statusOf } from './cluster.ts';

const NO_ROOM = { nodeSelector: { 'example.org/none': 'true' } };
const container = { name: 'app', image: 'registry.invalid/app:1' };

function template(app: string, spec: object = {}, metadata: object = {}) {
  return { metadata: { labels: { app }, ...metadata }, spec: { containers: [container], ...spec } };
}
const selector = (app: string) => ({ matchLabels: { app } });

export async function deployments(cluster: Cluster): Promise<void> {
  const base = `/apis/apps/v1/namespaces/${cluster.namespace}/deployments`;
  const make = (name: string, spec: object, pod: object = {}) =>
    cluster.create(base, {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
      spec: { replicas: 2, selector: selector(name), template: template(name, pod), ...spec },
    });
  cluster.keep('deployment: just created', await make('fine', {}));
  await cluster.record('deployment: rolled out', `${base}/fine`, (one) => statusOf(one).availableReplicas === 2);
  cluster.keep(
    'deployment: changed, its controller has not seen it',
    await cluster.patch(`${base}/fine`, { spec: { template: { spec: NO_ROOM } } }),
  );
  await cluster.record('deployment: new pods find no room', `${base}/fine`, (one) => {
    return statusOf(one).updatedReplicas === 1 && statusOf(one).observedGeneration === one.metadata.generation;
  });
  await make('paused', { paused: true });
  await cluster.record('deployment: paused', `${base}/paused`, (one) => {
    return hasCondition(one, 'Progressing', 'Unknown') && statusOf(one).observedGeneration === 1;
  });
  await make('late', { progressDeadlineSeconds: 1 }, NO_ROOM);
  await cluster.record('deployment: deadline exceeded', `${base}/late`, (one) =>
    hasCondition(one, 'Progressing', 'False'),
  );
  await make('slow', { minReadySeconds: 300 });
  await cluster.record('deployment: ready, not yet for long enough', `${base}/slow`, (one) => {
    return statusOf(one).readyReplicas === 2;
  });
  await make('none', { replicas: 0 });
  await cluster.record('deployment: of none', `${base}/none`, (one) => statusOf(one).observedGeneration === 1);
  const held = { finalizers: ['example.org/hold'] };
  await cluster.create(base, {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'going', ...held } },
    spec: { selector: selector('going'), template: template('going') },
  });
  await cluster.remove(`${base}/going`);
  await cluster.record('deployment: being deleted', `${base}/going`);
  await cluster.patch(`${base}/going`, { metadata: { finalizers: null } });
}

/** In a namespace of its own, which has room for no pod. */
export async function withoutQuota(cluster: Cluster): Promise<void> {
  await cluster.create(`/api/v1/namespaces/${cluster.namespace}/resourcequotas`, {
    ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none' }, spec: { hard: { pods: '0' } } },
  });
  const deployed = `/apis/apps/v1/namespaces/${cluster.namespace}/deployments`;
  const sets = `/apis/apps/v1/namespaces/${cluster.namespace}/replicasets`;
  await cluster.create(deployed, {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'blocked' } },
    spec: { replicas: 1, selector: selector('blocked'), template: template('blocked') },
  });
  await cluster.record('deployment: blocked by a quota', `${deployed}/blocked`, (one) =>
    hasCondition(one, 'ReplicaFailure'),
  );
  await cluster.create(sets, {
    ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'blocked-too' } },
    spec: { replicas: 1, selector: selector('blocked-too'), template: template('blocked-too') },
  });
  await cluster.record('replicaset: blocked by a quota', `${sets}/blocked-too`, (one) =>
    hasCondition(one, 'ReplicaFailure'),
  );
}

export async function sets(cluster: Cluster): Promise<void> {
  const core = `/api/v1/namespaces/${cluster.namespace}`;
  const apps = `/apis/apps/v1/namespaces/${cluster.namespace}`;
  await cluster.create(`${apps}/replicasets`, {
    ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'rs' } },
    spec: { replicas: 2, selector: selector('rs'), template: template('rs') },
  });
  await cluster.record('replicaset: ready', `${apps}/replicasets/rs`, (one) => statusOf(one).availableReplicas === 2);
  await cluster.create(`${core}/replicationcontrollers`, {
    ...{ apiVersion: 'v1', kind: 'ReplicationController', metadata: { name: 'rc' } },
    spec: { replicas: 2, selector: { app: 'rc' }, template: template('rc') },
  });
  await cluster.record('replicationcontroller: ready', `${core}/replicationcontrollers/rc`, (one) => {
    return statusOf(one).availableReplicas === 2;
  });
  await cluster.patch(`${core}/replicationcontrollers/rc`, { spec: { replicas: 3, template: { spec: NO_ROOM } } });
  await cluster.record('replicationcontroller: one finds no room', `${core}/replicationcontrollers/rc`, (one) => {
    return statusOf(one).replicas === 3;
  });
  const daemons = `${apps}/daemonsets`;
  const daemon = (name: string, spec: object, pod: object = {}) =>
    cluster.create(daemons, {
      ...{ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name } },
      spec: { selector: selector(name), template: template(name, pod), ...spec },
    });
  cluster.keep('daemonset: just created', await daemon('ds', { updateStrategy: { type: 'OnDelete' } }));
  await cluster.record('daemonset: ready', `${daemons}/ds`, (one) => {
    const { numberAvailable, desiredNumberScheduled } = statusOf(one);
    return numberAvailable !== undefined && numberAvailable === desiredNumberScheduled;
  });
  await cluster.patch(`${daemons}/ds`, { spec: { template: { metadata: { annotations: { change: '1' } } } } });
  await cluster.record('daemonset: changed, updated on delete', `${daemons}/ds`, (one) => {
    return statusOf(one).observedGeneration === 2;
  });
  await daemon('nowhere', {}, NO_ROOM);
  await cluster.record('daemonset: for no node', `${daemons}/nowhere`, (one) => statusOf(one).observedGeneration === 1);
  const huge = { containers: [{ ...container, resources: { requests: { cpu: '1000' } } }] };
  await daemon('huge', {}, huge);
  await cluster.record('daemonset: no room on its nodes', `${daemons}/huge`, (one) => {
    const { currentNumberScheduled, desiredNumberScheduled, numberUnavailable } = statusOf(one);
    return Number(numberUnavailable) > 0 && currentNumberScheduled === desiredNumberScheduled;
  });
}

export async function statefulSets(cluster: Cluster): Promise<void> {
  const base = `/apis/apps/v1/namespaces/${cluster.namespace}/statefulsets`;
  const make = (name: string, spec: object, pod: object = {}) =>
    cluster.create(base, {
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name } },
      spec: { replicas: 2, serviceName: name, selector: selector(name), template: template(name, pod), ...spec },
    });
  const isReady = (one: KubeObject) => statusOf(one).availableReplicas === 2;
  const change = { spec: { template: { metadata: { annotations: { change: '1' } } } } };
  cluster.keep('statefulset: just created', await make('sts', {}));
  await cluster.record(
    'statefulset: ready',
    `${base}/sts`,
    (one) => isReady(one) && Boolean(statusOf(one).currentRevision),
  );
  await make('kept', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } });
  await make('hand', { updateStrategy: { type: 'OnDelete' } });
  await make('parallel', { podManagementPolicy: 'Parallel', minReadySeconds: 600 });
  await cluster.record('statefulset: ready, not yet for long enough', `${base}/parallel`, (one) => {
    return statusOf(one).readyReplicas === 2;
  });
  for (const name of ['kept', 'hand']) {
    await untilReady(cluster, `${base}/${name}`, isReady);
    await cluster.patch(`${base}/${name}`, change);
  }
  await cluster.record('statefulset: updated down to its partition', `${base}/kept`, (one) => {
    return isReady(one) && statusOf(one).updatedReplicas === 1;
  });
  await cluster.record('statefulset: changed, updated on delete', `${base}/hand`, (one) => {
    return isReady(one) && statusOf(one).observedGeneration === 2;
  });
  await cluster.patch(`${base}/sts`, { spec: { template: { spec: NO_ROOM } } });
  await cluster.record(
    'statefulset: its update finds no room',
    `${base}/sts`,
    (one) => statusOf(one).updatedReplicas === 1,
  );
}

async function untilReady(cluster: Cluster, path: string, holds: (one: KubeObject) => boolean): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (holds(await cluster.get(path))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${path} never became ready`);
}

export async function jobs(cluster: Cluster): Promise<void> {
  const base = `/apis/batch/v1/namespaces/${cluster.namespace}/jobs`;
  const pods = `/api/v1/namespaces/${cluster.namespace}/pods`;
  const make = (name: string, spec: object, pod: object = {}, metadata: object = {}) =>
    cluster.create(base, {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name } },
      spec: { template: template(name, { restartPolicy: 'Never', ...pod }, metadata), ...spec },
    });
  const podsOf = (name: string) => cluster.list(`${pods}?labelSelector=${encodeURIComponent(`job-name=${name}`)}`);
  const end = async (pod: KubeObject, phase: string, exitCode: number) =>
    cluster.patch(`${pods}/${pod.metadata.name}/status`, {
      status: {
        phase,
        containerStatuses: [
          {
            ...{ name: 'app', image: container.image, imageID: '', ready: false, restartCount: 0 },
            state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } },
          },
        ],
      },
    });
  cluster.keep('job: just created', await make('waits', {}, NO_ROOM));
  await cluster.record('job: running', `${base}/waits`, (one) => statusOf(one).active === 1);
  await make('done', {});
  await cluster.record('job: complete', `${base}/done`, (one) => hasCondition(one, 'Complete'));
  await make('suspended', { suspend: true });
  await cluster.record('job: suspended', `${base}/suspended`, (one) => hasCondition(one, 'Suspended'));
  await make('late', { activeDeadlineSeconds: 1 }, NO_ROOM);
  await cluster.record('job: past its deadline', `${base}/late`, (one) => hasCondition(one, 'Failed'));
  const held = { finalizers: ['example.org/hold'] };
  await make('failing', { activeDeadlineSeconds: 1 }, NO_ROOM, held);
  await cluster.record('job: failure is certain, its pods still end', `${base}/failing`, (one) => {
    return hasCondition(one, 'FailureTarget') && !hasCondition(one, 'Failed');
  });
  await make('broken', { backoffLimit: 0 }, NO_ROOM);
  await cluster.record('job: its pod is there', `${base}/broken`, (one) => statusOf(one).active === 1);
  for (const pod of await podsOf('broken')) await end(pod, 'Failed', 1);
  await cluster.record('job: failed', `${base}/broken`, (one) => hasCondition(one, 'Failed'));
  const rules = [{ succeededIndexes: '0' }];
  const indexed = { completionMode: 'Indexed', completions: 2, parallelism: 2, successPolicy: { rules } };
  await make('enough', indexed, NO_ROOM, held);
  await cluster.record('job: two running', `${base}/enough`, (one) => statusOf(one).active === 2);
  for (const pod of await podsOf('enough')) {
    if (pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'] === '0') await end(pod, 'Succeeded', 0);
  }
  await cluster.record('job: success is certain, its pods still end', `${base}/enough`, (one) => {
    return hasCondition(one, 'SuccessCriteriaMet') && !hasCondition(one, 'Complete');
  });
  for (const pod of [...(await podsOf('enough')), ...(await podsOf('failing'))]) {
    const finalizers = Array.isArray(pod.metadata.finalizers) ? pod.metadata.finalizers : [];
    const left = finalizers.filter((one) => one !== 'example.org/hold');
    await cluster.patch(`${pods}/${pod.metadata.name}`, { metadata: { finalizers: left } });
  }
  await cluster.record('job: complete by its success policy', `${base}/enough`, (one) => hasCondition(one, 'Complete'));
  const crons = `/apis/batch/v1/namespaces/${cluster.namespace}/cronjobs`;
  const cron = (name: string, suspend: boolean) =>
    cluster.create(crons, {
      ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name } },
      spec: {
        schedule: '0 3 * * *',
        suspend,
        jobTemplate: { spec: { template: template(name, { restartPolicy: 'Never' }) } },
      },
    });
  cluster.keep('cronjob: scheduled', await cron('nightly', false));
  cluster.keep('cronjob: suspended', await cron('never', true));
}

/** Pods of a node that does not exist: their statuses are written here as a kubelet writes them. */
export async function pods(cluster: Cluster): Promise<void> {
  const base = `/api/v1/namespaces/${cluster.namespace}/pods`;
  const make = (name: string, spec: object) =>
    cluster.create(base, {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name } },
      spec: { containers: [container], ...spec },
    });
  await make('fine', {});
  await cluster.record('pod: ready', `${base}/fine`, (one) => hasCondition(one, 'Ready'));
  await make('homeless', NO_ROOM);
  await cluster.record('pod: no room', `${base}/homeless`, (one) => hasCondition(one, 'PodScheduled', 'False'));
  await make('gated', { schedulingGates: [{ name: 'example.org/gate' }] });
  await cluster.record('pod: scheduling gated', `${base}/gated`, (one) => hasCondition(one, 'PodScheduled', 'False'));
  const told = async (what: string, status: object) => {
    const name = what.replaceAll(/[^a-z]+/g, '-');
    await make(name, { nodeName: 'recorder' });
    cluster.keep(`pod: ${what}`, await cluster.patch(`${base}/${name}/status`, { status }));
    await cluster.remove(`${base}/${name}?gracePeriodSeconds=0`);
  };
  const one = (state: object, more: object = {}) => [
    { name: 'app', image: container.image, imageID: '', ready: false, restartCount: 0, state, ...more },
  ];
  const notReady = (reason: string, message: string) => [{ type: 'Ready', status: 'False', reason, message }];
  const unready = notReady('ContainersNotReady', 'containers with unready status: [app]');
  const ended = { terminated: { exitCode: 1, reason: 'Error' } };
  await told('crash loop', {
    ...{ phase: 'Running', conditions: unready },
    containerStatuses: one(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container=app' } },
      { restartCount: 3, lastState: ended },
    ),
  });
  await told('image cannot be pulled', {
    ...{ phase: 'Pending', conditions: unready },
    containerStatuses: one({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "app:1"' } }),
  });
  await told('starting', {
    ...{ phase: 'Pending', conditions: unready },
    containerStatuses: one({ waiting: { reason: 'ContainerCreating' } }),
  });
  await told('running, not ready', { phase: 'Running', conditions: unready, containerStatuses: one({ running: {} }) });
  await told('a readiness gate is not met', {
    phase: 'Running',
    conditions: notReady('ReadinessGatesNotReady', 'corresponding condition of pod readiness gate "x" does not exist.'),
    containerStatuses: one({ running: {} }, { ready: true }),
  });
  await told('failed', { phase: 'Failed', containerStatuses: one(ended) });
  await told('evicted', { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' });
  await told('out of memory', {
    phase: 'Failed',
    containerStatuses: one({ terminated: { exitCode: 137, reason: 'OOMKilled' } }),
  });
  await told('succeeded', { phase: 'Succeeded', containerStatuses: one({ terminated: { exitCode: 0 } }) });
  await told('of a lost node', { phase: 'Unknown', reason: 'NodeLost' });
}

export function phaseOf(object: KubeObject): string {
  return isObject(object.status) ? String(object.status.phase ?? '') : '';
}
