/** Owners by uid: what is made anew has another, and what it owns has to name it by that, or it is collected as an orphan. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { configMap, deploy, output, type Rig, startRig, undo } from './hub-agent-rig.ts';

const MAPS = '/api/v1/namespaces/shop/configmaps';
const MERGE = 'application/merge-patch+json';
const IGNORE = { drift: { mode: 'ignore', ignore: [] } };

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

it('an owner and what it owns, both deleted by another meanwhile, are linked as they were; the owned one has the name that sorts first', async () => {
  const both = (n: string) => [configMap('a-owned', { n }), configMap('z-owner', { n })];
  const first = await rig.bundle(1, both('1'), IGNORE);
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const owner = await rig.get(`${MAPS}/z-owner`);
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'z-owner', uid: owner?.metadata.uid as string };
  await rig.write('PATCH', `${MAPS}/a-owned?fieldManager=hand`, { metadata: { ownerReferences: [reference] } }, MERGE);
  const second = await rig.bundle(2, both('2'), IGNORE);
  const made = await deploy(rig, 2, second, first);
  output(made.outcome, 'receipt');
  for (const name of ['z-owner', 'a-owned']) await rig.write('DELETE', `${MAPS}/${name}`).catch(() => {}); // or collected already
  const { verified } = await undo(rig, made, { revision: 1, bundle: first });
  const [ownerNow, ownedNow] = [await rig.get(`${MAPS}/z-owner`), await rig.get(`${MAPS}/a-owned`)];
  assert.notEqual(ownerNow?.metadata.uid, owner?.metadata.uid);
  assert.deepEqual(ownedNow?.metadata.ownerReferences, [{ ...reference, uid: ownerNow?.metadata.uid }]);
  assert.ok(verified.equal, JSON.stringify(verified.differences));
});
