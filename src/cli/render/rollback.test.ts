import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../base/index.ts';
import type { RollbackVerified } from '../../saga/types.ts';
import { rollbackText } from './rollback.ts';

const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'settings' };
const theirs = { cluster: 'eu-1', ref, field: '.data.mode', before: 'a', after: 'b', explained: 'hand has changed it meanwhile' }; // biome-ignore format: a row

function text(more: Partial<RollbackVerified>, forced = false): string {
  const verified = {
    ...{ equal: true, clusters: { 'eu-1': 'equal' }, differences: [], kept: [] },
    ...{ digestBefore: 'sha256:a', digestAfter: 'sha256:b' },
    ...more,
  } as RollbackVerified;
  return rollbackText({ rollback: { verified }, forced });
}

describe('the proof of a rollback', () => {
  it('that all is as it was is one word', () => {
    assert.match(text({}), /read back: equal to the state before\n {4}eu-1 equal\n/);
    assert.equal(rollbackText({ rollback: { verified: null }, forced: false }), '');
  });

  it('what others changed is counted and named, and is no difference', () => {
    const said = text({ differences: [theirs, theirs], explained: 2 });
    assert.match(said, /equal to the state before, but for 2 places that others changed\n/);
    assert.match(said, /changed by others: ConfigMap shop\/settings on eu-1: \.data\.mode was "a", is "b" \(hand has/);
    assert.ok(!/differs|NOT/.test(said));
    // one of before this was counted
    assert.match(text({ differences: [theirs] }), /but for 1 place that others changed/);
  });

  it('what differs is said in words: values, owners, readiness, the object itself, and a look that failed', () => {
    const rows: readonly (readonly [{ [key: string]: Json }, RegExp])[] = [
      [{ field: '.data.a', before: null, after: { b: 1 } }, /\.data\.a was not there, is \{"b":1\}/],
      [{ field: '.data.a', before: 'x'.repeat(90), after: null }, /was "x{59}…, is gone/],
      [{ field: 'object', before: null, after: 'present' }, /settings on eu-1: was not there, is there now/],
      [{ field: 'object', before: 'present', after: null }, /was there, is not there any more/],
      [{ field: 'readiness', before: 'ready', after: '0 of 2' }, /was ready, is not: 0 of 2/],
      [{ field: 'owner', before: ['gitops (Apply) .spec.replicas'], after: [] }, /owned no more: gitops \(Apply\) \.spec\.replicas\n/], // biome-ignore format: a row
      [{ field: 'owner', before: ['a .x'], after: ['b .x'] }, /owned no more: a \.x; owned now: b \.x/],
      [{ field: 'verify', before: null, after: null, why: 'it could not be read back: no' }, /eu-1: it could not be read/], // biome-ignore format: a row
    ];
    for (const [row, expected] of rows) {
      const said = text({
        equal: false,
        clusters: { 'eu-1': 'different' },
        differences: [{ cluster: 'eu-1', ref, ...row }],
      });
      assert.match(said, expected);
      assert.match(said, /NOT equal to the state before: it differs in 1 place\n/);
      assert.ok(!said.includes('"field"'), 'no JSON of ours');
    }
  });

  it('why it is not equal although nothing differs', () => {
    assert.match(text({ equal: false, clusters: { a: 'owed', b: 'equal' } }), /before: a part is owed\n/);
    assert.match(text({ equal: false }, true), /before: it was ended by force\n/);
    assert.match(text({ equal: false, differences: [theirs, { ...theirs, explained: undefined }] as never }), /it differs in 1 place, but for 1 place that others changed/); // biome-ignore format: a row
  });

  it('what stays by rule, and no more than a page of anything', () => {
    const kept = [{ cluster: 'eu-1', ref: { ...ref, kind: 'Namespace', namespace: undefined, name: 'own' }, why: 'Pod x is in it' }]; // biome-ignore format: a row
    assert.match(text({ kept: kept as never }), /kept: Namespace own on eu-1: Pod x is in it/);
    const many = Array.from({ length: 30 }, () => ({ ...theirs }));
    assert.match(text({ differences: many, explained: 30 }), /and 10 more\n/);
  });
});
