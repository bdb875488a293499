import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject } from '../../../base/index.ts';
import { deadLinks, linkedAnew, madeAnew, ownersFirst } from './made-anew.ts';

const owned = (uid: string): KubeObject => {
  const fieldsV1 = { 'f:metadata': { 'f:ownerReferences': { [`k:{"uid":"${uid}"}`]: {} } } };
  const metadata = { name: 'b', uid: 'b', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'own', uid }, { name: 'other', uid: 'else' }], managedFields: [{ manager: 'hand', fieldsV1 }] }; // biome-ignore format: an object
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata } as never;
};
const at = (uid: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'own', uid } }) as KubeObject;

it('an owner that was made anew: who names it as it was is dead, who names it as it is is as before', () => {
  const uids = madeAnew([
    { past: at('old'), live: at('new') },
    { past: at('same'), live: at('same') },
    { past: null, live: at('made') },
    { past: at('gone'), live: undefined },
  ]);
  assert.deepEqual([...uids], [['old', 'new']]);
  const field = '.metadata.ownerReferences[name=own].uid';
  assert.deepEqual(deadLinks(owned('old'), uids).map((link) => [link.field, link.before]), [[field, 'old']]); // biome-ignore format: a row
  assert.deepEqual(deadLinks(owned('new'), uids), []);
  const { past, links } = linkedAnew(owned('old'), uids);
  assert.deepEqual(past, owned('new'));
  assert.deepEqual(links, [{ field, before: 'old', after: 'new' }]);
  const same = owned('same');
  assert.equal(linkedAnew(same, uids).past, same);
});

it('owners come before what they own, whatever order was given; a circle is no reason to stop', () => {
  const one = (name: string, owner?: string) => {
    const metadata = {
      name,
      uid: name,
      ...(owner === undefined ? {} : { ownerReferences: [{ name: owner, uid: owner }] }),
    };
    return { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata } as never as KubeObject };
  };
  const names = (images: readonly { object: KubeObject | null }[]) => images.map(({ object }) => object?.metadata.name);
  assert.deepEqual(names(ownersFirst([one('c', 'b'), one('b', 'a'), one('x'), one('a')])), ['a', 'b', 'c', 'x']);
  assert.deepEqual(names(ownersFirst([one('a', 'b'), one('b', 'a')])), ['b', 'a']);
  assert.deepEqual(names(ownersFirst([one('a', 'elsewhere')])), ['a']);
});
