/** What has a say before a write is stored: quotas, limits, policies, validation of fields. */
import assert from 'node:assert/strict';
import { type JsonObject, jsonEqual, type KubeObject } from '../../../src/base/index.ts';
import { accepted, at, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { configMap, container, deployment, pod, service } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { condition } from './crd-life.ts';

/** Nowhere to run: such a pod stays Pending, and nothing happens to it. */
const NOWHERE: JsonObject = { nodeSelector: { no: 'where' } };

const sized = (name: string, resources: JsonObject) =>
  pod(name, { ...NOWHERE, containers: [container('c', { resources })] });

/** Makes the quota and waits until what is used has been counted: before that a real server refuses. */
async function quota(t: Trial, hard: JsonObject, more: JsonObject = {}): Promise<void> {
  const made = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard, ...more } };
  accepted(await t.post(t.path('resourcequotas'), made), 201);
  await t.eventually('the quota to be counted', async () => {
    const status = part(accepted(await t.get(t.path('resourcequotas', 'q'))), 'status');
    return jsonEqual(status.hard, hard) && status.used !== undefined;
  });
}

async function limitRange(t: Trial, limits: readonly JsonObject[]): Promise<void> {
  const range = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits' }, spec: { limits } };
  accepted(await t.post(t.path('limitranges'), range), 201);
  // a real server looks at a cache of them
  await t.eventually('the limits to hold', async () => {
    const probe = await t.post(t.path('pods'), sized('probe', { requests: { cpu: '999' }, limits: { cpu: '999' } }), {
      dryRun: 'All',
    });
    return probe.status === 403;
  });
}

export const admission: Cases = {
  async 'a quota counts what is there, and refuses what is too much'(t) {
    await quota(t, { 'count/configmaps': '2', 'requests.cpu': '1', pods: '2' });
    accepted(await t.post(t.path('configmaps'), configMap('a')), 201);
    refused(await t.post(t.path('configmaps'), configMap('b')), 403, {
      reason: 'Forbidden',
      message:
        'configmaps "b" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2',
      details: { name: 'b', kind: 'configmaps' },
    });
    refused(await t.apply(t.path('configmaps', 'b'), configMap('b'), { dryRun: true }), 403, {
      message: /exceeded quota: q/,
    });
    accepted(await t.post(t.path('pods'), sized('a', { requests: { cpu: '600m' } })), 201);
    refused(await t.post(t.path('pods'), sized('b', { requests: { cpu: '500m' } })), 403, {
      message:
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1',
    });
    const used = await t.eventually('the count', async () => {
      const status = part(accepted(await t.get(t.path('resourcequotas', 'q'))), 'status', 'used');
      return status.pods === '1' && status;
    });
    assert.deepEqual(used, { 'count/configmaps': '2', 'requests.cpu': '600m', pods: '1' });
    accepted(await t.remove(t.path('pods', 'a'), { gracePeriodSeconds: 0 }));
    await t.eventually('room again', async () => {
      return (await t.post(t.path('pods'), sized('b', { requests: { cpu: '500m' } }))).status === 201;
    });
  },
  async 'under a quota of cpu a pod must say what it asks for'(t) {
    await quota(t, { 'limits.memory': '1Gi', 'requests.cpu': '1' });
    refused(await t.post(t.path('pods'), pod('p', NOWHERE)), 403, {
      message: 'pods "p" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c',
    });
  },
  async 'a Deployment says why its pods are refused'(t) {
    await quota(t, { pods: '0' });
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a')));
    const found = await t.eventually('the failure', async () => {
      const live = accepted(await t.get(t.path('apps/v1/deployments', 'a')));
      return condition(live, 'ReplicaFailure')?.status === 'True' && live;
    });
    const { reason, message } = condition(found, 'ReplicaFailure') ?? {};
    assert.equal(reason, 'FailedCreate');
    assert.match(String(message), /is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0/);
    const event = await t.eventually('its event', async () => {
      const events = accepted(await t.get(t.path('events'), { fieldSelector: 'reason=FailedCreate' })).items;
      return (events as unknown as readonly JsonObject[])[0];
    });
    assert.equal(part(event, 'involvedObject').kind, 'ReplicaSet');
    assert.match(String(event.message), /^Error creating: pods "a-[^"]+" is forbidden: exceeded quota: q/);
  },
  async 'a LimitRange gives defaults, and refuses what is outside'(t) {
    await limitRange(t, [
      {
        type: 'Container',
        default: { cpu: '500m' },
        defaultRequest: { cpu: '100m' },
        min: { cpu: '50m' },
        max: { cpu: '1' },
        maxLimitRequestRatio: { cpu: '10' },
      },
    ]);
    const made = accepted(await t.post(t.path('pods'), pod('a', NOWHERE)), 201);
    assert.deepEqual(at(made, 'spec', 'containers', 0, 'resources'), {
      limits: { cpu: '500m' },
      requests: { cpu: '100m' },
    });
    assert.equal(
      made.metadata.annotations?.['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    );
    const post = (resources: JsonObject) => t.post(t.path('pods'), sized('b', resources));
    refused(await post({ requests: { cpu: '10m' }, limits: { cpu: '100m' } }), 403, {
      message: 'pods "b" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
    });
    refused(await post({ requests: { cpu: '1' }, limits: { cpu: '2' } }), 403, {
      message: 'pods "b" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    });
    refused(await post({ requests: { cpu: '50m' }, limits: { cpu: '1' } }), 403, {
      message:
        'pods "b" is forbidden: cpu max limit to request ratio per Container is 10, but provided ratio is 20.000000',
    });
    refused(await post({ requests: { cpu: '10m' }, limits: { cpu: '2' } }), 403, {
      message:
        'pods "b" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, but limit is 2, cpu max limit to request ratio per Container is 10, but provided ratio is 200.000000]',
    });
    accepted(await post({ requests: { cpu: '100m' }, limits: { cpu: '1' } }), 201);
  },
  async 'a LimitRange for pods and for claims'(t) {
    await limitRange(t, [
      { type: 'Pod', max: { cpu: '1' } },
      { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } },
    ]);
    const two = ['c', 'd'].map((name) =>
      container(name, { resources: { requests: { cpu: '600m' }, limits: { cpu: '600m' } } }),
    );
    refused(await t.post(t.path('pods'), pod('b', { ...NOWHERE, containers: two })), 403, {
      message: 'pods "b" is forbidden: maximum cpu usage per Pod is 1, but limit is 1200m',
    });
    const claim = (storage: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'd' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: '',
        resources: { requests: { storage } },
      },
    });
    const post = (storage: string) => t.post(t.path('persistentvolumeclaims'), claim(storage));
    refused(await post('500Mi'), 403, {
      message:
        'persistentvolumeclaims "d" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi',
    });
    refused(await post('6Gi'), 403, {
      message:
        'persistentvolumeclaims "d" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 6Gi',
    });
    accepted(await post('2Gi'), 201);
  },
  async 'a pod needs an account and a priority that are there'(t) {
    refused(await t.post(t.path('pods'), pod('p', { serviceAccountName: 'none' })), 403, {
      message: `pods "p" is forbidden: error looking up service account ${t.namespace}/none: serviceaccount "none" not found`,
    });
    refused(await t.post(t.path('pods'), pod('p', { priorityClassName: 'none' })), 403, {
      message: 'pods "p" is forbidden: no PriorityClass with name none was found',
    });
    const made = accepted(await t.post(t.path('pods'), pod('p', NOWHERE)));
    assert.equal(part(made, 'spec').serviceAccountName, 'default');
    assert.equal(at(made, 'spec', 'volumes', 0, 'projected', 'sources', 0, 'serviceAccountToken', 'path'), 'token');
  },
  async 'a namespace that enforces the restricted standard takes no other pods'(t) {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    accepted(await t.patch(t.global('namespaces', t.namespace), 'merge', { metadata: { labels } }));
    const refusal = await t.eventually('the standard to hold', async () => {
      const answer = await t.post(t.path('pods'), pod('p', NOWHERE), { dryRun: 'All' });
      return answer.status === 403 && answer;
    });
    refused(refusal, 403, {
      message:
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    });
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const good = pod('p', { ...NOWHERE, containers: [container('c', { securityContext })] });
    accepted(await t.post(t.path('pods'), good), 201);
  },
  async 'a policy in CEL denies in its own words'(t) {
    const base = 'admissionregistration.k8s.io/v1';
    const metadata = { name: `${t.own}.example.com` };
    const policy = {
      apiVersion: base,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
          ],
        },
        validations: [{ expression: "object.metadata.name != 'bad'", message: 'bad is not allowed' }],
      },
    };
    const binding = {
      apiVersion: base,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: {
        policyName: metadata.name,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': t.namespace } } },
      },
    };
    for (const [plural, made] of [
      ['validatingadmissionpolicies', policy],
      ['validatingadmissionpolicybindings', binding],
    ] as const) {
      accepted(await t.post(t.global(`${base}/${plural}`), made), 201);
      t.later(() => t.remove(t.global(`${base}/${plural}`, metadata.name)));
    }
    const answer = await t.eventually('the policy to hold', async () => {
      const found = await t.post(t.path('configmaps'), configMap('bad'), { dryRun: 'All' });
      return found.status !== 201 && found;
    });
    refused(answer, 422, {
      reason: 'Invalid',
      message: `configmaps "bad" is forbidden: ValidatingAdmissionPolicy '${metadata.name}' with binding '${metadata.name}' denied request: bad is not allowed`,
    });
    accepted(await t.post(t.path('configmaps'), configMap('good')), 201);
  },
};

export const fields: Cases = {
  async 'strict: unknown and doubled fields are refused'(t) {
    const strict = { fieldValidation: 'Strict' };
    refused(await t.post(t.path('configmaps'), { ...configMap('a'), dta: {} }, strict), 400, {
      reason: 'BadRequest',
      message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"',
    });
    const { spec } = service('a', { portz: [] });
    refused(await t.post(t.path('services'), { ...service('a'), spec }, strict), 400, {
      message: /strict decoding error: unknown field "spec\.portz"/,
    });
    const doubled = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}';
    const answer = await t.raw(
      'POST',
      `${t.path('configmaps')}?fieldValidation=Strict`,
      { 'content-type': 'application/json' },
      doubled,
    );
    assert.equal(answer.status, 400);
    assert.match(answer.bytes.toString(), /strict decoding error: duplicate field \\"data\.k\\"/);
  },
  async 'warn, the default: they are dropped, and said'(t) {
    const answer = await t.post(t.path('configmaps'), { ...configMap('a'), dta: {} });
    const made = accepted(answer, 201);
    assert.equal(made.dta, undefined);
    assert.deepEqual(answer.warnings, ['unknown field "dta"']);
    const patched = await t.patch(t.path('configmaps', 'a'), 'merge', { dta: 1, data: { k: '1' } });
    assert.deepEqual([accepted(patched).data, patched.warnings], [{ k: '1' }, ['unknown field "dta"']]);
  },
  async 'ignore: not a word'(t) {
    const answer = await t.post(t.path('configmaps'), { ...configMap('a'), dta: {} }, { fieldValidation: 'Ignore' });
    assert.equal(accepted(answer, 201).dta, undefined);
    assert.deepEqual(answer.warnings, []);
  },
  async 'a value of another type cannot be read: 400'(t) {
    refused(await t.post(t.path('configmaps'), { ...configMap('a'), data: { k: 1 } }), 400, {
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
    });
  },
  async 'an old version is warned of'(t) {
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'a' } };
    const answer = await t.post(t.path('endpoints'), endpoints);
    accepted(answer, 201);
    assert.deepEqual(answer.warnings, ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice']);
  },
};
