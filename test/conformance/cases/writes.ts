/** Create, replace, generation, what cannot be changed, status and scale apart from the rest. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { accepted, at, part, refused } from '../caller.ts';
import { configMap, container, deployment, job, service } from '../manifests.ts';
import type { Cases } from '../suite.ts';

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export const writes: Cases = {
  async 'create answers 201 with identity; the same again is AlreadyExists'(t) {
    const made = accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' })), 201);
    const { uid, resourceVersion, creationTimestamp, namespace } = made.metadata;
    assert.match(String(uid), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(String(resourceVersion), /^\d+$/);
    assert.match(String(creationTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(namespace, t.namespace);
    refused(await t.post(t.path('configmaps'), configMap('a')), 409, {
      reason: 'AlreadyExists',
      message: 'configmaps "a" already exists',
      details: { name: 'a', kind: 'configmaps' },
    });
  },
  async 'generateName gives a name of its own; without any name 422'(t) {
    const make = () => t.post(t.path('configmaps'), { ...configMap(''), metadata: { generateName: 'g-' } });
    const [a, b] = [accepted(await make(), 201), accepted(await make(), 201)];
    assert.match(a.metadata.name, /^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.notEqual(a.metadata.name, b.metadata.name);
    refused(await t.post(t.path('configmaps'), { ...configMap(''), metadata: {} }), 422, {
      reason: 'Invalid',
      message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    });
  },
  async 'what does not fit the request: wrong namespace, wrong kind, a resourceVersion, a bad name'(t) {
    const path = t.path('configmaps');
    refused(await t.post(path, configMap('a', {}, { namespace: 'other' })), 400, {
      message: 'the namespace of the provided object does not match the namespace sent on the request',
    });
    refused(await t.post(path, { ...configMap('a'), kind: 'Secret' }), 400, { reason: 'BadRequest' });
    refused(await t.post(path, configMap('a', {}, { resourceVersion: '1' })), 500, {
      message: 'resourceVersion should not be set on objects to be created',
    });
    const status = refused(await t.post(path, configMap('Not_A_Name')), 422, { reason: 'Invalid' });
    assert.equal(at(status, 'details', 'causes', 0, 'field'), 'metadata.name');
    refused(await t.get(t.path('configmaps', 'a')), 404, {
      reason: 'NotFound',
      message: 'configmaps "a" not found',
      details: { name: 'a', kind: 'configmaps' },
    });
  },
  async 'dry run of create, replace, patch and delete: the answer without the deed'(t) {
    const dryRun = { dryRun: 'All' };
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' }), dryRun), 201);
    assert.equal((await t.get(path)).status, 404);
    const made = accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' })));
    const replaced = accepted(await t.put(path, configMap('a', { k: '2' }), dryRun));
    assert.equal(part(replaced, 'data').k, '2');
    accepted(await t.patch(path, 'merge', { data: { k: '3' } }, dryRun));
    accepted(await t.remove(path, { dryRun: ['All'] }));
    const live = accepted(await t.get(path));
    assert.deepEqual(live, made);
    refused(await t.post(t.path('configmaps'), configMap('a'), dryRun), 409, { reason: 'AlreadyExists' });
  },
  async 'replace with a stale resourceVersion: 409; without one it wins; the same again is no write'(t) {
    const path = t.path('configmaps', 'a');
    const first = accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' })));
    const second = accepted(await t.put(path, { ...first, data: { k: '2' } } as KubeObject), 200);
    assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
    refused(await t.put(path, { ...first, data: { k: '3' } } as KubeObject), 409, {
      reason: 'Conflict',
      message: `Operation cannot be fulfilled on configmaps "a": ${MODIFIED}`,
      details: { name: 'a', kind: 'configmaps' },
    });
    const third = accepted(await t.put(path, configMap('a', { k: '3' })));
    const same = accepted(await t.put(path, third));
    assert.equal(same.metadata.resourceVersion, third.metadata.resourceVersion);
  },
  async 'replace with another uid: 409; of what is not there: 404; with another name: 400'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a')));
    const uid = '00000000-0000-4000-8000-000000000000';
    const status = refused(await t.put(path, configMap('a', {}, { uid })), 409, { reason: 'Conflict' });
    assert.match(String(status.message), new RegExp(`UID in precondition: ${uid}, UID in object meta: `));
    refused(await t.put(t.path('configmaps', 'none'), configMap('none')), 404, { reason: 'NotFound' });
    refused(await t.put(path, configMap('b')), 400, {
      message: 'the name of the object (b) does not match the name on the URL (a)',
    });
  },
  async 'some kinds must be replaced with their resourceVersion'(t) {
    const meta = { name: 'a' };
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: meta,
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
    };
    accepted(await t.post(t.path('policy/v1/poddisruptionbudgets'), budget));
    refused(await t.put(t.path('policy/v1/poddisruptionbudgets', 'a'), budget), 422, {
      reason: 'Invalid',
      message:
        /^poddisruptionbudgets\.policy "a" is invalid: metadata\.resourceVersion: Invalid value: (0x0|0): must be specified for an update$/,
    });
  },
  async 'generation counts changes of the spec: not of labels, not of status'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    const made = accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { paused: true, replicas: 0 })));
    assert.equal(made.metadata.generation, 1);
    const labelled = accepted(await t.patch(path, 'merge', { metadata: { labels: { a: 'b' } } }));
    assert.equal(labelled.metadata.generation, 1);
    const scaled = accepted(await t.patch(path, 'merge', { spec: { minReadySeconds: 1 } }));
    assert.equal(scaled.metadata.generation, 2);
    const observed = accepted(await t.patch(`${path}/status`, 'merge', { status: { collisionCount: 3 } }));
    assert.equal(observed.metadata.generation, 2);
    const kept = accepted(await t.patch(path, 'merge', { metadata: { generation: 77 } }));
    assert.equal(kept.metadata.generation, 2);
  },
  async 'status and the rest are written apart'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    const sent = { ...deployment('a', { paused: true, replicas: 0 }), status: { collisionCount: 5 } } as KubeObject;
    const made = accepted(await t.post(t.path('apps/v1/deployments'), sent));
    assert.equal(part(made, 'status').collisionCount, undefined);
    const main = accepted(
      await t.patch(path, 'merge', { spec: { minReadySeconds: 2 }, status: { collisionCount: 5 } }),
    );
    assert.equal(part(main, 'status').collisionCount, undefined);
    assert.equal(part(main, 'spec').minReadySeconds, 2);
    const status = accepted(
      await t.patch(`${path}/status`, 'merge', {
        metadata: { labels: { no: 'way' } },
        spec: { minReadySeconds: 9 },
        status: { collisionCount: 6 },
      }),
    );
    assert.equal(part(status, 'status').collisionCount, 6);
    assert.equal(part(status, 'spec').minReadySeconds, 2);
    assert.equal(status.metadata.labels?.no, undefined);
  },
  async 'scale: read, replaced under its resourceVersion, patched'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { paused: true, replicas: 0 })));
    const scale = accepted(await t.get(`${path}/scale`));
    assert.equal(`${scale.apiVersion} ${scale.kind}`, 'autoscaling/v1 Scale');
    assert.equal(part(scale, 'status').selector, 'app=a');
    refused(await t.put(`${path}/scale`, { ...scale, metadata: { ...scale.metadata, resourceVersion: '1' } }), 409, {
      reason: 'Conflict',
    });
    const next = accepted(await t.patch(`${path}/scale`, 'merge', { spec: { replicas: 1 } }));
    assert.equal(part(next, 'spec').replicas, 1);
    assert.equal(part(accepted(await t.get(path)), 'spec').replicas, 1);
    refused(await t.patch(`${path}/scale`, 'merge', { spec: { replicas: -1 } }), 422, { reason: 'Invalid' });
  },
  async 'defaults are filled in'(t) {
    const made = accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { replicas: 0 })));
    const spec = part(made, 'spec');
    assert.equal(spec.progressDeadlineSeconds, 600);
    assert.deepEqual(spec.strategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
    });
    const first = at(spec, 'template', 'spec', 'containers', 0) as JsonObject;
    assert.equal(first.imagePullPolicy, 'IfNotPresent');
    assert.equal(first.terminationMessagePath, '/dev/termination-log');
  },
  async 'immutable: the selector of a Deployment'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    accepted(await t.apply(path, deployment('a', { replicas: 0 })));
    const other = { ...deployment('a', { replicas: 0 }) };
    const labels = { app: 'other' };
    const template = { metadata: { labels }, spec: { containers: [container('c')] } };
    const answer = await t.apply(path, {
      ...other,
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    });
    const status = refused(answer, 422, { reason: 'Invalid', message: /field is immutable$/ });
    assert.deepEqual(at(status, 'details', 'causes', 0, 'field'), 'spec.selector');
    assert.deepEqual(part(status, 'details').kind, 'Deployment');
    assert.deepEqual(part(status, 'details').group, 'apps');
  },
  async 'immutable: a sealed ConfigMap, the type of a Secret, the template of a Job'(t) {
    accepted(await t.post(t.path('configmaps'), { ...configMap('a', { k: '1' }), immutable: true }));
    refused(await t.patch(t.path('configmaps', 'a'), 'merge', { data: { k: '2' } }), 422, {
      causes: [
        {
          reason: 'FieldValueForbidden',
          message: 'Forbidden: field is immutable when `immutable` is set',
          field: 'data',
        },
      ],
    });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      type: 'Opaque',
      stringData: { k: 'v' },
    };
    const made = accepted(await t.post(t.path('secrets'), secret));
    assert.deepEqual(made.data, { k: Buffer.from('v').toString('base64') });
    assert.equal(made.stringData, undefined);
    refused(await t.patch(t.path('secrets', 'a'), 'merge', { type: 'example.com/other' }), 422, {
      message: 'Secret "a" is invalid: type: Invalid value: "example.com/other": field is immutable',
    });
    accepted(await t.post(t.path('batch/v1/jobs'), job('a', { suspend: true, parallelism: 1 })));
    const images = {
      spec: { template: { spec: { containers: [container('c', { image: 'registry.invalid/x:2' })] } } },
    };
    refused(await t.patch(t.path('batch/v1/jobs', 'a'), 'strategic', images), 422, {
      message: /spec\.template: Invalid value: .*field is immutable$/s,
    });
  },
  async 'immutable: the address of a Service, the role of a binding, a StatefulSet but for what it may change'(t) {
    accepted(await t.post(t.path('services'), service('a')));
    refused(await t.patch(t.path('services', 'a'), 'merge', { spec: { clusterIP: '10.0.250.250' } }), 422, {
      message: /spec\.clusterIPs?\[?0?\]?: Invalid value: .*(field is immutable|may not change once set)/,
    });
    const rbac = 'rbac.authorization.k8s.io';
    const binding = {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'a' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'view' },
      subjects: [],
    };
    accepted(await t.post(t.path(`${rbac}/v1/rolebindings`), binding));
    refused(await t.patch(t.path(`${rbac}/v1/rolebindings`, 'a'), 'merge', { roleRef: { name: 'edit' } }), 422, {
      message: /roleRef: Invalid value: .*cannot change roleRef$/,
    });
    const { spec } = deployment('a', { replicas: 0, serviceName: 'a' });
    const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'a' }, spec } as KubeObject;
    accepted(await t.post(t.path('apps/v1/statefulsets'), set));
    const status = refused(
      await t.patch(t.path('apps/v1/statefulsets', 'a'), 'merge', { spec: { serviceName: 'b' } }),
      422,
    );
    assert.match(
      String(status.message),
      /spec: Forbidden: updates to statefulset spec for fields other than 'replicas'/,
    );
  },
  async 'the address and node port of a deleted Service come back only to who asks for them'(t) {
    const numbers = (made: KubeObject) => {
      const [port] = at(made, 'spec', 'ports') as readonly JsonObject[];
      return { clusterIP: String(at(made, 'spec', 'clusterIP')), nodePort: Number(port?.nodePort) };
    };
    const exposed = (name: string, { clusterIP, nodePort }: Partial<ReturnType<typeof numbers>> = {}) =>
      service(name, {
        type: 'NodePort',
        ports: [{ port: 80, ...(nodePort === undefined ? {} : { nodePort }) }],
        ...(clusterIP === undefined ? {} : { clusterIP }),
      });
    const first = numbers(accepted(await t.post(t.path('services'), exposed('a')), 201));
    const { clusterIP, nodePort } = first;
    refused(await t.post(t.path('services'), exposed('b', { clusterIP })), 422, {
      message: new RegExp(
        `clusterIPs: Invalid value: .*: failed to allocate IP ${clusterIP}: provided IP is already allocated$`,
      ),
    });
    refused(await t.post(t.path('services'), exposed('b', { nodePort })), 422, {
      message: `Service "b" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated`,
    });
    accepted(await t.remove(t.path('services', 'a')), 200);
    const second = numbers(accepted(await t.post(t.path('services'), exposed('a')), 201));
    assert.notDeepEqual(second, first);
    accepted(await t.remove(t.path('services', 'a')), 200);
    assert.deepEqual(numbers(accepted(await t.post(t.path('services'), exposed('a', first)), 201)), first);
  },
  async 'a claim does not shrink, and grows only where its class allows it'(t) {
    const classes = 'storage.k8s.io/v1/storageclasses';
    const provided = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', provisioner: 'example.com/none' };
    accepted(await t.post(t.global(classes), { ...provided, metadata: { name: t.own } }), 201);
    t.later(() => t.remove(t.global(classes, t.own)));
    const size = (storage: string) => ({ resources: { requests: { storage } } });
    const spec = { accessModes: ['ReadWriteOnce'], storageClassName: t.own, ...size('2Gi') };
    const path = t.path('persistentvolumeclaims', 'a');
    const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'a' }, spec };
    accepted(await t.post(t.path('persistentvolumeclaims'), claim), 201);
    const status = { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } };
    accepted(await t.patch(t.path('persistentvolumeclaims', 'a', 'status'), 'merge', { status }), 200);
    refused(await t.patch(path, 'merge', { spec: size('1Gi') }), 422, {
      message:
        'PersistentVolumeClaim "a" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    });
    refused(await t.patch(path, 'merge', { spec: size('3Gi') }), 403, {
      message:
        'persistentvolumeclaims "a" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    });
    accepted(await t.patch(t.global(classes, t.own), 'merge', { allowVolumeExpansion: true }), 200);
    await t.eventually(
      'its class to be known',
      async () => (await t.patch(path, 'merge', { spec: size('3Gi') })).status === 200,
    );
    refused(await t.patch(path, 'merge', { spec: size('2Gi') }), 422, { reason: 'Invalid' });
  },
  async 'what is not valid is refused with every cause'(t) {
    const bad = deployment('a', { replicas: -1, selector: { matchLabels: { app: 'other' } } });
    const status = refused(await t.post(t.path('apps/v1/deployments'), bad), 422, { reason: 'Invalid' });
    const fields = (at(status, 'details', 'causes') as readonly JsonObject[]).map(({ field }) => field);
    assert.deepEqual(fields, ['spec.replicas', 'spec.template.metadata.labels']);
  },
};
