import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KubeObject, refOf } from '../../base/index.ts';
import { createSights } from './sights.ts';

let cutKey: Uint8Array = new Uint8Array(32);

function configMap(version: number, value: string, name = 'a'): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...{ name, namespace: 'shop', uid: 'u1', resourceVersion: String(version) },
      managedFields: [{ manager: 'somebody', operation: 'Apply', fieldsV1: { 'f:data': { 'f:value': {} } } }],
    },
    data: { value },
  };
}
const ref = refOf(configMap(1, ''));

function held() {
  const sights = createSights(() => cutKey);
  sights.own('one', [ref]);
  return sights;
}

describe('what is held, as it was last seen', () => {
  it('keeps what belongs to a location, the newest of it, and not who owns which field', () => {
    const sights = held();
    sights.seen(configMap(9, 'b', 'other'));
    assert.equal(sights.at({ ...ref, name: 'other' }), undefined);
    sights.seen(configMap(10, 'new'));
    sights.seen(configMap(9, 'old'));
    const { managedFields, ...metadata } = configMap(10, 'new').metadata;
    assert.deepEqual(sights.at(ref), { ...configMap(10, 'new'), metadata });
    assert.ok(managedFields !== undefined);
    sights.gone(configMap(9, 'old'));
    assert.notEqual(sights.at(ref), undefined, 'an older deletion is of another object');
    sights.gone(configMap(11, 'new'));
    assert.equal(sights.at(ref), undefined);
    sights.good(configMap(10, 'new'));
    sights.seen(configMap(10, 'new'));
    assert.equal(sights.at(ref), undefined, 'an answer that comes after the deletion brings nothing back');
    sights.seen(configMap(12, 'anew'));
    assert.notEqual(sights.at(ref), undefined);
  });

  it('makes no digest anew when a line brings the same key again', () => {
    const sights = held();
    let read = 0;
    const data = {
      get value() {
        read++;
        return 'x';
      },
    };
    sights.seen({ ...configMap(10, ''), data });
    sights.good(configMap(10, 'x'));
    const once = read;
    assert.ok(once > 0);
    cutKey = new Uint8Array(32);
    assert.equal(sights.isGood(ref), true);
    assert.equal(read, once);
    cutKey = new Uint8Array(32).fill(1);
    sights.isGood(ref);
    assert.ok(read > once, 'another key');
    cutKey = new Uint8Array(32);
  });

  it('knows what looks as it was applied, whoever writes what does not count', () => {
    const sights = held();
    assert.equal(sights.isGood(ref), false, 'nothing is known of what was not seen');
    sights.seen(configMap(10, 'x'));
    assert.equal(sights.isGood(ref), false);
    sights.good(configMap(10, 'x'));
    assert.equal(sights.isGood(ref), true);
    sights.seen({ ...configMap(11, 'x'), status: { seen: true } });
    assert.equal(sights.isGood(ref), true);
    sights.seen(configMap(12, 'y'));
    assert.equal(sights.isGood(ref), false);
    sights.gone(configMap(13, 'y'));
    assert.equal(sights.isGood(ref), false);
  });

  it('compares no digests that were made with different keys', () => {
    const sights = held();
    const secret = { ...configMap(10, ''), kind: 'Secret', data: { password: 'aHVudGVyMg==' } };
    sights.own('one', [refOf(secret)]);
    sights.seen(secret);
    sights.good(secret);
    assert.equal(sights.isGood(refOf(secret)), true);
    cutKey = new Uint8Array(32).fill(1);
    assert.equal(sights.isGood(refOf(secret)), true, 'what was good by the one is good by the other');
    const edited = { ...configMap(11, ''), kind: 'Secret', data: { password: 'ZWRpdGVk' } };
    sights.seen(edited);
    cutKey = new Uint8Array(32).fill(2);
    assert.equal(sights.isGood(refOf(secret)), false, 'what was not is not');
    sights.good(edited);
    assert.equal(sights.isGood(refOf(secret)), true);
    cutKey = new Uint8Array(32);
  });

  it('takes a list for all that is there of what it covers', () => {
    const sights = held();
    const other = { ...ref, name: 'b' };
    sights.own('two', [other]);
    sights.seen(configMap(1, 'x'));
    sights.seen(configMap(2, 'x', 'b'));
    sights.listed([], (_ref, owner) => owner === 'two');
    assert.equal(sights.at(other), undefined);
    assert.notEqual(sights.at(ref), undefined);
    sights.listed([configMap(3, 'again', 'b')], () => true);
    assert.equal(sights.at(other)?.metadata.resourceVersion, '3');
    assert.equal(sights.at(ref), undefined);
  });

  it('an object goes to the location that took it last, and with it', () => {
    const sights = held();
    sights.seen(configMap(1, 'x'));
    sights.own('two', [ref]);
    sights.own('one', []);
    assert.equal(sights.ownerOf(ref), 'two');
    assert.notEqual(sights.at(ref), undefined, 'it was seen before');
    sights.disown('one');
    assert.equal(sights.ownerOf(ref), 'two');
    sights.disown('two');
    assert.equal(sights.ownerOf(ref), undefined);
    assert.equal(sights.at(ref), undefined);
  });
});
