/** What an API server refuses in words that hold a Secret's value comes to the hub without it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { LABELS, LOCATION, output, type Rig, secretOf, startRig } from './hub-agent-rig.ts';

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
