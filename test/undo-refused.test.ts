/** An undo that is refused for one object: the others come back, and what is left is said object by object. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { configMap, deploy, LOCATION, output, part, type Rig, startRig } from './hub-agent-rig.ts';

const MAPS = '/api/v1/namespaces/shop/configmaps';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

it('goes on with the rest, deletes nothing that what stayed may stand on, and ends the work when the reason is gone', async () => {
  const first = await rig.bundle(1, [
    configMap('a', { n: '1' }),
    configMap('b', { n: '1' }),
    configMap('z', { n: '1' }),
  ]);
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const frozen = { ...configMap('a', { n: '2' }), immutable: true };
  const second = await rig.bundle(2, [frozen, configMap('b', { n: '2' }), configMap('z', { n: '2' }), configMap('new', { n: '2' })]); // biome-ignore format: one line
  const { preImages, outcome } = await deploy(rig, 2, second, first);
  output(outcome, 'receipt');
  const body = { kind: 'undo', location: LOCATION, bundle: second, preImages, previous: { revision: 1, bundle: first } } as const; // biome-ignore format: one line
  const refused = await rig.run(body, 'undo/1');
  if (refused.kind !== 'refused') assert.fail(JSON.stringify(refused));
  assert.match(refused.refusal.message, /ConfigMap shop\/a.*immutable/);
  const { objects } = refused.refusal.details as { objects: { ref: { name: string }; why: string }[] };
  assert.deepEqual(objects.map(({ ref }) => ref.name), ['a']); // biome-ignore format: one line
  assert.match(objects[0]?.why ?? '', /immutable/);
  for (const name of ['b', 'z']) assert.equal(part(await rig.get(`${MAPS}/${name}`), 'data', 'n'), '1', name);
  assert.equal(part(await rig.get(`${MAPS}/new`), 'data', 'n'), '2', 'the one that could not go back may need it');
  await rig.write('DELETE', `${MAPS}/a`); // what a person does who is told
  output(await rig.run(body, 'undo/2'), 'receipt');
  assert.equal(part(await rig.get(`${MAPS}/a`), 'data', 'n'), '1');
  assert.equal(await rig.get(`${MAPS}/new`), undefined);
});
