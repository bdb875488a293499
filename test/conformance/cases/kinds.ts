/** Kinds with ways of their own: leases, evictions, events, scalers, and workloads coming up. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { accepted, at, items, names, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { deployment, job, pod, service } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { condition } from './crd-life.ts';

const LEASES = 'coordination.k8s.io/v1/leases';

function lease(holder: string, metadata: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'l', ...metadata },
    spec: { holderIdentity: holder, leaseDurationSeconds: 15, renewTime: '2026-11-22T10:00:00.123456Z' },
  };
}

export const leases: Cases = {
  async 'of many that take it at once one holds it'(t) {
    const made = accepted(await t.post(t.path(LEASES), lease('')), 201);
    assert.equal(part(made, 'spec').renewTime, '2026-11-22T10:00:00.123456Z');
    const { resourceVersion = '' } = made.metadata;
    const takers = ['a', 'b', 'c', 'd', 'e'];
    const answers = await Promise.all(takers.map((one) => t.put(t.path(LEASES, 'l'), lease(one, { resourceVersion }))));
    const winners = takers.filter((_, index) => answers[index]?.status === 200);
    assert.equal(winners.length, 1);
    for (const answer of answers.filter(({ status }) => status !== 200)) refused(answer, 409, { reason: 'Conflict' });
    assert.equal(part(accepted(await t.get(t.path(LEASES, 'l'))), 'spec').holderIdentity, winners[0]);
  },
  async 'of many that make it at once one does'(t) {
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((one) => t.post(t.path(LEASES), lease(one))));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409, 409]);
  },
  async 'a replace makes one that is not there; what it says is checked'(t) {
    accepted(await t.put(t.path(LEASES, 'l'), lease('a')), 201);
    const none = { ...lease('a'), metadata: { name: 'm' }, spec: { leaseDurationSeconds: 0 } } as KubeObject;
    refused(await t.post(t.path(LEASES), none), 422, {
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: 0: must be greater than 0',
          field: 'spec.leaseDurationSeconds',
        },
      ],
    });
  },
};

async function readyPods(t: Trial, name: string, replicas: number): Promise<readonly string[]> {
  accepted(await t.post(t.path('apps/v1/deployments'), deployment(name, { replicas })), 201);
  await t.eventually(`${replicas} ready`, async () => {
    return part(accepted(await t.get(t.path('apps/v1/deployments', name))), 'status').readyReplicas === replicas;
  });
  return names(await t.get(t.path('pods')));
}

function evict(t: Trial, name: string, query?: { dryRun: string }) {
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
  return t.post(t.path('pods', name, 'eviction'), eviction, query);
}

export const evictions: Cases = {
  async 'without a budget a pod may be evicted'(t) {
    const [name = ''] = await readyPods(t, 'a', 1);
    accepted(await evict(t, name, { dryRun: 'All' }), 201);
    accepted(await t.get(t.path('pods', name)));
    const answer = accepted(await evict(t, name), 201);
    assert.equal(answer.status, 'Success');
    await t.eventually('the pod to go', async () => {
      const live = await t.get(t.path('pods', name));
      return live.status === 404 || accepted(live).metadata.deletionTimestamp !== undefined;
    });
  },
  async 'a budget allows what it can spare, then refuses with 429'(t) {
    const [first = ''] = await readyPods(t, 'a', 2);
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b' },
      spec: { minAvailable: 2, selector: { matchLabels: { app: 'a' } } },
    };
    accepted(await t.post(t.path('policy/v1/poddisruptionbudgets'), budget), 201);
    const path = t.path('policy/v1/poddisruptionbudgets', 'b');
    const live = await t.eventually('its status', async () => {
      const found = accepted(await t.get(path));
      return part(found, 'status').currentHealthy === 2 && found;
    });
    const { currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods } = part(live, 'status');
    assert.deepEqual([currentHealthy, desiredHealthy, disruptionsAllowed, expectedPods], [2, 2, 0, 2]);
    const answer = await evict(t, first);
    refused(answer, 429, {
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      causes: [
        { reason: 'DisruptionBudget', message: 'The disruption budget b needs 2 healthy pods and has 2 currently' },
      ],
    });
    accepted(await t.patch(path, 'merge', { spec: { minAvailable: 1 } }));
    await t.eventually(
      'room for one',
      async () => part(accepted(await t.get(path)), 'status').disruptionsAllowed === 1,
    );
    accepted(await evict(t, first), 201);
  },
};

export const events: Cases = {
  async 'written as either kind, read as both, found by what they are about'(t) {
    const time = '2026-11-22T10:00:00Z';
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', namespace: t.namespace, name: 'p', uid: 'u1', apiVersion: 'v1' },
      reason: 'Because',
      message: 'it happened',
      type: 'Warning',
      source: { component: 'test' },
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    accepted(await t.post(t.path('events'), event), 201);
    const select = async (fieldSelector: string) => names(await t.get(t.path('events'), { fieldSelector }));
    assert.deepEqual(await select('involvedObject.name=p,involvedObject.kind=Pod,involvedObject.uid=u1'), ['e']);
    assert.deepEqual(await select('type=Warning,reason=Because'), ['e']);
    assert.deepEqual(await select('involvedObject.name=q'), []);
    const newer = accepted(await t.get(t.path('events.k8s.io/v1/events', 'e')));
    assert.deepEqual(
      [newer.apiVersion, newer.note, part(newer, 'regarding').name, newer.deprecatedCount],
      ['events.k8s.io/v1', 'it happened', 'p', 1],
    );
    accepted(await t.patch(t.path('events', 'e'), 'merge', { count: 2, lastTimestamp: time }));
    assert.equal(accepted(await t.get(t.path('events', 'e'))).count, 2);
  },
  async 'one about another namespace is refused'(t) {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
    };
    refused(await t.post(t.path('events'), event), 422, { message: /does not match event\.namespace/ });
  },
};

export const workloads: Cases = {
  async 'a Deployment becomes available; its pods say whose they are'(t) {
    await readyPods(t, 'a', 2);
    const live = await t.eventually('it to be available', async () => {
      const found = accepted(await t.get(t.path('apps/v1/deployments', 'a')));
      return condition(found, 'Progressing')?.reason === 'NewReplicaSetAvailable' && found;
    });
    const { observedGeneration, replicas, updatedReplicas, availableReplicas, unavailableReplicas } = part(
      live,
      'status',
    );
    assert.deepEqual(
      [observedGeneration, replicas, updatedReplicas, availableReplicas, unavailableReplicas],
      [live.metadata.generation, 2, 2, 2, undefined],
    );
    assert.equal(condition(live, 'Available')?.reason, 'MinimumReplicasAvailable');
    assert.equal(live.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
    assert.equal(live.metadata.generation, 1);
    const [set] = items(await t.get(t.path('apps/v1/replicasets')));
    assert.ok(set);
    assert.equal(at(set.metadata as unknown as JsonObject, 'ownerReferences', 0, 'uid'), live.metadata.uid);
    for (const one of items(await t.get(t.path('pods')))) {
      assert.equal(at(one.metadata as unknown as JsonObject, 'ownerReferences', 0, 'uid'), set.metadata.uid);
      assert.equal(one.metadata.labels?.['pod-template-hash'], set.metadata.labels?.['pod-template-hash']);
    }
  },
  async 'a new template is rolled out by a new set; the old one is emptied'(t) {
    await readyPods(t, 'a', 1);
    const image = { spec: { template: { spec: { containers: [{ name: 'c', image: 'registry.invalid/c:2' }] } } } };
    const changed = accepted(await t.patch(t.path('apps/v1/deployments', 'a'), 'strategic', image));
    assert.equal(changed.metadata.generation, 2);
    await t.eventually('the rollout', async () => {
      const { observedGeneration, updatedReplicas, replicas, availableReplicas } = part(
        accepted(await t.get(t.path('apps/v1/deployments', 'a'))),
        'status',
      );
      return observedGeneration === 2 && updatedReplicas === 1 && replicas === 1 && availableReplicas === 1;
    });
    const sizes = items(await t.get(t.path('apps/v1/replicasets'))).map((set) => part(set, 'spec').replicas);
    assert.deepEqual([...sizes].sort(), [0, 1]);
  },
  async 'a Job completes'(t) {
    accepted(await t.post(t.path('batch/v1/jobs'), job('a')), 201);
    const live = await t.eventually('it to complete', async () => {
      const found = accepted(await t.get(t.path('batch/v1/jobs', 'a')));
      return condition(found, 'Complete')?.status === 'True' && found;
    });
    assert.equal(part(live, 'status').succeeded, 1);
    assert.equal(condition(live, 'SuccessCriteriaMet')?.status, 'True');
  },
  async 'a StatefulSet numbers its pods'(t) {
    const { spec } = deployment('a', { replicas: 2, serviceName: 'a' });
    accepted(
      await t.post(t.path('apps/v1/statefulsets'), {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'a' },
        spec,
      } as KubeObject),
    );
    const live = await t.eventually('it to be ready', async () => {
      const found = accepted(await t.get(t.path('apps/v1/statefulsets', 'a')));
      return part(found, 'status').readyReplicas === 2 && found;
    });
    assert.deepEqual(names(await t.get(t.path('pods'))), ['a-0', 'a-1']);
    const { currentRevision, updateRevision } = part(live, 'status');
    assert.equal(currentRevision, updateRevision);
  },
  async 'a Service has slices with the pods that are ready'(t) {
    await readyPods(t, 'a', 2);
    accepted(await t.post(t.path('services'), service('a', { selector: { app: 'a' } })), 201);
    await t.eventually('two endpoints', async () => {
      const slices = items(
        await t.get(t.path('discovery.k8s.io/v1/endpointslices'), { labelSelector: 'kubernetes.io/service-name=a' }),
      );
      const endpoints = slices.flatMap((slice) => (slice.endpoints ?? []) as unknown as readonly JsonObject[]);
      return endpoints.filter((one) => part(one, 'conditions').ready === true).length === 2;
    });
  },
  async 'what fits nowhere stays Pending, with the reason'(t) {
    accepted(await t.post(t.path('pods'), pod('p', { nodeSelector: { no: 'where' } })), 201);
    const live = await t.eventually('the verdict', async () => {
      const found = accepted(await t.get(t.path('pods', 'p')));
      return condition(found, 'PodScheduled')?.status === 'False' && found;
    });
    assert.equal(condition(live, 'PodScheduled')?.reason, 'Unschedulable');
    assert.match(
      String(condition(live, 'PodScheduled')?.message),
      /^0\/2 nodes are available: 2 node\(s\) didn't match Pod's node affinity\/selector\./,
    );
  },
  async 'a scaler is one object in two versions'(t) {
    const path = (version: string, name?: string) => t.path(`autoscaling/${version}/horizontalpodautoscalers`, name);
    const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' };
    const v1 = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'a' },
      spec: { scaleTargetRef: target, minReplicas: 2, maxReplicas: 4, targetCPUUtilizationPercentage: 70 },
    };
    const made = accepted(await t.post(path('v1'), v1), 201);
    assert.deepEqual(made.spec, v1.spec);
    const newer = accepted(await t.get(path('v2', 'a')));
    assert.deepEqual(newer.spec, {
      scaleTargetRef: target,
      minReplicas: 2,
      maxReplicas: 4,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } },
      ],
    });
    const memory = {
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
    };
    const metrics = [...(part(newer, 'spec').metrics as readonly JsonObject[]), memory];
    const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
    accepted(await t.patch(path('v2', 'a'), 'merge', { spec: { metrics, behavior } }));
    const older = accepted(await t.get(path('v1', 'a')));
    assert.equal(part(older, 'spec').targetCPUUtilizationPercentage, 70);
    const annotations = older.metadata.annotations ?? {};
    assert.deepEqual(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/metrics'] ?? 'null'), [
      { type: 'Resource', resource: { name: 'memory', targetAverageValue: '1Gi' } },
    ]);
    const kept = JSON.parse(annotations['autoscaling.alpha.kubernetes.io/behavior'] ?? 'null') as JsonObject;
    assert.equal(part(kept, 'ScaleDown').StabilizationWindowSeconds, 60);
    // a write through the older version loses nothing of the newer
    accepted(await t.patch(path('v1', 'a'), 'merge', { spec: { maxReplicas: 5 } }));
    const again = accepted(await t.get(path('v2', 'a')));
    assert.deepEqual(part(again, 'spec').metrics, metrics.toReversed());
    assert.equal(at(again, 'spec', 'behavior', 'scaleDown', 'stabilizationWindowSeconds'), 60);
    assert.equal(part(again, 'spec').maxReplicas, 5);
    assert.equal(again.metadata.annotations, undefined);
  },
};
