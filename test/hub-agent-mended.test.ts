/** Drift in the moment before a transaction: what is about to be repaired is no state to come back to. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { configMap, deploy, output, part, type Rig, startRig, undo } from './hub-agent-rig.ts';

const MAPS = '/api/v1/namespaces/shop/configmaps';
const MERGE = 'application/merge-patch+json';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

it('an edit that no watch has told of yet is repaired before pre-images are taken, and the undo does not bring it back', async () => {
  const objects = (n: string) => [configMap('a', { n }), configMap('b', { n })];
  const first = await rig.bundle(1, objects('1'));
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  for (let round = 2; round < 8; round++) {
    await rig.write('PATCH', `${MAPS}/a?fieldManager=hand`, { data: { n: `by hand ${round}` } }, MERGE);
    if (round % 2 === 0) await rig.write('DELETE', `${MAPS}/b`);
    const next = await rig.bundle(round, objects(String(round)));
    const made = await deploy(rig, round, next, first);
    output(made.outcome, 'receipt');
    const { verified } = await undo(rig, made, { revision: 1, bundle: first });
    assert.ok(verified.equal, JSON.stringify(verified.differences));
    for (const name of ['a', 'b'])
      assert.equal(part(await rig.get(`${MAPS}/${name}`), 'data', 'n'), '1', `round ${round}`);
  }
});
