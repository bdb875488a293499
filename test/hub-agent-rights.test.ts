/** deploy/agent.yaml: accepted whole by a cluster, and its rights are enough for all that an agent does there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import { systemClock as clock, type Digest, isObject, type Json, type KubeObject } from '../src/base/index.ts';
import { fakeMachine } from '../src/cli/fake-io.test.ts';
import { type Client, connect, createDiscovery, objectPath } from '../src/kubernetes/index.ts';
import scopes from '../src/ldc/kinds.json' with { type: 'json' };
import { programVersion } from '../src/main/version.ts';
import kinds from '../src/plan/kinds.json' with { type: 'json' };
import {
  configMap,
  deploy,
  deployment,
  LABELS,
  LOCATION,
  output,
  part,
  type Rig,
  refusalKind,
  STACK,
  secretOf,
  startLiving,
  startRig,
  undo,
  until,
} from './hub-agent-rig.ts';

const SYSTEM = '/api/v1/namespaces/ldc-system';
const RBAC = 'rbac.authorization.k8s.io';
const read = (path: string) =>
  parseAllDocuments(readFileSync(new URL(path, import.meta.url), 'utf8')).map((one) => one.toJS() as KubeObject);
const manifest = read('../deploy/agent.yaml');
const named = (kind: string, name: string, more: object, apiVersion = 'v1'): KubeObject =>
  ({ apiVersion, kind, metadata: { name, namespace: 'shop', labels: LABELS }, ...more }) as KubeObject;

/** Applied as `kubectl apply --server-side` does. */
async function apply(client: Client, objects: readonly KubeObject[]): Promise<void> {
  const discovery = createDiscovery(client, clock);
  for (const body of objects) {
    const found = await discovery.kind(body.apiVersion, body.kind);
    assert.ok(found.kind === 'served', `${body.apiVersion} ${body.kind} is served`);
    const { name, namespace } = body.metadata;
    const ref = {
      apiVersion: body.apiVersion,
      kind: body.kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
    };
    const answer = await client.request({
      ...{ method: 'PATCH', path: objectPath(found.info, ref), contentType: 'application/apply-patch+yaml', body },
      query: { fieldManager: 'kubectl', fieldValidation: 'Strict' },
    });
    assert.ok(answer.kind === 'answered' && answer.status < 300, JSON.stringify(answer));
    // an embedded cluster says that it enforces no Pod Security
    assert.deepEqual(
      answer.warnings.filter((text) => !text.includes('pod-security.kubernetes.io/')),
      [],
    );
  }
}

/** A client with the token of the agent's service account; what it is forbidden is noted. */
async function asAgent(admin: Client, kubeconfig: string, forbidden: string[]): Promise<Client> {
  const asked = await admin.request({
    ...{ method: 'POST', path: `${SYSTEM}/serviceaccounts/ldc-agent/token` },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } },
  });
  const status = asked.kind === 'answered' && isObject(asked.body) ? asked.body.status : undefined;
  const token = isObject(status) ? String(status.token) : assert.fail(JSON.stringify(asked));
  const [config] = parseAllDocuments(kubeconfig).map((one) => one.toJS() as { users: { user: object }[] });
  (config as { users: { user: object }[] }).users[0] = { ...config?.users[0], user: { token } };
  const client = await connect({ kind: 'kubeconfig', text: stringify(config) }, clock);
  return {
    ...client,
    async request(request) {
      const answer = await client.request(request);
      if (answer.kind === 'answered' && answer.status === 403) forbidden.push(`${request.method} ${request.path}`);
      return answer;
    },
    async watch(request, onEvent) {
      const end = await client.watch(request, onEvent);
      if (end.kind === 'failed' && end.status === 403) forbidden.push(`WATCH ${request.path}`);
      return end;
    },
  };
}

const pods = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'a:1' }] } };
const job = { template: { spec: { ...pods.spec, restartPolicy: 'Never' } } };
const selector = { matchLabels: { app: 'x' } };
/** One of each kind that deploy/agent.yaml speaks of. */
const EVERYTHING: readonly KubeObject[] = [
  configMap('settings', { a: 'b' }),
  secretOf('login', 'password'),
  named('ServiceAccount', 'robot', {}),
  named('Service', 'web', { spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } }),
  named('PersistentVolumeClaim', 'data', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }),
  named('ResourceQuota', 'quota', { spec: { hard: { pods: '50' } } }),
  named('LimitRange', 'range', { spec: { limits: [{ type: 'PersistentVolumeClaim', max: { storage: '10Gi' } }] } }),
  deployment('checkout', 'a:1', 1),
  named('StatefulSet', 'queue', { spec: { serviceName: 'web', selector, template: pods } }, 'apps/v1'),
  named('DaemonSet', 'every', { spec: { selector, template: pods } }, 'apps/v1'),
  named('Job', 'once', { spec: job }, 'batch/v1'),
  named('CronJob', 'nightly', { spec: { schedule: '0 3 * * *', jobTemplate: { spec: job } } }, 'batch/v1'),
  named(
    'HorizontalPodAutoscaler',
    'web',
    { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'checkout' } } },
    'autoscaling/v2',
  ),
  named('PodDisruptionBudget', 'web', { spec: { maxUnavailable: 1, selector } }, 'policy/v1'),
  named('NetworkPolicy', 'web', { spec: { podSelector: {} } }, 'networking.k8s.io/v1'),
  named(
    'Ingress',
    'web',
    { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
    'networking.k8s.io/v1',
  ),
];
const robots: readonly KubeObject[] = [
  named(
    'RoleBinding',
    'reader',
    {
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'shop' }],
    },
    `${RBAC}/v1`,
  ),
  named('Role', 'reader', { rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] }, `${RBAC}/v1`),
  named('Widget', 'main', { spec: { size: 1 } }, 'example.com/v1'),
];
/** What an operator adds for kinds of their own choice. */
const added: KubeObject = {
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: { name: 'my-kinds', labels: { 'rbac.ldc.dev/aggregate-to-agent': 'true' } },
  rules: [
    {
      apiGroups: [RBAC],
      resources: ['roles', 'rolebindings'],
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    },
    {
      apiGroups: ['example.com'],
      resources: ['widgets'],
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    },
  ],
};

async function deployAll(rig: Rig) {
  const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } } as const;
  const needed = [space, ...read('../examples/crd/crd.yaml')];
  const ensure = { kind: 'ensure', stack: STACK, objects: needed } as const;
  const { created } = output(await rig.run(ensure), 'ensure');
  assert.equal(created.length, 2);
  const first = await rig.bundle(1, [...EVERYTHING, ...robots]);
  const tried = output(await rig.run({ kind: 'dryRun', location: LOCATION, bundle: first, pending: [] }), 'dryRun');
  assert.deepEqual(
    tried.deferred.map((ref) => ref.kind),
    ['RoleBinding'],
    'its Role is not there yet: no refusal',
  );
  const one = await deploy(rig, 1, first);
  output(one.outcome, 'receipt');
  output(await rig.run({ kind: 'gate', location: LOCATION, bundle: first, deadlineMs: 8_000 }), 'gate');
  output(await rig.run({ kind: 'readBack', location: LOCATION, bundle: first }), 'readBack');
  const config = '/api/v1/namespaces/shop/configmaps/settings';
  await rig.write('PATCH', `${config}?fieldManager=hand`, { data: { a: 'x' } }, 'application/merge-patch+json');
  await until(async () => part(await rig.get(config), 'data', 'a') === 'b', 'drift is repaired');
  return { first, created };
}

async function failAndUndo(rig: Rig, account: Client, first: Digest) {
  const broken = deployment('checkout', 'b:2', 1) as KubeObject & { spec: { template: { metadata: object } } };
  const template = {
    ...broken.spec.template,
    metadata: { ...broken.spec.template.metadata, annotations: { 'sim.ldc.dev/outcome': 'pullError' } },
  };
  const failing = { ...broken, spec: { ...broken.spec, template } } as unknown as KubeObject;
  const second = await rig.bundle(2, [failing, configMap('settings', { a: 'c' })]);
  const two = await deploy(rig, 2, second, first);
  output(two.outcome, 'receipt');
  const gate = await rig.run({ kind: 'gate', location: LOCATION, bundle: second, deadlineMs: 1_000 });
  assert.equal(refusalKind(gate), 'notReady');
  assert.match(JSON.stringify(gate), /"reason":"ImagePullBackOff"|"reason":"ErrImagePull"/);
  const listed = await rig.write('GET', '/api/v1/namespaces/shop/pods');
  const [pod] = (listed as unknown as { items: KubeObject[] }).items;
  await account.request({ method: 'GET', path: `/api/v1/namespaces/shop/pods/${pod?.metadata.name}/log` });
  await account.request({ method: 'GET', path: '/api/v1/namespaces/shop/services/web:80/proxy/healthz' });
  const { verified } = await undo(rig, two, { revision: 1, bundle: first });
  assert.deepEqual(verified.differences, []);
}

async function removeAll(rig: Rig, first: Digest, created: Awaited<ReturnType<typeof deployAll>>['created']) {
  const removed = await rig.run({ kind: 'remove', location: LOCATION, previous: { revision: 1, bundle: first } });
  const changes = Map.groupBy(output(removed, 'receipt').objects, (object) => object.change);
  assert.deepEqual(
    changes.get('kept')?.map((object) => object.ref.kind),
    ['PersistentVolumeClaim'],
  );
  assert.equal(changes.get('deleted')?.length, EVERYTHING.length + robots.length - 1);
  const undoEnsure = { kind: 'undoEnsure', stack: STACK, created } as const;
  const kept = output(await rig.run(undoEnsure), 'receipt');
  assert.match(
    kept.objects.find(({ ref }) => ref.kind === 'Namespace')?.note ?? '',
    /PersistentVolumeClaim shop\/data is in it/,
  );
  await rig.write('DELETE', '/api/v1/namespaces/shop/persistentvolumeclaims/data');
  const gone = output(await rig.run(undoEnsure), 'receipt');
  assert.deepEqual(
    gone.objects.map(({ ref, change }) => [ref.kind, change]),
    [
      ['CustomResourceDefinition', 'kept'],
      ['Namespace', 'deleted'],
    ],
  );
}

describe('deploy/agent.yaml', () => {
  it('is what `ldc agent manifests` prints', async () => {
    const printed = await fakeMachine({}).ldc('agent', 'manifests', '--image', `ldc:${programVersion()}`);
    const text = readFileSync(new URL('../deploy/agent.yaml', import.meta.url), 'utf8');
    assert.equal(text, printed.out, 'make it anew: bin/ldc agent manifests > deploy/agent.yaml');
  });

  it('has a rule for every namespaced kind of the plan’s table but RBAC’s own', async () => {
    const living = await startLiving();
    const discovery = createDiscovery(living.cluster, clock);
    try {
      const served = (await discovery.all()) ?? [];
      const granted = manifest
        .filter(({ metadata }) => metadata.name === 'ldc-agent-workloads')
        .flatMap(({ rules }) => rules as { apiGroups: string[]; resources: string[] }[])
        .flatMap(({ apiGroups, resources }) => resources.map((plural) => `${apiGroups[0]}/${plural}`));
      const namespaced = kinds.order.filter((kind) => !['*', ...scopes.clusterScoped].includes(kind));
      for (const kind of namespaced.filter((one) => !one.startsWith(RBAC))) {
        const name = served.find((one) => one.replace(/(^|\/)v[0-9a-z]+\//, '$1') === kind.replace(/^\//, ''));
        const at = name?.lastIndexOf('/') ?? 0;
        const found = await discovery.kind(name?.slice(0, at) ?? '', name?.slice(at + 1) ?? '');
        if (found.kind !== 'served') assert.fail(`${kind} is served`);
        const group = kind.slice(0, kind.indexOf('/'));
        assert.ok(granted.includes(`${group}/${found.info.plural}`), kind);
      }
    } finally {
      await living.close();
    }
  });

  it('starts `ldc agent` with flags that it knows, as the manifest’s Secret fills them', async () => {
    const pod = manifest.find((object) => object.kind === 'Deployment');
    const [container] = part(pod, 'spec', 'template', 'spec', 'containers') as { args: string[]; env: Json[] }[];
    const values: { [name: string]: string } = {
      LDC_HUB: 'https://hub:7421',
      LDC_JOIN_TOKEN: 'ldc1.t',
      LDC_CLUSTER: 'eu-9',
    };
    const args = (container?.args ?? []).map((arg) =>
      arg.replace(/\$\((\w+)\)/, (_, name: string) => values[name] ?? assert.fail(name)),
    );
    assert.ok(container?.env.some((one) => isObject(one) && one.name === 'LDC_JOIN_TOKEN'));
    assert.ok(!args.includes('ldc1.t'), 'a command line is for everybody to read');
    const machine = fakeMachine(values);
    const ran = await machine.ldc(...args);
    assert.equal(ran.code, 0, ran.err);
    assert.deepEqual(machine.launched, [
      { name: 'agent', options: { hub: 'https://hub:7421', labels: {}, joinToken: 'ldc1.t', name: 'eu-9' } },
    ]);
  });

  it('is accepted whole, and an agent with its rights deploys, observes, repairs, undoes and removes every kind', async (t) => {
    const living = await startLiving();
    let rig = undefined as Rig | undefined;
    t.after(async () => {
      await rig?.close();
      await living.close();
    });
    const forbidden: string[] = [];
    await apply(living.cluster, [...manifest, added]);
    const account = await asAgent(living.cluster, living.kubeconfig, forbidden);
    rig = await startRig({ cluster: living.cluster, client: () => account });
    const { first, created } = await deployAll(rig);
    await failAndUndo(rig, account, first);
    await removeAll(rig, first, created);
    assert.deepEqual(forbidden, []);
  });

  it('what it may not do is refused by the first step of a transaction already, before anything is made', async (t) => {
    const living = await startLiving();
    let rig = undefined as Rig | undefined;
    t.after(async () => {
      await rig?.close();
      await living.close();
    });
    await apply(living.cluster, manifest);
    const account = await asAgent(living.cluster, living.kubeconfig, []);
    rig = await startRig({ cluster: living.cluster, client: () => account });
    const bundle = await rig.bundle(1, [configMap('settings', { a: 'b' }), ...robots]);
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
    assert.equal(refusalKind(taken), 'rightsMissing');
    const refusal = taken.kind === 'refused' ? taken.refusal : assert.fail();
    assert.match(
      refusal.message,
      /^the agent may not get, watch, .* rolebindings\.rbac\.authorization\.k8s\.io, roles\.rbac\.\S+ in namespace shop$/,
    );
    assert.doesNotMatch(refusal.message, /configmaps|widgets/, 'it may keep these; no cluster serves those');
    assert.match(
      refusal.hint ?? '',
      /\{apiGroups: \["rbac.authorization.k8s.io"\], resources: \[rolebindings, roles\], verbs: \[get, watch, create/,
    );
    assert.doesNotMatch(refusal.hint ?? '', /--kinds/);
    await apply(living.cluster, read('../examples/crd/crd.yaml'));
    const widget = { apiVersion: 'example.com/v2', kind: 'Widget', metadata: { name: 'main', namespace: 'shop' } };
    const custom = await rig.bundle(2, [widget]);
    const hintOf = async () => {
      const outcome = await rig?.run({ kind: 'snapshot', location: LOCATION, bundle: custom, previous: null });
      return outcome?.kind === 'refused' ? (outcome.refusal.hint ?? '') : '';
    };
    await until(async () => (await hintOf()).includes('widgets'), 'the kind is served, and refused', 30_000);
    assert.match(
      await hintOf(),
      /as `ldc agent manifests` prints it with --kinds example\.com\/widgets beside its other flags; or name/,
    );
  });
});
