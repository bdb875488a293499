import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonical, isObject, type Json, jsonEqual } from './json.ts';

describe('canonical JSON (RFC 8785)', () => {
  it('prints the example of RFC 8785 §3.2.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'B"\\\\"/',
      literals: [null, true, false],
    };
    assert.equal(
      canonical(value),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units (§3.2.3)', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const printed = canonical(Object.fromEntries(keys.map((key) => [key, 1])));
    assert.deepEqual(Object.keys(JSON.parse(printed)).toSorted(), [...keys].sort());
    assert.ok(printed.indexOf('\u20ac') < printed.indexOf('\ud83d\ude00'), 'surrogates sort before U+FB33');
    assert.ok(printed.indexOf('\ud83d\ude00') < printed.indexOf('\ufb33'));
  });

  it('leaves out undefined and refuses what JSON cannot hold', () => {
    assert.equal(canonical({ b: undefined, a: 1 }), '{"a":1}');
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, '\ud800', () => 1, 1n]) {
      assert.throws(() => canonical({ bad }), TypeError);
    }
  });

  it('parses back to an equal value, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false } as object), (value) => {
        const text = canonical(value);
        assert.ok(jsonEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)) as Json));
        assert.equal(canonical(JSON.parse(text)), text);
      }),
    );
  });
});

describe('jsonEqual', () => {
  it('compares deeply; an absent key equals an undefined one', () => {
    assert.ok(jsonEqual({ a: [1, { b: null }] }, { a: [1, { b: null }], c: undefined }));
    assert.ok(!jsonEqual({ a: [1, 2] }, { a: [2, 1] }));
    assert.ok(!jsonEqual([], {}));
    assert.ok(!jsonEqual({ a: null }, {}));
    assert.ok(!isObject([]) && !isObject(null) && isObject({}));
  });
});
