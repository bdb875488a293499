import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { createLineMask } from './line-mask.ts';
import { createMask, MASKED } from './masking.ts';

const mask = createMask();

describe('masking of text that comes line by line', () => {
  it('a PEM block over several lines is hidden whole, and what follows is not', () => {
    const line = createLineMask(mask);
    const text = [
      'starting',
      '2026-11-22T10:00:00Z info key: -----BEGIN PRIVATE KEY-----',
      'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg',
      'abc=',
      '-----END PRIVATE KEY----- loaded',
      'listening on 8080',
    ].map(line);
    assert.ok(!text.join('\n').includes('MIGH') && !text.join('\n').includes('abc='));
    assert.deepEqual([text[0], text[4], text[5]], ['starting', '*** loaded', 'listening on 8080']);
    const open = createLineMask(mask);
    open('-----BEGIN CERTIFICATE-----');
    assert.equal(open('this block never ended, says the program'), 'this block never ended, says the program');
  });

  it('a stream that begins within a PEM block shows nothing of it, wherever it begins', () => {
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const keys = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }),
      generateKeyPairSync('ed25519').privateKey.export(pem),
    ].map((key) => String(key).trim().split('\n'));
    for (const before of ['', '2026-11-22T10:00:00Z INFO ']) {
      for (const block of keys) {
        for (let from = 1; from < block.length; from++) {
          const line = createLineMask(mask);
          const told = block.slice(from).map((one) => line(before + one));
          assert.deepEqual(new Set(told), new Set([MASKED]), `from line ${from} of ${block.length}`);
          assert.equal(line('listening on 8080'), 'listening on 8080');
        }
      }
    }
  });

  it('what is after the end of a block that was never seen to begin stays, and so does what only looks long', () => {
    const line = createLineMask(mask);
    assert.equal(line('-----END PRIVATE KEY----- loaded'), '*** loaded');
    assert.equal(line('-----END PRIVATE KEY----- -----BEGIN PRIVATE KEY-----'), '*** ***');
    assert.equal(line('abc='), MASKED, 'of the second one');
    assert.equal(line('that was all of it'), 'that was all of it');
    const plain = [
      'ready',
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'INFO started',
      'GET /healthz 200',
      'a-very-long-name-of-a-program-that-says-how-it-is-called-and-goes-on-1234',
    ];
    for (const text of plain) assert.equal(createLineMask(mask)(text), text);
    for (const text of plain) assert.equal(line(text), text);
  });

  it('after a body without a beginning, one last line is hidden and then words are words again', () => {
    const line = createLineMask(mask);
    const body = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';
    assert.deepEqual([body.slice(0, 64), 'q1w2', 'ready', 'started'].map(line), [MASKED, MASKED, 'ready', 'started']);
  });
});
