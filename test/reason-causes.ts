/** Why a location is not well, cause by cause: the same on an embedded cluster and on a real control plane. */
import assert from 'node:assert/strict';
import type { Digest, Json, JsonObject, KubeObject } from '../src/base/index.ts';
import type { Reason } from '../src/kubernetes/index.ts';
import { LABELS, LOCATION, MANAGER, output, type Rig, until } from './hub-agent-rig.ts';

export interface Cause {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  /** Made before, by an administrator. */
  readonly ground?: readonly KubeObject[];
  /** A pod that the ground refuses, which may take it a moment. */
  readonly refuses?: KubeObject;
  /** From what was applied down to what is to blame. */
  readonly chain: readonly string[];
  /** What the hub says of it in one line. */
  readonly short: RegExp;
  /** How many fare alike. */
  readonly count?: number;
  /** Only where the API server enforces it, or something runs. */
  readonly only?: 'real' | 'embedded';
}

const NAMESPACE = 'why';

function workload(
  kind: string,
  name: string,
  spec: JsonObject,
  pod: JsonObject,
  annotations: JsonObject = {},
): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels, annotations }, spec: pod };
  const selector = kind === 'Job' ? {} : { selector: { matchLabels: labels } };
  const apiVersion = kind === 'Job' ? 'batch/v1' : 'apps/v1';
  const metadata = { name, namespace: NAMESPACE, labels: LABELS };
  return { apiVersion, kind, metadata, spec: { ...selector, ...spec, template } } as unknown as KubeObject;
}

const container = { name: 'c', image: 'app:1' };
const plain = { containers: [container] };
const outcome = (what: string) => ({ 'sim.ldc.dev/outcome': what });
const large = { containers: [{ ...container, resources: { requests: { cpu: '1000' } } }] };

const quota = (name: string): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, namespace: NAMESPACE } },
  spec: { hard: { 'count/pods': '0' } },
});

/** Pods with that label are refused, in these words. */
const policy: readonly KubeObject[] = [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'no-denied-pods' },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      validations: [
        {
          expression:
            "!has(object.metadata.labels) || !('app' in object.metadata.labels) || object.metadata.labels['app'] != 'denied'",
          message: 'pods called denied are not welcome here',
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'no-denied-pods' },
    spec: { policyName: 'no-denied-pods', validationActions: ['Deny'] },
  },
];

const DEPLOYMENT = ['Deployment', 'ReplicaSet', 'Pod'];

/** The quota comes last: nothing is made in its namespace after it. */
export const CAUSES: readonly Cause[] = [
  {
    name: 'crash',
    objects: [workload('Deployment', 'crash', { replicas: 1 }, plain, outcome('crash'))],
    chain: DEPLOYMENT,
    short: /^CrashLoopBackOff: exit code 1 \(\d+ restarts?\)$/,
  },
  {
    name: 'pull',
    objects: [workload('Deployment', 'pull', { replicas: 1 }, plain, outcome('pullError'))],
    chain: DEPLOYMENT,
    short: /^(ImagePullBackOff|ErrImagePull): .*app:1/,
  },
  {
    name: 'room',
    objects: [workload('Deployment', 'room', { replicas: 37 }, large)],
    chain: DEPLOYMENT,
    short: /^37 pods: FailedScheduling: 0\/\d+ nodes are available: .*Insufficient cpu/,
    count: 37,
  },
  {
    name: 'unready',
    objects: [
      workload('StatefulSet', 'unready', { replicas: 1, serviceName: 'unready' }, plain, outcome('neverReady')),
    ],
    chain: ['StatefulSet', 'Pod'],
    // who plays the pod there writes no events
    short: /^(NotReady: running, not ready|Unhealthy: Readiness probe failed: .*)$/,
  },
  {
    name: 'job',
    objects: [workload('Job', 'job', { backoffLimit: 0 }, { ...plain, restartPolicy: 'Never' }, outcome('crash'))],
    chain: ['Job', 'Pod'],
    short: /^Error: exit code 1$/,
  },
  {
    name: 'denied',
    ground: policy,
    refuses: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'denied', labels: { app: 'denied' } },
      spec: plain,
    } as unknown as KubeObject,
    objects: [workload('Deployment', 'denied', { replicas: 1 }, plain)],
    chain: ['Deployment', 'ReplicaSet'],
    short: /^FailedCreate: .*no-denied-pods.*pods called denied are not welcome here/,
    only: 'real',
  },
  {
    name: 'config',
    objects: [
      workload(
        'Deployment',
        'config',
        { replicas: 1 },
        {
          containers: [
            {
              name: 'c',
              image: 'ldc.dev/http:1',
              env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'nowhere', key: 'a' } } }],
            },
          ],
        },
      ),
    ],
    chain: DEPLOYMENT,
    short: /^CreateContainerConfigError: configmap "nowhere" not found/,
    only: 'embedded',
  },
  {
    name: 'quota',
    ground: [quota('none-deployment')],
    objects: [workload('Deployment', 'quota', { replicas: 2 }, plain)],
    chain: ['Deployment', 'ReplicaSet'],
    short:
      /^FailedCreate: pods "quota-[^"]*" is forbidden: exceeded quota: none-deployment, requested: count\/pods=1, used: count\/pods=\d+, limited: count\/pods=0$/,
  },
  {
    name: 'quota-set',
    objects: [workload('StatefulSet', 'quota-set', { replicas: 1, serviceName: 'quota-set' }, plain)],
    chain: ['StatefulSet'],
    short:
      /^FailedCreate: create Pod quota-set-0 in StatefulSet quota-set failed error: pods "quota-set-0" is forbidden: exceeded quota/,
  },
  {
    name: 'quota-job',
    objects: [workload('Job', 'quota-job', {}, { ...plain, restartPolicy: 'Never' })],
    chain: ['Job'],
    short: /^FailedCreate: Error creating: pods "quota-job-[^"]*" is forbidden: exceeded quota/,
  },
];

/** Deploys it as a location of its own and waits until the hub has its cause. Answers the chain, and milliseconds until then. */
export async function provoke(
  rig: Rig,
  cause: Cause,
): Promise<{ readonly reasons: readonly Reason[]; readonly tookMs: number }> {
  for (const object of cause.ground ?? []) await make(rig, object);
  if (cause.refuses !== undefined) await refused(rig, cause.refuses);
  const location = { ...LOCATION, name: cause.name };
  const value = {
    ...{ v: 1, location, revision: 1, fieldManager: MANAGER, conflicts: 'refuse' },
    drift: { mode: 'report', ignore: [] },
    objects: cause.objects,
  };
  const bundle: Digest = await rig.store.blobs.put(value as unknown as Json);
  const { preImages } = output(await rig.run({ kind: 'snapshot', location, bundle, previous: null }), 'snapshot');
  output(await rig.run({ kind: 'apply', location, revision: 1, bundle, preImages }), 'receipt');
  const seen = () => rig.hub.registry.observations('eu-1').find((one) => one.location.name === cause.name);
  const tookMs = await until(
    () => cause.short.test(seen()?.reason ?? ''),
    `${cause.name}: its cause at the hub`,
    40_000,
  ).catch((error) => assert.fail(`${error.message}: ${JSON.stringify(seen())?.slice(0, 3_000)}`));
  return { reasons: seen()?.reasons as unknown as readonly Reason[], tookMs };
}

async function refused(rig: Rig, pod: KubeObject): Promise<void> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const body = pod as unknown as Json;
  await until(
    async () => {
      const answer = await rig.client.request({ method: 'POST', path, query: { dryRun: 'All' }, body });
      return answer.kind === 'answered' && (answer.status === 403 || answer.status === 422);
    },
    'what is to be refused is refused',
    20_000,
  );
}

/** The chain is as it should be, with where and when, in the words of the cluster. */
export function checkChain(reasons: readonly Reason[], cause: Cause): void {
  const [first] = reasons;
  assert.equal(first?.cluster, 'eu-1');
  assert.match(first?.at ?? '', /^\d{4}-.*Z$/);
  const chain: Reason[] = [];
  for (let reason: Reason | undefined = first; reason !== undefined; reason = reason.causes[0]) chain.push(reason);
  assert.deepEqual(
    chain.map(({ ref }) => ref.kind),
    cause.chain,
    JSON.stringify(reasons).slice(0, 2_000),
  );
  assert.equal(chain.at(-1)?.count, cause.count);
  const times = chain.flatMap(({ events }) => events.map(({ at }) => Date.parse(at)));
  assert.ok(
    times.every((at) => at > 0),
    'each event has its time',
  );
  for (const { events } of chain) {
    const own = events.map(({ at }) => Date.parse(at));
    assert.deepEqual(
      own,
      own.toSorted((a, b) => b - a),
      'newest first',
    );
  }
}

const PATHS: { readonly [kind: string]: string } = {
  Namespace: '/api/v1/namespaces',
  ResourceQuota: `/api/v1/namespaces/${NAMESPACE}/resourcequotas`,
  ValidatingAdmissionPolicy: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};

/** What the causes stand on. */
export async function makeGround(rig: Rig): Promise<void> {
  await make(rig, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const account = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`;
  await until(async () => (await rig.get(account)) !== undefined, 'the namespace is served', 20_000);
}

async function make(rig: Rig, object: KubeObject): Promise<void> {
  await rig.write('POST', PATHS[object.kind] ?? assert.fail(object.kind), object as unknown as Json);
}
