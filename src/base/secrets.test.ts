import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from './kube-object.ts';
import { cutReferences, cutSecret, fillSecret } from './secrets.ts';

const key = new Uint8Array(32).fill(7);
const secret: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'db',
    namespace: 'shop',
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"aHVudGVyMg=="}}',
      other: 'x',
    },
  },
  data: { password: 'aHVudGVyMg==' },
  stringData: { user: 'shop' },
  type: 'Opaque',
};

describe('cutting secrets', () => {
  it('leaves no value in the object, and fills back the same one (stringData as data)', () => {
    const { object, values } = cutSecret(secret, key);
    const text = JSON.stringify(object);
    for (const value of ['aHVudGVyMg==', 'hunter2', 'shop"}', Buffer.from('shop').toString('base64')]) {
      assert.ok(!text.includes(value), `${value} is still there`);
    }
    assert.equal(object.stringData, undefined);
    assert.equal(cutReferences(object).length, 3);
    const { stringData: _merged, ...rest } = secret;
    assert.deepEqual(fillSecret(object, values), {
      ...rest,
      data: { password: 'aHVudGVyMg==', user: Buffer.from('shop').toString('base64') },
    });
  });

  it('the same value gives the same reference under one key, another under another', () => {
    const again = cutSecret(secret, key).object;
    assert.deepEqual(cutSecret(secret, key).object, again);
    assert.notDeepEqual(cutSecret(secret, new Uint8Array(32)).object, again);
    assert.deepEqual(cutSecret(again, key, { partly: true }).object, again, 'what is cut already stays');
  });

  it('takes what only looks like a reference for a value, so that nobody is given another one for it', () => {
    const stolen = cutReferences(cutSecret(secret, key).object)[0] as string;
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': stolen };
    const forged: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'mine', annotations } };
    const { object, values } = cutSecret(forged, key);
    assert.deepEqual([...values.values()], [stolen]);
    assert.deepEqual(fillSecret(object, values), forged);
    assert.deepEqual(cutReferences({ ...forged, kind: 'ConfigMap' }), [], 'only Secrets are filled');
  });

  it('touches no other kind, and says which Secret lacks a value', () => {
    const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: 'b' } };
    assert.equal(cutSecret(config, key).object, config);
    assert.throws(() => fillSecret(cutSecret(secret, key).object, new Map()), /Secret db/);
  });
});
