import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { KubeObject } from '../base/index.ts';
import { createMask, MASKED, maskedLine, secretTexts } from './masking.ts';

const mask = createMask();

/** What a password may be made of, at its worst, without what ends a bare word. */
const word = fc.stringMatching(/^[A-Za-z0-9!#$%^*_+~.?-]{6,40}$/).filter((text) => !/^[-*]+/.test(text));
const plain = fc.constantFrom('retry', 'user=anna', 'took 12ms', '{"level":"info"}', 'GET /healthz 200', '');

function secret(data: { readonly [key: string]: string }): KubeObject {
  const encoded = Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'shop' }, data: encoded };
}

describe('masking', () => {
  it('hides the values of keys that say so, in whatever dress', () => {
    const keys = ['password', 'DB_PASSWORD', 'api-key', 'aws_secret_access_key', 'clientSecret', 'authToken', 'pwd'];
    const dresses: readonly ((key: string, value: string) => string)[] = [
      (key, value) => `${key}=${value}`,
      (key, value) => `${key}: ${value}`,
      (key, value) => `{"${key}":"${value}","next":1}`,
      (key, value) => `{\\"${key}\\": \\"${value}\\"}`,
      (key, value) => `${key}='${value}'`,
      (key, value) => `--${key} ${value} --verbose`,
      (key, value) => `?a=b&${key}=${value}&c=d`,
      (key, value) => `${key} => "${value}"`,
    ];
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.constantFrom(...dresses), word, plain, (key, dress, value, before) => {
        const text = mask(`${before} ${dress(key, value)}`);
        // a value that is a part of its own key or of what stands around it cannot be told apart
        const around = `${before} ${dress(key, '')}`;
        assert.ok(around.includes(value) || !text.includes(value), text);
        assert.ok(text.startsWith(before), 'what stands before stays');
      }),
      { numRuns: 500 },
    );
  });

  it('hides headers, URLs with a user, JWTs, PEM blocks, keys of known makers, and what is random after =', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['Authorization: Bearer abcdef.123', 'Authorization: ***'],
      ['curl -H "Authorization: Custom a b c" x', 'curl -H "Authorization: ***" x'],
      ['Cookie: sid=1; csrf=2', 'Cookie: ***'],
      ['sent Bearer abc123def456 to it', 'sent Bearer *** to it'],
      ['dial postgres://app:p@ss/w0rd@db:5432/shop', 'dial postgres://app:***@db:5432/shop'],
      ['clone https://abcdefghij0123456789@git.example/x', 'clone https://***@git.example/x'],
      ['got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!', 'got ***!'],
      ['key -----BEGIN EC PRIVATE KEY-----\\nMHcC\\n-----END EC PRIVATE KEY----- end', 'key *** end'],
      ['with AKIAABCDEFGHIJKLMNOP', 'with ***'],
      ['with ghp_0123456789abcdefghij', 'with ***'],
      ['K=Zm9vYmFyMTIzNDU2Nzg5MGFiY2Rl', 'K=***'],
    ];
    for (const [text, expected] of cases) assert.equal(mask(text), expected);
  });

  it('leaves what a person needs', () => {
    const kept = [
      '0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available',
      'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
      'Back-off pulling image "reg.example/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"',
      'failed to fetch anonymous token: unexpected status from GET request to https://reg.example:443/v2/x: 403',
      'MountVolume.SetUp failed for volume "v" : secret "orders-token" not found',
      "couldn't find key password in Secret shop/orders",
      'back-off 10s restarting failed container=c pod=checkout-6d4c6b7d8b-x2x5z_shop(d1b2c3d4-aaaa-bbbb-cccc-0123456789ab)',
      'trace_id=4bf92f3577b34da6a3ce929d0e0e4736 max_tokens=400',
      'secretName: orders tokenRef=x password_file=/run/p',
      'Readiness probe failed: Get "http://10.0.0.1:8080/healthz": dial tcp 10.0.0.1:8080: connect: connection refused',
    ];
    for (const text of kept) assert.equal(mask(text), text);
  });

  it('hides what an API server repeats of a field that it refuses, and leaves what is wrong with it', () => {
    const cases: readonly (readonly [string, string])[] = [
      [
        'Database.x.io "d" is invalid: spec.password: Invalid value: "hunter2": should be at least 8 chars long',
        'Database.x.io "d" is invalid: spec.password: Invalid value: "***": should be at least 8 chars long',
      ],
      [
        'spec.auth.token: Unsupported value: "abc": supported values: "x"',
        'spec.auth.token: Unsupported value: "***": supported values: "x"',
      ],
      ['data[api-key]: Invalid value: "h u n": no', 'data[api-key]: Invalid value: "***": no'],
      [
        '.spec.password: expected string, got &value.valueUnstructured{Value:4711}',
        '.spec.password: expected string, got ***',
      ],
      ['spec.password: Required value', 'spec.password: Required value'],
      ['spec.password: Forbidden: may not be set', 'spec.password: Forbidden: may not be set'],
      ['spec.token: Too long: may not be more than 8 bytes', 'spec.token: Too long: may not be more than 8 bytes'],
      [
        'exceeded quota: q, requested: secrets=1, used: secrets=10, limited: secrets=10',
        'exceeded quota: q, requested: secrets=1, used: secrets=10, limited: secrets=10',
      ],
    ];
    for (const [text, shown] of cases) assert.equal(mask(text), shown);
  });

  it('masked once is masked for good', () => {
    const piece = fc.constantFrom(
      'password=x ',
      'token: "y" ',
      'Authorization: Bearer abcdefg\n',
      'postgres://a:b@c/ ',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, plain), { maxLength: 12 }), (pieces) => {
        const once = mask(pieces.join(' '));
        assert.equal(mask(once), once);
      }),
    );
  });

  it('a value of a known Secret is nowhere in what comes out: plain, in base64, in a URL, in JSON, line by line', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 60 }), fc.string({ maxLength: 30 }), (value, around) => {
        const trimmed = value.trim();
        fc.pre(trimmed.length >= 6 && !MASKED.includes(trimmed));
        const known = createMask(secretTexts([secret({ password: value })]));
        const encoded = Buffer.from(value).toString('base64');
        const printed = [trimmed, encoded, encodeURIComponent(trimmed), JSON.stringify({ x: trimmed })];
        for (const text of printed) {
          const out = known(`${around} says ${text} and goes on`);
          assert.ok(`${around} says  and goes on{"x":""}***`.includes(trimmed) || !out.includes(trimmed), out);
          assert.ok(!out.includes(encoded) || around.includes(encoded), out);
        }
      }),
      { numRuns: 500 },
    );
    const lines = 'first line of it\nsecond line of it';
    const known = createMask(secretTexts([secret({ note: lines, username: 'postgres' })]));
    assert.equal(known('read: second line of it'), 'read: ***');
    assert.equal(known('pulling postgres:16'), 'pulling postgres:16', 'what only names something stays');
  });

  it('a line is masked before it is cut: no half of a secret stands at its end', () => {
    const value = 'correct-horse-battery-staple';
    const known = createMask([value]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 10, max: 9_000 }), (before, most) => {
        const out = maskedLine(known, `${'x'.repeat(before)}${value}${' y'.repeat(20_000)}`, most);
        assert.ok(out.length <= most);
        assert.ok(!out.includes(value.slice(0, 6)), out.slice(-60));
      }),
    );
    assert.equal(maskedLine(mask, 'short', 100), 'short');
  });

  it('takes time in proportion to the text, whatever the text', () => {
    const nasty = ['a.', 'password="\\', 'http://', 'eyJ', '-----BEGIN ', 'token ', '=', '"\\', 'x='];
    for (const piece of nasty) assert.ok(mask(piece.repeat(16_384 / piece.length)).length > 0);
  });
});
