/** What an API server refuses in words that hold a Secret's value comes to the hub without it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { configMap, deploy, LABELS, LOCATION, output, type Rig, secretOf, startRig, undo } from './hub-agent-rig.ts';

const VALUE = 'correct-horse-battery';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

it('a refusal of any command, and of one object in a preview', async () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', labels: LABELS },
    spec: { type: VALUE, ports: [{ port: 80 }] },
  };
  const bundle = await rig.bundle(1, [secretOf('login', VALUE), service]);
  const refusals = [];
  const snapshot = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
  const preImages = output(snapshot, 'snapshot').preImages;
  const bodies: readonly Parameters<Rig['run']>[0][] = [
    { kind: 'dryRun', location: LOCATION, bundle, pending: [] },
    { kind: 'apply', location: LOCATION, revision: 1, bundle, preImages },
  ];
  for (const body of bodies) {
    const outcome = await rig.run(body);
    assert.ok(outcome.kind === 'refused', JSON.stringify(outcome));
    refusals.push(outcome.refusal);
  }
  const preview = output(await rig.run({ kind: 'preview', location: LOCATION, bundle }), 'preview');
  refusals.push(...preview.objects.flatMap(({ refusal }) => refusal ?? []));
  assert.equal(refusals.length, 3);
  for (const refusal of refusals) {
    assert.match(refusal.message, /spec\.type: Unsupported value: "\*\*\*"/);
    assert.ok(!JSON.stringify(refusal).includes(VALUE));
  }
});

it('what another has changed meanwhile, as an undo finds it', async () => {
  const drift = { mode: 'ignore', ignore: [] }; // nobody repairs what a hand does here
  const objects = (mode: string) => [
    secretOf('login', VALUE),
    configMap('settings', { mode, api_token: 'first-token', note: 'x', other: 'x' }),
  ];
  const first = await rig.bundle(1, objects('one'), { drift });
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const second = await rig.bundle(2, objects('two'), { drift });
  const tx = await deploy(rig, 2, second, first);
  output(tx.outcome, 'receipt');
  const by = (name: string) => `/api/v1/namespaces/shop/${name}?fieldManager=hand`;
  const stolen = Buffer.from('another-password').toString('base64');
  const settings = { data: { api_token: 'second-token', note: `it is ${VALUE}`, other: 'y'.repeat(100_000) } };
  await rig.write('PATCH', by('configmaps/settings'), settings, 'application/merge-patch+json');
  await rig.write('PATCH', by('secrets/login'), { data: { password: stolen } }, 'application/merge-patch+json');
  const { verified } = await undo(rig, tx, { revision: 1, bundle: first });
  const text = JSON.stringify(verified);
  for (const secret of ['first-token', 'second-token', VALUE, stolen, 'another-password'])
    assert.ok(!text.includes(secret), `${secret} is in ${text}`);
  assert.match(text, /it is \*\*\*/, 'what is masked stands there');
  assert.match(text, /ldc-cut:v1:/);
  assert.ok(text.length < 10_000, 'a large value is told by its digest');
});
