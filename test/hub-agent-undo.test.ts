/** The traps of an undo (DESIGN §5), each against an API server that behaves as a real one does. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Digest, Json, KubeObject } from '../src/base/index.ts';
import type { Client } from '../src/kubernetes/index.ts';
import {
  configMap,
  deploy,
  deployment,
  LABELS,
  LOCATION,
  MANAGER,
  output,
  owners,
  part,
  type Rig,
  refusalKind,
  startRig,
  undo,
  until,
} from './hub-agent-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/checkout';
const SERVICE = '/api/v1/namespaces/shop/services/web';
const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

/** A Deployment with further fields of its spec, pod spec and metadata. */
function deploymentWith(image: string, { spec = {}, pod = {}, metadata = {} }: { [part: string]: object }): KubeObject {
  const plain = deployment('checkout', image) as KubeObject & { spec: { template: { spec: object } } };
  const template = { ...plain.spec.template, spec: { ...plain.spec.template.spec, ...pod } };
  return {
    ...plain,
    metadata: { ...plain.metadata, ...metadata },
    spec: { ...plain.spec, template, ...spec },
  } as unknown as KubeObject;
}
function service(ports: readonly object[], more: object = {}): KubeObject {
  const metadata = { name: 'web', namespace: 'shop', labels: LABELS };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports, selector: { app: 'web' }, ...more } } as never;
}
function claim(name: string): KubeObject {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const metadata = { name, namespace: 'shop', labels: LABELS };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec };
}

describe('an undo gives back', () => {
  it('replicas that somebody has scaled, through /scale and under their name', async () => {
    const drift = { mode: 'ignore', ignore: [] }; // nobody repairs what is being set up
    const first = await rig.bundle(1, [deployment('checkout', 'a:1', 2)], { drift });
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    await rig.write('PATCH', `${DEPLOYMENT}/scale?fieldManager=kubectl`, { spec: { replicas: 7 } }, MERGE);
    const before = await rig.get(DEPLOYMENT);
    const scaler = owners(before).find((owner) => owner.subresource === 'scale');
    assert.equal(scaler?.manager, 'kubectl');
    const second = await rig.bundle(2, [deployment('checkout', 'b:2', 3)], { conflicts: 'take', drift });
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'replicas'), 3);
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.deepEqual(verified.differences, []);
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'replicas'), 7);
    assert.deepEqual(owners(await rig.get(DEPLOYMENT)), owners(before));
  });

  it('the service account: what the server derived from it goes, too', async () => {
    const first = await rig.bundle(1, [deployment('checkout', 'a:1')]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const before = await rig.get(DEPLOYMENT);
    const second = await rig.bundle(2, [deploymentWith('a:1', { pod: { serviceAccountName: 'robot' } })]);
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    const pod = (object?: KubeObject) => part(object, 'spec', 'template', 'spec') as { [key: string]: Json };
    assert.equal(pod(await rig.get(DEPLOYMENT)).serviceAccount, 'robot', 'derived by the server');
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.deepEqual(verified.differences, []);
    const now = await rig.get(DEPLOYMENT);
    assert.ok(!('serviceAccount' in pod(now)) && !('serviceAccountName' in pod(now)));
    assert.deepEqual(owners(now), owners(before));
  });

  it('node ports: those that came with the new type go', async () => {
    const first = await rig.bundle(1, [service([{ port: 80 }])]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const before = await rig.get(SERVICE);
    const ports = [
      { name: 'web', port: 80 },
      { name: 'more', port: 81 },
    ];
    const second = await rig.bundle(2, [service(ports, { type: 'NodePort' })]);
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    assert.match(JSON.stringify(part(await rig.get(SERVICE), 'spec')), /nodePort/);
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.deepEqual(verified.differences, []);
    assert.deepEqual(part(await rig.get(SERVICE), 'spec'), part(before, 'spec'));
    assert.deepEqual(owners(await rig.get(SERVICE)), owners(before));
  });

  it('node ports: the ones that were allocated before come back, and stay nobody’s', async () => {
    const first = await rig.bundle(1, [service([{ port: 80 }], { type: 'NodePort' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const before = await rig.get(SERVICE);
    const second = await rig.bundle(2, [service([{ port: 8080 }], { type: 'NodePort' })]);
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    assert.notDeepEqual(part(await rig.get(SERVICE), 'spec', 'ports'), part(before, 'spec', 'ports'));
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.deepEqual(verified.differences, []);
    assert.deepEqual(part(await rig.get(SERVICE), 'spec', 'ports'), part(before, 'spec', 'ports'));
    assert.deepEqual(owners(await rig.get(SERVICE)), owners(before));
  });

  it('list items whose keys have a schema default, as they were owned', async () => {
    const first = await rig.bundle(1, [service([{ port: 80, targetPort: 8080 }])]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const before = await rig.get(SERVICE);
    const second = await rig.bundle(2, [service([{ port: 80, protocol: 'TCP', targetPort: 9090 }])]);
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.deepEqual(verified.differences, []);
    assert.deepEqual(owners(await rig.get(SERVICE)), owners(before));
  });

  it('nothing in the name of one who has applied anew meanwhile, and lost nothing: what that one wrote stays', async () => {
    const drift = { mode: 'ignore', ignore: [] };
    const settings = '/api/v1/namespaces/shop/configmaps/settings';
    const theirs = (data: object) => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' }, data };
      return rig.write('PATCH', `${settings}?fieldManager=gitops`, object as never, APPLY);
    };
    const first = await rig.bundle(1, [configMap('settings', { ours: '1' })], { drift });
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    await theirs({ theirs: 'before', dropped: '1' });
    const second = await rig.bundle(2, [configMap('settings', { ours: '2' })], { drift });
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    await theirs({ theirs: 'later', added: '1' });
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.deepEqual(part(await rig.get(settings), 'data'), { ours: '1', theirs: 'later', added: '1' });
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    assert.deepEqual(verified.differences.map(({ field }) => field).sort(), [
      '.data.added',
      '.data.dropped',
      '.data.theirs',
      'owner',
    ]);
  });

  it('what one has lost who has applied anew meanwhile: that, and nothing over what that one says now', async () => {
    const drift = { mode: 'ignore', ignore: [] };
    const env = (values: { [name: string]: string }) => {
      const list = Object.entries(values).map(([name, value]) => ({ name, value }));
      const template = { spec: { containers: [{ name: 'c', env: list }] } };
      return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'checkout', namespace: 'shop' }, spec: { template } }; // biome-ignore format: an object
    };
    const theirs = (values: { [name: string]: string }, replicas?: number) => {
      const { spec, ...rest } = env(values);
      const body = { ...rest, spec: { ...spec, ...(replicas === undefined ? {} : { replicas }) } };
      return rig.write('PATCH', `${DEPLOYMENT}?fieldManager=gitops&force=true`, body as never, APPLY);
    };
    const first = await rig.bundle(1, [deployment('checkout', 'a:1')], { drift });
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    await theirs({ KEPT: '1', CHANGED: 'before' }, 9);
    const second = await rig.bundle(2, [deployment('checkout', 'b:2', 3)], { conflicts: 'take', drift });
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    // it leaves the replicas to whoever took them, and says other things anew
    await theirs({ KEPT: '1', CHANGED: 'later', ADDED: '1' });
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    const live = await rig.get(DEPLOYMENT);
    const [container] = part(live, 'spec', 'template', 'spec', 'containers') as unknown as { env: object[] }[];
    assert.deepEqual(container?.env.map((one) => Object.values(one).join('=')).sort(), ['A=a:1', 'ADDED=1', 'CHANGED=later', 'KEPT=1']); // biome-ignore format: a row
    assert.equal(part(live, 'spec', 'replicas'), 9, 'what was taken from it is given back');
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    assert.ok(verified.differences.every(({ explained }) => explained !== undefined));
    const gitops = owners(live).filter(({ manager }) => manager === 'gitops');
    assert.match(JSON.stringify(gitops), /f:replicas.*ADDED/);
  });

  it('a whole object that another has deleted meanwhile, with what others owned of it', async () => {
    const first = await rig.bundle(1, [deployment('checkout', 'a:1')], { drift: { mode: 'ignore', ignore: [] } });
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const noted = { metadata: { annotations: { 'example.com/team': 'blue' } } };
    await rig.write('PATCH', `${DEPLOYMENT}?fieldManager=hand`, noted, MERGE);
    const labelled = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'checkout', labels: { tier: 'x' } },
    };
    await rig.write('PATCH', `${DEPLOYMENT}?fieldManager=gitops`, labelled, APPLY);
    const before = await rig.get(DEPLOYMENT);
    const second = await rig.bundle(2, [deployment('checkout', 'b:2')], { drift: { mode: 'ignore', ignore: [] } });
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    await rig.write('DELETE', DEPLOYMENT);
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    assert.ok(verified.differences.every((one) => /made anew as it was/.test(one.explained ?? '')));
    const now = await rig.get(DEPLOYMENT);
    assert.deepEqual(owners(now), owners(before));
    assert.deepEqual(part(now, 'spec'), part(before, 'spec'));
    assert.deepEqual(part(now, 'metadata', 'labels'), part(before, 'metadata', 'labels'));
    assert.deepEqual(part(now, 'metadata', 'annotations'), part(before, 'metadata', 'annotations'));
  });
});

describe('an object that says `ldc.dev/replace: recreate`', () => {
  const recreated = (own: string, image: string, more: object = {}) =>
    deploymentWith(image, {
      metadata: { annotations: { 'ldc.dev/replace': 'recreate' } },
      spec: {
        selector: { matchLabels: { app: 'checkout', own } },
        template: {
          metadata: { labels: { app: 'checkout', own } },
          spec: { containers: [{ name: 'c', image }], ...more },
        },
      },
    });

  it('is made anew where a field cannot be changed, said beforehand, and undone in the same way', async () => {
    const first = await rig.bundle(1, [recreated('one', 'a:1')]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const noted = { metadata: { annotations: { 'example.com/team': 'blue' } } };
    await rig.write('PATCH', `${DEPLOYMENT}?fieldManager=hand`, noted, MERGE);
    const before = await rig.get(DEPLOYMENT);
    const second = await rig.bundle(2, [recreated('two', 'b:2')]);
    const tried = await rig.run({ kind: 'dryRun', location: LOCATION, bundle: second, pending: [] });
    assert.match(output(tried, 'dryRun').warnings.join(), /checkout will be deleted and made anew/);
    const tx = await deploy(rig, 2, second, first);
    output(tx.outcome, 'receipt');
    const changed = await rig.get(DEPLOYMENT);
    assert.notEqual(changed?.metadata.uid, before?.metadata.uid);
    assert.equal(part(changed, 'spec', 'selector', 'matchLabels', 'own'), 'two');
    const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    assert.ok(verified.differences.every((one) => /made anew, as/.test(one.explained ?? '')));
    const now = await rig.get(DEPLOYMENT);
    assert.deepEqual(part(now, 'spec'), part(before, 'spec'));
    assert.deepEqual(part(now, 'metadata', 'annotations'), part(before, 'metadata', 'annotations'));
    assert.deepEqual(owners(now), owners(before));
  });

  it('is made by whoever goes on after an agent that died when it had deleted it', async () => {
    const drift = { mode: 'ignore', ignore: [] }; // nor is it a repair that makes it
    const first = await rig.bundle(1, [recreated('one', 'a:1')], { drift });
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const second = await rig.bundle(2, [recreated('two', 'b:2')], { drift });
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle: second, previous: first });
    const preImages = output(taken, 'snapshot').preImages as Digest;
    await rig.agent.stop();
    let died = false;
    const mortal: Client = {
      ...rig.client,
      async request(request) {
        if (died) return new Promise(() => {});
        const answer = await rig.client.request(request);
        died ||= request.method === 'DELETE' && request.path === DEPLOYMENT;
        return died ? new Promise(() => {}) : answer;
      },
    };
    const dying = await rig.startAgent({ client: mortal });
    await until(() => rig.hub.link.connected('eu-1'), 'it is connected');
    const body = { kind: 'apply', location: LOCATION, revision: 2, bundle: second, preImages } as const;
    const cut = rig.run(body, 'tx/apply/do');
    await until(() => died, 'it died');
    void dying.stop();
    assert.equal((await cut).kind, 'unknown');
    rig.agent = await rig.startAgent();
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    assert.equal(await rig.get(DEPLOYMENT), undefined);
    const [receipt] = output(await rig.run(body, 'tx/apply/do'), 'receipt').objects;
    assert.equal(receipt?.change, 'changed');
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'selector', 'matchLabels', 'own'), 'two');
    const { verified } = await undo(rig, { preImages, bundle: second }, { revision: 1, bundle: first });
    assert.ok(verified.equal, JSON.stringify(verified.differences));
  });

  it('never becomes one with what another makes between its end and its new beginning', async () => {
    const drift = { mode: 'ignore', ignore: [] };
    const first = await rig.bundle(1, [recreated('one', 'a:1')], { drift });
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    await rig.agent.stop();
    let deleted = false;
    let made = false;
    const cause = { reason: 'FieldManagerConflict', message: 'conflict with "undici"', field: '.spec.selector' };
    const theirs = { kind: 'Status', status: 'Failure', code: 409, reason: 'Conflict', details: { causes: [cause] } };
    rig.agent = await rig.startAgent({
      client: {
        ...rig.client,
        async request(request) {
          deleted ||= request.method === 'DELETE' && request.path === DEPLOYMENT;
          if (deleted && !made && request.method === 'PATCH') {
            made = true;
            await rig.write('POST', '/apis/apps/v1/namespaces/shop/deployments', recreated('theirs', 'c:3') as never);
            const answer = await rig.client.request(request);
            // what a real server says of it: whose the fields are comes before the version
            return answer.kind === 'answered' && answer.status === 409 ? { ...answer, body: theirs } : answer;
          }
          return rig.client.request(request);
        },
      },
    });
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    const second = await rig.bundle(2, [recreated('two', 'b:2')], { drift });
    const tx = await deploy(rig, 2, second, first);
    assert.equal(refusalKind(tx.outcome), 'stale');
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'selector', 'matchLabels', 'own'), 'theirs');
    assert.ok(!owners(await rig.get(DEPLOYMENT)).some(({ manager }) => manager === MANAGER));
  });

  it('without the annotation the change is refused with that hint, and nothing is touched', async () => {
    const plain = (own: string) => {
      const { metadata, ...rest } = recreated(own, 'a:1');
      return { ...rest, metadata: { ...metadata, annotations: {} } } as KubeObject;
    };
    const first = await rig.bundle(1, [plain('one')]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const second = await rig.bundle(2, [plain('two')]);
    const tried = await rig.run({ kind: 'dryRun', location: LOCATION, bundle: second, pending: [] });
    assert.equal(refusalKind(tried), 'immutable');
    assert.match(JSON.stringify(tried), /ldc\.dev\/replace: recreate/);
    const tx = await deploy(rig, 2, second, first);
    assert.equal(refusalKind(tx.outcome), 'immutable');
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'selector', 'matchLabels', 'own'), 'one');
  });
});

describe('what is to be made', () => {
  it('is never made into what came into being after it was read', async () => {
    await rig.agent.stop();
    const path = '/api/v1/namespaces/shop/configmaps/settings';
    const busy = {
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code: 409,
      reason: 'Conflict',
      message: 'busy',
    };
    let asked = 0;
    rig.agent = await rig.startAgent({
      client: {
        ...rig.client,
        async request(request) {
          if (request.method !== 'PATCH' || request.path !== path || request.query?.dryRun !== undefined)
            return rig.client.request(request);
          asked++;
          // refused once, so that it is looked at with care: nothing is there, and then something is
          if (asked === 1) return { kind: 'answered', status: 409, body: busy, warnings: [] };
          if (asked === 2)
            await rig.write(
              'POST',
              '/api/v1/namespaces/shop/configmaps',
              configMap('settings', { theirs: '1' }) as never,
            );
          return rig.client.request(request);
        },
      },
    });
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    const bundle = await rig.bundle(1, [configMap('settings', { a: '1' })], { drift: { mode: 'ignore', ignore: [] } });
    assert.equal(refusalKind((await deploy(rig, 1, bundle)).outcome), 'stale');
    assert.equal(asked, 2);
    assert.deepEqual(part(await rig.get(path), 'data'), { theirs: '1' });
  });
});

describe('claims', () => {
  const CLAIM = '/api/v1/namespaces/shop/persistentvolumeclaims/data';
  it('one that the undone transaction made goes; the same one of a committed revision stays for a person', async () => {
    const with_ = await rig.bundle(1, [configMap('settings', { a: '1' }), claim('data')]);
    const made = await deploy(rig, 1, with_);
    output(made.outcome, 'receipt');
    const { receipt, verified } = await undo(rig, made, null);
    assert.equal(receipt.objects.find(({ ref }) => ref.name === 'data')?.change, 'deleted');
    assert.deepEqual(verified.differences, []);
    assert.equal(await rig.get(CLAIM), undefined);
    output((await deploy(rig, 2, with_)).outcome, 'receipt');
    const retired = { kind: 'remove', location: LOCATION, previous: { revision: 2, bundle: with_ } } as const;
    const removed = output(await rig.run(retired), 'receipt');
    assert.deepEqual(
      removed.objects.map(({ ref, change }) => [ref.name, change]),
      [
        ['data', 'kept'],
        ['settings', 'deleted'],
      ],
    );
    assert.match(removed.objects[0]?.note ?? '', /it holds data/);
    assert.notEqual(await rig.get(CLAIM), undefined);
  });

  it('one that was there before, or that another has made, is never deleted by an undo', async () => {
    const bundle = await rig.bundle(1, [claim('data')]);
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
    const { preImages } = output(taken, 'snapshot');
    await rig.write('POST', '/api/v1/namespaces/shop/persistentvolumeclaims?fieldManager=hand', claim('data') as never);
    const { receipt, verified } = await undo(rig, { bundle, preImages: preImages as never }, null);
    assert.equal(receipt.objects[0]?.change, 'kept');
    assert.match(verified.differences[0]?.explained ?? '', /another has made it meanwhile/);
    assert.equal((await rig.get(CLAIM))?.metadata.deletionTimestamp, undefined);
    assert.ok(!owners(await rig.get(CLAIM)).some(({ manager }) => manager === MANAGER));
  });
});
