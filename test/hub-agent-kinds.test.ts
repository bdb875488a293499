/** Kinds with ways of their own, on an embedded cluster that lives: stuck StatefulSets, claims, CRDs in several versions; and what people ask. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import type { Json, JsonObject, KubeObject } from '../src/base/index.ts';
import type { CommandBody } from '../src/protocol/index.ts';
import {
  configMap,
  deploy,
  deployment,
  LABELS,
  type Living,
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

let living: Living;
let rig: Rig;
before(async () => {
  living = await startLiving();
  rig = await startRig({ cluster: living.cluster });
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
after(async () => {
  await rig?.close();
  await living.close();
});

const read = (path: string): object => parse(readFileSync(new URL(path, import.meta.url), 'utf8'));

let revision = 0;
const next = () => ++revision;
const previous = (tx: { revision: number; bundle: `sha256:${string}` }) => ({
  revision: tx.revision,
  bundle: tx.bundle,
});
async function committed(objects: readonly KubeObject[], drift: Json = { mode: 'repair', ignore: [] }) {
  const number = next();
  const tx = await deploy(rig, number, await rig.bundle(number, objects, { drift }));
  output(tx.outcome, 'receipt');
  return tx;
}
async function gone(tx: { revision: number; bundle: `sha256:${string}` }) {
  return output(await rig.run({ kind: 'remove', location: LOCATION, previous: previous(tx) }), 'receipt');
}

/** With one claim of its own and one by template. */
function queue(image: string, outcome?: string): readonly KubeObject[] {
  const labels = { app: 'queue' };
  const annotations = outcome === undefined ? {} : { 'sim.ldc.dev/outcome': outcome };
  const storage = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const metadata = (name: string) => ({ name, namespace: 'shop', labels: LABELS });
  const service = { selector: labels, clusterIP: 'None', ports: [{ port: 80 }] };
  const spec = {
    replicas: 3,
    serviceName: 'queue',
    selector: { matchLabels: labels },
    template: { metadata: { labels, annotations }, spec: { containers: [{ name: 'c', image }] } },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: storage }],
  };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: metadata('queue'), spec: service },
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: metadata('shared'), spec: storage },
    { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: metadata('queue'), spec },
  ] as unknown as readonly KubeObject[];
}

describe('a StatefulSet', () => {
  it('whose broken pod holds up its rollout is undone to three pods that are ready again, not one by hand', async () => {
    const first = await committed(queue('a:1'));
    output(await rig.run({ kind: 'gate', location: LOCATION, bundle: first.bundle, deadlineMs: 10_000 }), 'gate');
    const number = next();
    const bundle = await rig.bundle(number, queue('b:2', 'neverReady'));
    const second = await deploy(rig, number, bundle, first.bundle);
    output(second.outcome, 'receipt');
    const pod = '/api/v1/namespaces/shop/pods/queue-2';
    // it is not there for a moment, between the two revisions
    const broken = async () => JSON.stringify(part(await rig.get(pod), 'spec') ?? '').includes('b:2');
    await until(broken, 'the highest pod is of the broken revision');
    const { verified } = await undo(rig, second, previous(first));
    assert.deepEqual(verified.differences, []);
    for (const name of ['queue-0', 'queue-1', 'queue-2']) {
      const now = await rig.get(`/api/v1/namespaces/shop/pods/${name}`);
      assert.match(JSON.stringify(part(now, 'spec')), /"image":"a:1"/);
      assert.match(
        JSON.stringify(part(now, 'status', 'conditions')),
        /"type":"Ready","status":"True"|"status":"True","type":"Ready"/,
      );
    }
    await gone(first);
  });

  it('that a transaction made goes with its own claim when undone; claims by its template are not ours to delete', async () => {
    await rig.write('DELETE', '/api/v1/namespaces/shop/persistentvolumeclaims/shared');
    const claims = '/api/v1/namespaces/shop/persistentvolumeclaims';
    await until(async () => (await rig.get(`${claims}/shared`)) === undefined, 'the claim of before is gone');
    const made = await committed(queue('a:1'));
    output(await rig.run({ kind: 'gate', location: LOCATION, bundle: made.bundle, deadlineMs: 10_000 }), 'gate');
    const { receipt, verified } = await undo(rig, made, null);
    assert.deepEqual(verified.differences, []);
    assert.deepEqual(receipt.objects.map(({ ref, change }) => `${ref.kind} ${change}`).sort(), [
      'PersistentVolumeClaim deleted',
      'Service deleted',
      'StatefulSet deleted',
    ]);
    assert.equal(await rig.get(`${claims}/shared`), undefined);
    const template = await rig.get(`${claims}/data-queue-0`);
    assert.ok(template !== undefined && template.metadata.deletionTimestamp === undefined);
  });
});

describe('custom resources', () => {
  const crd = (versions: readonly string[]): KubeObject =>
    ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
        versions: versions.map((name, index) => ({
          name,
          served: true,
          storage: index === 0,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
          },
        })),
      },
    }) as unknown as KubeObject;
  const gadget = (version: string, spec: Json): KubeObject => ({
    ...{ apiVersion: `example.org/${version}`, kind: 'Gadget', spec },
    metadata: { name: 'main', namespace: 'shop', labels: LABELS },
  });
  const skewed = [gadget('v2', { width: 3 }), gadget('v1', { size: 3 })];
  const MAIN = (version: string) => `/apis/example.org/${version}/namespaces/shop/gadgets/main`;
  const GADGETS = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    name: 'gadgets.example.org',
  };

  it('wait for the CRD that this plan brings; without it they are refused by name', async () => {
    const bundle = await rig.bundle(next(), skewed);
    const asked = { kind: 'dryRun', location: LOCATION, bundle } as const;
    const without = await rig.run({ ...asked, pending: [] });
    assert.equal(refusalKind(without), 'notServed');
    assert.match(JSON.stringify(without), /serves no example\.org\/v2 Gadget.*install its CRD/);
    const tried = output(await rig.run({ ...asked, pending: [GADGETS] }), 'dryRun');
    assert.deepEqual(
      tried.deferred.map((ref) => ref.kind),
      ['Gadget'],
    );
  });

  it('are applied as soon as their CRD is established, in the first version that the cluster serves, and undone', async () => {
    const ensure = { kind: 'ensure', stack: STACK, objects: [crd(['v1'])] } as const;
    const { created, existed } = output(await rig.run({ ...ensure, objects: [...ensure.objects] }), 'ensure');
    assert.deepEqual([created.length, existed.length], [1, 0]);
    const tx = await committed(skewed);
    assert.deepEqual(part(await rig.get(MAIN('v1')), 'spec'), { size: 3 });
    const { verified } = await undo(rig, tx, null);
    assert.deepEqual(verified.differences, []);
    assert.equal(await rig.get(MAIN('v1')), undefined);
    const kept = output(await rig.run({ kind: 'undoEnsure', stack: STACK, created: [...created] }), 'receipt');
    assert.equal(kept.objects[0]?.change, 'kept');
    assert.match(kept.objects[0]?.note ?? '', /a CRD is never deleted/);
  });

  it('take the newer version on a cluster that has come to serve it, and drift is seen in that one', async () => {
    await rig.write(
      'PATCH',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.org?fieldManager=hand',
      { spec: { versions: (crd(['v1', 'v2']).spec as { versions: Json }).versions } },
      'application/merge-patch+json',
    );
    await until(async () => (await rig.get('/apis/example.org/v2')) !== undefined, 'v2 is served');
    await new Promise((resolve) => setTimeout(resolve, 600)); // a kind that was missed is asked for again after half a second
    const tx = await committed(skewed);
    assert.deepEqual(part(await rig.get(MAIN('v2')), 'spec'), { width: 3 });
    await until(
      () => rig.hub.registry.observations('eu-1').some((one) => one.bundle === tx.bundle && one.status === 'current'),
      'observed',
    );
    await rig.write('PATCH', `${MAIN('v2')}?fieldManager=hand`, { spec: { width: 9 } }, 'application/merge-patch+json');
    await until(async () => part(await rig.get(MAIN('v2')), 'spec', 'width') === 3, 'drift is repaired');
    const removed = await gone(tx);
    assert.deepEqual(
      removed.objects.map((one) => one.change),
      ['deleted'],
    );
  });

  it('come back when their CRD was deleted and made again within a moment, so that the same kinds are served as before', async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const tx = await committed(skewed);
    const uid = (await rig.get(MAIN('v2')))?.metadata.uid;
    await rig.write('DELETE', `${definitions}/gadgets.example.org`);
    await until(async () => (await rig.get(`${definitions}/gadgets.example.org`)) === undefined, 'it is gone');
    await rig.write('POST', definitions, crd(['v1', 'v2']) as unknown as Json);
    const isAnew = async () => {
      const now = await rig.get(MAIN('v2'));
      return now !== undefined && now.metadata.uid !== uid && part(now, 'spec', 'width') === 3;
    };
    await until(isAnew, 'what is held is made anew', 30_000);
    await gone(tx);
  });

  type Created = Extract<CommandBody, { kind: 'undoEnsure' }>['created'][number];

  it('a CRD whose names are taken is refused at once, and what was made until then is named', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.org';
    const conditions = [
      { type: 'NamesAccepted', status: 'False', reason: 'KindConflict', message: '"Gadget" is already in use' },
    ];
    const taken = await startRig({
      client: (inner) => ({
        ...inner,
        async request(request) {
          const answer = await inner.request(request);
          if (answer.kind !== 'answered' || request.method !== 'GET' || request.path !== path || answer.status !== 200)
            return answer;
          return { ...answer, body: { ...(answer.body as JsonObject), status: { conditions } } };
        },
      }),
    });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'half-way' } };
    const outcome = await taken.run({ kind: 'ensure', stack: STACK, objects: [namespace, crd(['v1'])] });
    assert.equal(refusalKind(outcome), 'notEstablished');
    const { created } = (outcome.kind === 'refused' ? outcome.refusal.details : {}) as { created: Created[] };
    assert.deepEqual(
      created.map((ref) => ref.kind),
      ['Namespace', 'CustomResourceDefinition'],
      'what its undo has to delete',
    );
    const undone = output(await taken.run({ kind: 'undoEnsure', stack: STACK, created }), 'receipt');
    assert.deepEqual(
      undone.objects.map(({ ref, change }) => `${ref.kind} ${change}`),
      ['CustomResourceDefinition kept', 'Namespace deleted'],
    );
    await taken.close();
    assert.match(JSON.stringify(outcome), /gadgets\.example\.org cannot be served: .*already in use/);
  });
});

describe('a namespace and a CRD in the manifests of a function', () => {
  const space: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'own', labels: LABELS } };
  const inside = { ...configMap('inside', { a: '1' }), metadata: { name: 'inside', namespace: 'own', labels: LABELS } };
  const definition = {
    ...read('../examples/crd/crd.yaml'),
    metadata: { name: 'widgets.example.com', labels: LABELS },
  } as unknown as KubeObject;
  /** In the order of a deploy: snapshot, ensure, apply. */
  async function made() {
    const number = next();
    const bundle = await rig.bundle(number, [space, definition, inside]);
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
    const { preImages } = output(taken, 'snapshot');
    const ensured = await rig.run({ kind: 'ensure', stack: STACK, objects: [space, definition] });
    const { created } = output(ensured, 'ensure');
    output(await rig.run({ kind: 'apply', location: LOCATION, revision: number, bundle, preImages }), 'receipt');
    return { tx: { revision: number, bundle, preImages: preImages as `sha256:${string}` }, created };
  }
  const undoEnsured = async (created: Awaited<ReturnType<typeof made>>['created']) =>
    output(await rig.run({ kind: 'undoEnsure', stack: STACK, created: [...created] }), 'receipt');

  it('are no surprise to the apply that follows, and an undo takes the namespace when it is empty', async () => {
    const { tx, created } = await made();
    assert.equal(created.length, 2);
    const { receipt } = await undo(rig, tx, null);
    assert.deepEqual(receipt.objects.map(({ ref, change }) => `${ref.kind} ${change}`).sort(), [
      'ConfigMap deleted',
      'CustomResourceDefinition kept',
      'Namespace kept',
    ]);
    const lookAgain = { kind: 'verify' as const, locations: [], ensured: { created: [...created] } };
    const early = output(await rig.run(lookAgain), 'verify');
    assert.deepEqual([early.equal, early.differences.map(({ ref, field }) => [ref.kind, field])], [false, [['Namespace', 'object']]]); // biome-ignore format: one line
    const ensured = await undoEnsured(created);
    assert.equal(output(await rig.run(lookAgain), 'verify').equal, true, 'a CRD stays by rule');
    assert.deepEqual(ensured.objects.map(({ ref, change }) => `${ref.kind} ${change}`).sort(), [
      'CustomResourceDefinition kept',
      'Namespace deleted',
    ]);
    const locations = [{ location: LOCATION, preImages: tx.preImages, bundle: tx.bundle }];
    const verified = output(await rig.run({ kind: 'verify', locations }), 'verify');
    assert.deepEqual([verified.equal, verified.differences], [true, []]);
    assert.deepEqual(
      verified.kept.map(({ ref }) => ref.kind),
      ['CustomResourceDefinition'],
    );
  });

  it('where the server does not say what is in the namespace, it is asked again: silence keeps nothing', async () => {
    let silent = true;
    const taken = await startRig({
      client: (inner) => ({
        ...inner,
        async request(request) {
          const isList = request.method === 'GET' && /\/namespaces\/own\/[a-z]+$/.test(request.path);
          if (!silent || !isList) return inner.request(request);
          return { kind: 'unreachable', sent: true, reason: 'no answer within 30 s' };
        },
      }),
    });
    const { created } = output(await taken.run({ kind: 'ensure', stack: STACK, objects: [space] }), 'ensure');
    const back = { kind: 'undoEnsure' as const, stack: STACK, created };
    assert.equal((await taken.run(back)).kind, 'retry');
    silent = false;
    const undone = output(await taken.run(back), 'receipt');
    await taken.close();
    assert.deepEqual(
      undone.objects.map(({ ref, change }) => `${ref.kind} ${change}`),
      ['Namespace deleted'],
    );
  });

  it('a verify that cannot look at one thing while it looks at another is asked again, and ends no agent', async () => {
    let failing = false;
    const taken = await startRig({
      client: (inner) => ({
        ...inner,
        async request(request) {
          if (failing && request.method === 'GET' && request.path === '/api/v1/namespaces/own')
            return { kind: 'unreachable', sent: false, reason: 'connection refused' };
          if (failing && request.method === 'GET' && request.path.endsWith('/configmaps/inside')) await pause(100);
          return inner.request(request);
        },
      }),
    });
    const { created } = output(await taken.run({ kind: 'ensure', stack: STACK, objects: [space] }), 'ensure');
    const { bundle, preImages } = await deploy(taken, 1, await taken.bundle(1, [inside]));
    failing = true;
    const locations = [{ location: LOCATION, preImages, bundle }];
    const looked = await taken.run({ kind: 'verify', locations, ensured: { created } });
    failing = false;
    await taken.close();
    assert.equal(looked.kind, 'retry');
  });

  it('what another has put into the namespace stays, listed as kept; so it does when the location is removed', async () => {
    const { tx, created } = await made();
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'foreign' } };
    await rig.write('POST', '/api/v1/namespaces/own/configmaps', foreign);
    const { verified } = await undo(rig, tx, null);
    assert.equal((await undoEnsured(created)).objects.find(({ ref }) => ref.kind === 'Namespace')?.change, 'kept');
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    assert.ok(verified.kept.some(({ ref }) => ref.kind === 'Namespace'));
    const again = await committed([space, inside]);
    const removed = await gone(again);
    assert.deepEqual(removed.objects.map(({ ref, change }) => `${ref.kind} ${change}`).sort(), [
      'ConfigMap deleted',
      'Namespace kept',
    ]);
    assert.notEqual(await rig.get('/api/v1/namespaces/own/configmaps/foreign'), undefined);
  });
});

describe('prune, preview, describe', () => {
  it('prune deletes what the revision that stays no longer has; never what it has, nor what is another’s', async () => {
    const first = await committed([configMap('settings', { a: '1' }), configMap('old', { a: '1' })]);
    const second = await committed([configMap('settings', { a: '2' })]);
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'theirs' } };
    await rig.write('POST', '/api/v1/namespaces/shop/configmaps', theirs);
    const ref = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name });
    const prune = { kind: 'prune', location: LOCATION, keep: second.bundle } as const;
    const wrong = await rig.run({ ...prune, objects: [ref('settings')] });
    assert.equal(refusalKind(wrong), 'protocol');
    const done = output(await rig.run({ ...prune, objects: [ref('old'), ref('theirs'), ref('never')] }), 'receipt');
    assert.deepEqual(Object.fromEntries(done.objects.map((one) => [one.ref.name, one.change])), {
      old: 'deleted',
      theirs: 'kept',
      never: 'absent',
    });
    assert.equal(await rig.get('/api/v1/namespaces/shop/configmaps/old'), undefined);
    assert.notEqual(first.bundle, second.bundle);
    await gone(second);
  });

  it('preview shows before and after, Secret values cut, refusals in their place, and changes nothing', async () => {
    const first = await committed([configMap('settings', { a: '1' }), secretOf('login', 'old-password')]);
    const wrong = { ...configMap('wrong', {}), data: { 'no key!': 'x' } } as KubeObject;
    const bundle = await rig.bundle(next(), [
      configMap('settings', { a: '2' }),
      secretOf('login', 'new-password'),
      configMap('new', {}),
      wrong,
    ]);
    const shown = output(await rig.run({ kind: 'preview', location: LOCATION, bundle }), 'preview');
    const rows = new Map(shown.objects.map((one) => [one.ref.name, one]));
    const data = (value: Json | undefined, ...path: string[]) => part(value as unknown as KubeObject, 'data', ...path);
    assert.deepEqual([data(rows.get('settings')?.before, 'a'), data(rows.get('settings')?.after, 'a')], ['1', '2']);
    assert.equal(rows.get('new')?.before, null);
    assert.match(rows.get('wrong')?.refusal?.message ?? '', /no key!/);
    const text = JSON.stringify(shown);
    for (const secret of ['old-password', 'new-password'])
      assert.ok(!text.includes(Buffer.from(secret).toString('base64')));
    assert.notEqual(data(rows.get('login')?.before, 'password'), data(rows.get('login')?.after, 'password'));
    assert.equal(part(await rig.get('/api/v1/namespaces/shop/configmaps/settings'), 'data', 'a'), '1');
    assert.equal(await rig.get('/api/v1/namespaces/shop/configmaps/new'), undefined);
    await gone(first);
  });

  it('describe tells nothing of what is well, and digs to the container of what is not', async () => {
    const nothing = output(await rig.run({ kind: 'describe', location: LOCATION }), 'describe');
    assert.deepEqual(nothing.reasons, []);
    const plain = deployment('checkout', 'a:1', 1) as KubeObject & { spec: { template: { metadata: object } } };
    const annotations = { 'sim.ldc.dev/outcome': 'pullError' };
    const template = { ...plain.spec.template, metadata: { ...plain.spec.template.metadata, annotations } };
    const tx = await committed([configMap('settings', {}), { ...plain, spec: { ...plain.spec, template } } as never]);
    const described = async () => output(await rig.run({ kind: 'describe', location: LOCATION }), 'describe').reasons;
    await until(async () => /ImagePullBackOff|ErrImagePull/.test(JSON.stringify(await described())), 'it is dug for');
    const reasons = (await described()) as unknown as { ref: { kind: string } }[];
    assert.deepEqual(
      reasons.map((one) => one.ref.kind),
      ['Deployment'],
    );
    await gone(tx);
  });
});
