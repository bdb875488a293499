/** An HTTP/2 server that refuses bodies unread, as an API server does (403, 429): what Node keeps of them must not end all answers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { systemClock as clock, systemRandom as random } from '../src/base/index.ts';
import { connect } from '../src/kubernetes/index.ts';
import { openPki } from '../src/sim/api/pki.ts';

const BODY_BYTES = 1_900_000;
const REFUSALS = 12;

/** A client of an HTTP/2 server that does this with each stream. */
async function start(serve: (stream: ServerHttp2Stream, method: string) => void) {
  const pki = await openPki('spill', undefined, clock, random);
  const server = createSecureServer({ cert: pki.server.certPem, key: pki.server.keyPem });
  let sessions = 0;
  server.on('session', () => sessions++);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    serve(stream, String(headers[':method']));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cluster = {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'certificate-authority-data': Buffer.from(pki.caPem).toString('base64'),
  };
  const text = stringify({
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
  const client = await connect({ kind: 'kubeconfig', text }, clock);
  return {
    client,
    sessions: () => sessions,
    async close() {
      await client.close();
      server.close();
    },
  };
}

const path = '/api/v1/namespaces/shop/configmaps/large';
const body = { k: 'x'.repeat(BODY_BYTES) };

test('large bodies that are refused unread do not silence the connection for good', { timeout: 60_000 }, async () => {
  const { client, sessions, close } = await start((stream, method) => {
    stream.respond({ ':status': method === 'GET' ? 200 : 403, 'content-type': 'application/json' });
    stream.end('{}', () => stream.close());
  });
  try {
    let refused = 0;
    for (let count = 0; count < REFUSALS; count++) {
      const answer = await client.request({ method: 'PATCH', path, body });
      if (answer.kind === 'answered') refused++;
      // that answer may be lost, and then the server may have acted; what only reads is asked again
      else assert.ok(answer.sent, answer.reason);
      const read = await client.request({ method: 'GET', path });
      assert.equal(read.kind, 'answered', JSON.stringify(read));
    }
    assert.ok(refused > REFUSALS / 2, `${refused} of ${REFUSALS} refusals were heard`);
    assert.ok(sessions() > 1, 'or it never filled up, and this test shows nothing');
  } finally {
    await close();
  }
});

test('of many large bodies at once, no answer is lost, also when the server reads one after the other', {
  timeout: 60_000,
}, async () => {
  let before = Promise.resolve();
  const { client, sessions, close } = await start((stream) => {
    const read = before.then(async () => {
      stream.resume();
      await once(stream, 'end');
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end('{}');
    });
    before = read.catch(() => undefined);
  });
  try {
    const asked = Array.from({ length: 16 }, () => client.request({ method: 'PATCH', path, body }));
    for (const answer of await Promise.all(asked)) assert.equal(answer.kind, 'answered', JSON.stringify(answer));
    assert.equal(sessions(), 1);
  } finally {
    await close();
  }
});
