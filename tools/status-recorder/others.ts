/** Storage, network, policies, definitions, namespaces and custom resources through their lives. */
import type { KubeObject } from '../../src/base/index.ts';
import { type Cluster, hasCondition, statusOf } from './cluster.ts';
import { phaseOf } from './workloads.ts';

export async function claims(cluster: Cluster): Promise<void> {
  const base = `/api/v1/namespaces/${cluster.namespace}/persistentvolumeclaims`;
  const classes = '/apis/storage.k8s.io/v1/storageclasses';
  const later = `${cluster.namespace}-later`;
  const grows = `${cluster.namespace}-grows`;
  cluster.keep(
    'storageclass: waits for the first consumer',
    await cluster.create(classes, {
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: later } },
      ...{ provisioner: 'example.org/none', volumeBindingMode: 'WaitForFirstConsumer' },
    }),
  );
  await cluster.create(classes, {
    ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: grows } },
    ...{ provisioner: 'example.org/none', allowVolumeExpansion: true },
  });
  const claim = (name: string, storageClassName: string) =>
    cluster.create(base, {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name } },
      spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } },
    });
  const volume = `/api/v1/persistentvolumes/${cluster.namespace}-v`;
  await claim('pending', grows);
  await cluster.record('claim: pending', `${base}/pending`);
  await claim('later', later);
  await cluster.record('claim: waits for the first consumer', `${base}/later`);
  cluster.keep(
    'claim: a node was chosen for it',
    await cluster.patch(`${base}/later`, {
      metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'node-1' } },
    }),
  );
  await claim('data', grows);
  await cluster.create('/api/v1/persistentvolumes', {
    ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `${cluster.namespace}-v` } },
    spec: {
      ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: grows },
      claimRef: { namespace: cluster.namespace, name: 'data' },
      hostPath: { path: '/nowhere' },
    },
  });
  await cluster.record('claim: bound', `${base}/data`, (one) => phaseOf(one) === 'Bound');
  await cluster.patch(`${base}/data`, { spec: { resources: { requests: { storage: '2Gi' } } } });
  await cluster.record('claim: grows', `${base}/data`);
  const condition = (type: string, message: string) => ({
    status: { conditions: [{ type, status: 'True', message }] },
  });
  cluster.keep(
    'claim: cannot grow',
    await cluster.patch(`${base}/data/status`, condition('ControllerResizeError', 'no space in the pool')),
  );
  cluster.keep(
    'claim: its file system grows with the next mount',
    await cluster.patch(`${base}/data/status`, condition('FileSystemResizePending', 'waiting for a pod to mount it')),
  );
  await cluster.remove(volume);
  await cluster.patch(volume, { metadata: { finalizers: null } });
  await cluster.record('claim: its volume is lost', `${base}/data`, (one) => phaseOf(one) === 'Lost');
  for (const name of [later, grows]) await cluster.remove(`${classes}/${name}`);
}

export async function network(cluster: Cluster): Promise<void> {
  const services = `/api/v1/namespaces/${cluster.namespace}/services`;
  const service = (name: string, type: string) =>
    cluster.create(services, {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
      spec: { type, selector: { app: name }, ports: [{ port: 80 }] },
    });
  cluster.keep('service: of the cluster', await service('inner', 'ClusterIP'));
  cluster.keep('service: load balancer without address', await service('outer', 'LoadBalancer'));
  const address = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } };
  cluster.keep('service: load balancer', await cluster.patch(`${services}/outer/status`, address));
  const fault = { type: 'LoadBalancerPortsError', status: 'True', reason: 'PortTaken', message: 'port 80 is taken' };
  const conditions = [{ ...fault, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  cluster.keep(
    'service: load balancer cannot serve its ports',
    await cluster.patch(`${services}/outer/status`, { status: { conditions } }),
  );
  const ingresses = `/apis/networking.k8s.io/v1/namespaces/${cluster.namespace}/ingresses`;
  const backend = { service: { name: 'inner', port: { number: 80 } } };
  cluster.keep(
    'ingress: no address',
    await cluster.create(ingresses, {
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' } },
      spec: { defaultBackend: backend },
    }),
  );
  const named = { status: { loadBalancer: { ingress: [{ hostname: 'web.example.org' }] } } };
  cluster.keep('ingress: with address', await cluster.patch(`${ingresses}/web/status`, named));
}

export async function policies(cluster: Cluster): Promise<void> {
  const budgets = `/apis/policy/v1/namespaces/${cluster.namespace}/poddisruptionbudgets`;
  const deployments = `/apis/apps/v1/namespaces/${cluster.namespace}/deployments`;
  const deploy = (name: string, nodeSelector: object) =>
    cluster.create(deployments, {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name } },
      spec: {
        ...{ replicas: 2, selector: { matchLabels: { app: name } } },
        template: {
          metadata: { labels: { app: name } },
          spec: { nodeSelector, containers: [{ name: 'app', image: 'registry.invalid/app:1' }] },
        },
      },
    });
  await deploy('guarded', {});
  await deploy('unwell', { 'example.org/none': 'true' });
  const budget = (name: string, app: string, minAvailable: number) =>
    cluster.create(budgets, {
      ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name } },
      spec: { minAvailable, selector: { matchLabels: { app } } },
    });
  cluster.keep('budget: just created', await budget('met', 'guarded', 1));
  await cluster.record('budget: met', `${budgets}/met`, (one) => statusOf(one).currentHealthy === 2);
  await budget('unmet', 'unwell', 1);
  await cluster.record('budget: not met', `${budgets}/unmet`, (one) => statusOf(one).expectedPods === 2);
  await budget('never', 'guarded', 5);
  await cluster.record('budget: can never be met', `${budgets}/never`, (one) => statusOf(one).currentHealthy === 2);
  const scalers = `/apis/autoscaling/v2/namespaces/${cluster.namespace}/horizontalpodautoscalers`;
  const metrics = [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
  ];
  const scaler = (name: string, target: string) =>
    cluster.create(scalers, {
      ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name } },
      spec: {
        ...{ minReplicas: 1, maxReplicas: 3, metrics },
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target },
      },
    });
  cluster.keep('autoscaler: just created', await scaler('blind', 'guarded'));
  await scaler('lost', 'nothing');
  await cluster.record('autoscaler: no metrics', `${scalers}/blind`, (one) =>
    hasCondition(one, 'ScalingActive', 'False'),
  );
  await cluster.record('autoscaler: no target', `${scalers}/lost`, (one) => hasCondition(one, 'AbleToScale', 'False'));
}

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

function definition(plural: string, kind: string, group: string, more: object = {}) {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
    metadata: { name: `${plural}.${group}`, ...more },
    spec: {
      ...{ group, scope: 'Namespaced', names: { plural, kind } },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema }],
    },
  };
}

export async function definitions(cluster: Cluster): Promise<void> {
  const group = `${cluster.namespace}.example.org`;
  cluster.keep('definition: just created', await cluster.create(CRDS, definition('widgets', 'Widget', group)));
  const widgets = `${CRDS}/widgets.${group}`;
  await cluster.record('definition: established', widgets, (one) => hasCondition(one, 'Established'));
  await cluster.create(CRDS, definition('gadgets', 'Widget', group));
  const rival = `${CRDS}/gadgets.${group}`;
  await cluster.record('definition: its kind is taken', rival, (one) => hasCondition(one, 'NamesAccepted', 'False'));
  await cluster.remove(rival);
  await customResources(cluster, `/apis/${group}/v1/namespaces/${cluster.namespace}/widgets`, group);
  await cluster.remove(widgets);
  await cluster.record('definition: being deleted', widgets, (one) => hasCondition(one, 'Terminating'));
  const held = `/apis/${group}/v1/namespaces/${cluster.namespace}/widgets/held`;
  await cluster.record('custom: being deleted', held, (one) => one.metadata.deletionTimestamp !== undefined);
  await cluster.patch(held, { metadata: { finalizers: null } });
  const services = '/apis/apiregistration.k8s.io/v1/apiservices';
  await cluster.record('apiservice: local', `${services}/v1.apps`, (one) => hasCondition(one, 'Available'));
  const name = `v1.${cluster.namespace}.metrics.example.org`;
  cluster.keep(
    'apiservice: just created',
    await cluster.create(services, {
      ...{ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name } },
      spec: {
        ...{ group: `${cluster.namespace}.metrics.example.org`, version: 'v1', insecureSkipTLSVerify: true },
        ...{ groupPriorityMinimum: 100, versionPriority: 100 },
        service: { namespace: cluster.namespace, name: 'nothing' },
      },
    }),
  );
  await cluster.record('apiservice: its server is missing', `${services}/${name}`, (one) =>
    hasCondition(one, 'Available', 'False'),
  );
  await cluster.remove(`${services}/${name}`);
}

/** Statuses are written as their controllers write them: with and without generations, late, and by a phase alone. */
async function customResources(cluster: Cluster, base: string, group: string): Promise<void> {
  const make = (name: string, metadata: object = {}) =>
    cluster.create(base, {
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name, ...metadata },
      spec: { size: 1 },
    });
  const tell = (name: string, status: object) => cluster.patch(`${base}/${name}/status`, { status });
  const ready = (status: string, more: object = {}) => ({
    type: 'Ready',
    status,
    reason: 'Told',
    message: 'so',
    ...more,
  });
  cluster.keep('custom: without a status', await make('a'));
  cluster.keep('custom: ready, of no generation', await tell('a', { conditions: [ready('True')] }));
  cluster.keep(
    'custom: ready at this generation',
    await tell('a', { observedGeneration: 1, conditions: [ready('True', { observedGeneration: 1 })] }),
  );
  cluster.keep('custom: changed, still says ready', await cluster.patch(`${base}/a`, { spec: { size: 2 } }));
  cluster.keep(
    'custom: seen, its condition is of the generation before',
    await tell('a', { observedGeneration: 2, conditions: [ready('True', { observedGeneration: 1 })] }),
  );
  cluster.keep('custom: not ready', await tell('a', { conditions: [ready('False', { observedGeneration: 2 })] }));
  cluster.keep('custom: ready is unknown', await tell('a', { conditions: [ready('Unknown')] }));
  const condition = (type: string, status: string) => ({ type, status, reason: 'Told', message: 'so' });
  const told: readonly (readonly [string, object])[] = [
    ['stalled', { conditions: [condition('Stalled', 'True'), ready('False')] }],
    ['reconciling', { conditions: [condition('Reconciling', 'True'), ready('True')] }],
    ['available', { observedGeneration: 2, conditions: [condition('Available', 'True')] }],
    ['a run that succeeded', { observedGeneration: 2, conditions: [condition('Succeeded', 'True')] }],
    ['a run that did not succeed', { conditions: [condition('Succeeded', 'False')] }],
    ['a run under way', { conditions: [condition('Succeeded', 'Unknown')] }],
    ['only a phase, under way', { observedGeneration: null, conditions: null, phase: 'Provisioning' }],
    ['only a phase, whatever it means', { phase: 'Running' }],
    ['an empty status', { phase: null }],
    ['only its generation', { observedGeneration: 2 }],
  ];
  for (const [name, status] of told) cluster.keep(`custom: ${name}`, await tell('a', status));
  await make('held', { finalizers: ['example.org/hold'] });
}

export async function gatewayApi(cluster: Cluster): Promise<void> {
  const group = 'gateway.networking.k8s.io';
  const unapproved = { annotations: { 'api-approved.kubernetes.io': 'unapproved, a shape for recordings' } };
  const kinds = [
    ['gateways', 'Gateway'],
    ['httproutes', 'HTTPRoute'],
  ] as const;
  for (const [plural, kind] of kinds) {
    // those of an earlier recording may still be on their way out
    await served(() => cluster.create(CRDS, definition(plural, kind, group, unapproved)));
  }
  await cluster.record('definition: of a group that is not its own', `${CRDS}/gateways.${group}`, (one) => {
    return hasCondition(one, 'Established') && hasCondition(one, 'KubernetesAPIApprovalPolicyConformant', 'False');
  });
  const base = `/apis/${group}/v1/namespaces/${cluster.namespace}`;
  const told = (type: string, status: string, observedGeneration = 1) => ({
    ...{ type, status, observedGeneration, reason: 'Told', message: 'so' },
  });
  const create = (plural: string, kind: string, name: string, spec: object) =>
    served(() => cluster.create(`${base}/${plural}`, { apiVersion: `${group}/v1`, kind, metadata: { name }, spec }));
  const tell = (path: string, status: object) => cluster.patch(`${base}/${path}/status`, { status });
  cluster.keep('gateway: just created', await create('gateways', 'Gateway', 'g', { gatewayClassName: 'x' }));
  cluster.keep('gateway: accepted', await tell('gateways/g', { conditions: [told('Accepted', 'True')] }));
  const both = [told('Accepted', 'True'), told('Programmed', 'True')];
  cluster.keep('gateway: programmed', await tell('gateways/g', { conditions: both }));
  cluster.keep('gateway: changed', await cluster.patch(`${base}/gateways/g`, { spec: { gatewayClassName: 'y' } }));
  const parentRefs = [{ name: 'g' }, { name: 'h' }];
  cluster.keep('route: just created', await create('httproutes', 'HTTPRoute', 'r', { parentRefs }));
  const parent = (name: string, ...conditions: object[]) => ({
    parentRef: { name },
    controllerName: 'x/y',
    conditions,
  });
  const good = [told('Accepted', 'True'), told('ResolvedRefs', 'True')];
  cluster.keep('route: one parent of two', await tell('httproutes/r', { parents: [parent('g', ...good)] }));
  const bad = parent('h', told('Accepted', 'True'), told('ResolvedRefs', 'False'));
  cluster.keep('route: a backend is missing', await tell('httproutes/r', { parents: [parent('g', ...good), bad] }));
  const all = [parent('g', ...good), parent('h', ...good)];
  cluster.keep('route: accepted', await tell('httproutes/r', { parents: all }));
  for (const [plural] of kinds) await cluster.remove(`${CRDS}/${plural}.${group}`);
}

/** Tries again while a definition is on its way: it is established a moment before its API answers. */
async function served(create: () => Promise<KubeObject>): Promise<KubeObject> {
  for (let tries = 0; ; tries++) {
    try {
      return await create();
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

export async function namespaces(cluster: Cluster): Promise<void> {
  const name = `${cluster.namespace}-going`;
  const path = `/api/v1/namespaces/${name}`;
  await cluster.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await cluster.record('namespace: active', path, (one) => phaseOf(one) === 'Active');
  await cluster.create(`${path}/configmaps`, {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'held', finalizers: ['example.org/hold'] } },
  });
  await cluster.remove(path);
  await cluster.record('namespace: being deleted', path, (one) => hasCondition(one, 'NamespaceFinalizersRemaining'));
  await cluster.patch(`${path}/configmaps/held`, { metadata: { finalizers: null } });
  cluster.keep(
    'data: config map',
    await cluster.create(`/api/v1/namespaces/${cluster.namespace}/configmaps`, {
      ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'blue' } },
    }),
  );
}
