/** The whole way of a command: hub, TLS, agent, API server, and back. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Digest } from '../src/base/index.ts';
import {
  configMap,
  deployment,
  LOCATION,
  MANAGER,
  output,
  part,
  type Rig,
  refusalKind,
  STACK,
  secretOf,
  startRig,
  until,
} from './hub-agent-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

const CONFIG = '/api/v1/namespaces/shop/configmaps/settings';
const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/checkout';

async function snapshot(bundle: Digest, previous: Digest | null = null): Promise<Digest> {
  return output(await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous }), 'snapshot')
    .preImages as Digest;
}
async function deploy(revision: number, bundle: Digest, previous: Digest | null = null) {
  const preImages = await snapshot(bundle, previous);
  const outcome = await rig.run({ kind: 'apply', location: LOCATION, revision, bundle, preImages });
  return { preImages, outcome };
}
const objects = (value: string, image: string) => [
  configMap('settings', { mode: value }),
  secretOf('login', `password-${value}`),
  deployment('checkout', image),
];

describe('a command over the line', () => {
  it('applies a bundle and undoes it: every touched object is as it was, Secret values included', async () => {
    const first = await rig.bundle(1, objects('one', 'a:1'));
    output((await deploy(1, first)).outcome, 'receipt');
    const before = { config: await rig.get(CONFIG), deployment: await rig.get(DEPLOYMENT) };
    const changed = [
      ...objects('two', 'b:2').slice(0, 2),
      deployment('checkout', 'b:2', 5),
      configMap('extra', { a: 'b' }),
    ];
    const second = await rig.bundle(2, changed);
    const { preImages, outcome } = await deploy(2, second, first);
    const receipt = output(outcome, 'receipt');
    assert.deepEqual(receipt.objects.map((one) => one.change).sort(), ['changed', 'changed', 'changed', 'created']);
    assert.ok(receipt.objects.every((one) => one.auditId !== undefined && one.uid !== undefined));
    const previous = { revision: 1, bundle: first };
    output(await rig.run({ kind: 'undo', location: LOCATION, bundle: second, preImages, previous }), 'receipt');
    const verified = output(
      await rig.run({ kind: 'verify', locations: [{ location: LOCATION, preImages, bundle: second }] }),
      'verify',
    );
    assert.deepEqual(verified.differences, []);
    assert.ok(verified.equal);
    assert.equal(verified.digestBefore, verified.digestAfter);
    assert.deepEqual(part(await rig.get(DEPLOYMENT), 'spec'), part(before.deployment, 'spec'));
    assert.deepEqual(part(await rig.get(CONFIG), 'data'), part(before.config, 'data'));
    assert.equal(await rig.get('/api/v1/namespaces/shop/configmaps/extra'), undefined);
    const secret = await rig.get('/api/v1/namespaces/shop/secrets/login');
    assert.equal(part(secret, 'data', 'password'), Buffer.from('password-one').toString('base64'));
    const stored = JSON.stringify(rig.store.blobs.get(preImages));
    assert.ok(
      !stored.includes(Buffer.from('password-one').toString('base64')),
      'no Secret value in a stored pre-image',
    );
  });

  it('is done once however often it is asked, also by an agent that was killed before it could answer', async () => {
    const bundle = await rig.bundle(1, objects('one', 'a:1'));
    const preImages = await snapshot(bundle);
    const body = { kind: 'apply', location: LOCATION, revision: 1, bundle, preImages } as const;
    const one = output(await rig.run(body, 'tx/apply/do'), 'receipt');
    const two = output(await rig.run(body, 'tx/apply/do'), 'receipt');
    assert.deepEqual(two, one);
    await rig.agent.stop();
    rig.agent = await rig.startAgent();
    await until(() => rig.hub.link.connected('eu-1'), 'the agent is back');
    assert.deepEqual(output(await rig.run(body, 'tx/apply/do'), 'receipt'), one);
  });

  it('refuses an older epoch, an older revision, and what moved since the plan was made', async () => {
    const first = await rig.bundle(3, [configMap('settings', { mode: 'one' })]);
    output((await deploy(3, first)).outcome, 'receipt');
    const old = await rig.bundle(2, [configMap('settings', { mode: 'old' })]);
    const preImages = await snapshot(old);
    const body = { kind: 'apply', location: LOCATION, revision: 2, bundle: old, preImages } as const;
    assert.equal(refusalKind(await rig.run(body)), 'staleRevision');
    assert.equal(refusalKind(await rig.run(body, 'x', 0)), 'staleEpoch');
    await rig.run({ kind: 'remove', location: LOCATION, previous: { revision: 3, bundle: first } });
    const next = await rig.bundle(4, [configMap('other', { mode: 'new' })]);
    const images = await snapshot(next);
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other' }, data: { mode: 'mine' } };
    await rig.write('POST', '/api/v1/namespaces/shop/configmaps', foreign);
    const apply = { kind: 'apply', location: LOCATION, revision: 4, bundle: next, preImages: images } as const;
    assert.equal(refusalKind(await rig.run(apply)), 'stale');
  });

  it('refuses the fields of another manager, or takes them by force and gives them back', async () => {
    const kubectl = `${DEPLOYMENT}?fieldManager=kubectl&force=true`;
    await rig.write('PATCH', kubectl, deployment('checkout', 'theirs:1', 3) as never, 'application/apply-patch+yaml');
    const refusing = await rig.bundle(1, [deployment('checkout', 'ours:1')]);
    const pending = { kind: 'dryRun' as const, location: LOCATION, bundle: refusing, pending: [] };
    const refused = await rig.run(pending);
    assert.equal(refusalKind(refused), 'fieldConflict');
    assert.match(refused.kind === 'refused' ? refused.refusal.message : '', /kubectl/);
    const taking = await rig.bundle(1, [deployment('checkout', 'ours:1')], { conflicts: 'take' });
    const { preImages, outcome } = await deploy(1, taking);
    output(outcome, 'receipt');
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'replicas'), 2);
    output(await rig.run({ kind: 'undo', location: LOCATION, bundle: taking, preImages, previous: null }), 'receipt');
    const locations = [{ location: LOCATION, preImages, bundle: taking }];
    const verified = output(await rig.run({ kind: 'verify', locations }), 'verify');
    assert.deepEqual(verified.differences, []);
    const owners = part(await rig.get(DEPLOYMENT), 'metadata', 'managedFields') as readonly { manager: string }[];
    assert.ok(
      owners.some((owner) => owner.manager === 'kubectl') && !owners.some((owner) => owner.manager === MANAGER),
    );
  });

  it('gives an update manager its required fields back, too', async () => {
    await rig.write(
      'POST',
      '/apis/apps/v1/namespaces/shop/deployments?fieldManager=hand',
      deployment('checkout', 'theirs:1', 3) as never,
    );
    const taking = await rig.bundle(1, [deployment('checkout', 'ours:1')], { conflicts: 'take' });
    const { preImages, outcome } = await deploy(1, taking);
    output(outcome, 'receipt');
    output(await rig.run({ kind: 'undo', location: LOCATION, bundle: taking, preImages, previous: null }), 'receipt');
    const locations = [{ location: LOCATION, preImages, bundle: taking }];
    const verified = output(await rig.run({ kind: 'verify', locations }), 'verify');
    assert.deepEqual(verified.differences, []);
    assert.match(JSON.stringify(part(await rig.get(DEPLOYMENT), 'spec')), /theirs:1/);
  });

  it('leaves alone what another has changed meanwhile, and says so', async () => {
    const first = await rig.bundle(1, [deployment('checkout', 'a:1')]);
    output((await deploy(1, first)).outcome, 'receipt');
    const second = await rig.bundle(2, [deployment('checkout', 'a:2')], { drift: { mode: 'report', ignore: [] } });
    const { preImages } = await deploy(2, second, first);
    const scale = { spec: { replicas: 7 } };
    await rig.write('PATCH', `${DEPLOYMENT}?fieldManager=hand`, scale, 'application/merge-patch+json');
    const previous = null;
    output(await rig.run({ kind: 'undo', location: LOCATION, bundle: second, preImages, previous }), 'receipt');
    const locations = [{ location: LOCATION, preImages, bundle: second }];
    const verified = output(await rig.run({ kind: 'verify', locations }), 'verify');
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    const replicas = verified.differences.find((one) => one.field === '.spec.replicas');
    assert.match(replicas?.explained ?? '', /hand has changed it/);
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'replicas'), 7);
  });

  it('makes a namespace, and takes it away again only while nothing foreign is in it', async () => {
    const objects = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'made' } }];
    const made = output(await rig.run({ kind: 'ensure', stack: STACK, objects }), 'ensure');
    assert.equal(made.created.length, 1);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'foreign' } };
    await rig.write('POST', '/api/v1/namespaces/made/configmaps', body);
    const undo = { kind: 'undoEnsure', stack: STACK, created: made.created } as const;
    const kept = output(await rig.run(undo), 'receipt');
    assert.equal(kept.objects[0]?.change, 'kept');
    assert.match(kept.objects[0]?.note ?? '', /foreign/);
    await rig.write('DELETE', '/api/v1/namespaces/made/configmaps/foreign');
    assert.equal(output(await rig.run(undo), 'receipt').objects[0]?.change, 'deleted');
    assert.equal(await rig.get('/api/v1/namespaces/made'), undefined);
  });

  it('a gate that is not met is refused with the reasons', async () => {
    const bundle = await rig.bundle(1, [deployment('checkout', 'a:1')]);
    output((await deploy(1, bundle)).outcome, 'receipt');
    const outcome = await rig.run({ kind: 'gate', location: LOCATION, bundle, deadlineMs: 300 });
    assert.equal(refusalKind(outcome), 'notReady');
    const running = rig.run({ kind: 'gate', location: LOCATION, bundle, deadlineMs: 60_000 }, 'gate/long');
    await new Promise((resolve) => setTimeout(resolve, 100));
    output(await rig.run({ kind: 'cancel', command: 'gate/long' }), 'cancelled');
    assert.equal(refusalKind(await running), 'cancelled');
  });
});

describe('an agent on its own', () => {
  it('repairs drift in a moment, also while the hub is away', async () => {
    const bundle = await rig.bundle(1, [configMap('settings', { mode: 'one' })]);
    output((await deploy(1, bundle)).outcome, 'receipt');
    await until(() => rig.hub.registry.observations('eu-1')[0]?.status === 'current', 'it is observed');
    const patch = { data: { mode: 'broken' } };
    await rig.write('PATCH', `${CONFIG}?fieldManager=hand`, patch, 'application/merge-patch+json');
    const isOne = async () => part(await rig.get(CONFIG), 'data', 'mode') === 'one';
    await until(isOne, 'the change is repaired');
    await until(
      () => rig.store.journal.chain('cluster/eu-1').some((entry) => entry.type === 'cluster.drift'),
      'it is journaled',
    );
    await rig.hub.stop();
    await rig.write('DELETE', CONFIG);
    await until(isOne, 'the deleted object is back without a hub');
  });

  it('ignored fields stay as another wrote them', async () => {
    const drift = { mode: 'repair', ignore: ['/spec/replicas'] };
    const bundle = await rig.bundle(1, [deployment('checkout', 'a:1')], { drift });
    output((await deploy(1, bundle)).outcome, 'receipt');
    await until(() => rig.hub.registry.observations('eu-1').length > 0, 'it is observed');
    const scale = { spec: { replicas: 9, paused: true } };
    await rig.write('PATCH', `${DEPLOYMENT}?fieldManager=hpa`, scale, 'application/merge-patch+json');
    const image = { spec: { template: { spec: { containers: [{ name: 'c', image: 'evil:1' }] } } } };
    await rig.write('PATCH', `${DEPLOYMENT}?fieldManager=hand`, image, 'application/strategic-merge-patch+json');
    await until(
      async () => JSON.stringify(await rig.get(DEPLOYMENT)).includes('"image":"a:1"'),
      'the image is repaired',
    );
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'replicas'), 9);
  });

  it('a removed cluster ends, and its agent is refused', async () => {
    await rig.hub.registry.remove('eu-1', 'user:test', 'test');
    await until(() => !rig.agent.connected(), 'the line has ended');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.ok(!rig.hub.link.connected('eu-1'));
  });
});
