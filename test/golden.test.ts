import assert from 'node:assert/strict';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before as beforeAll, describe, test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { type Clock, isObject, type Json, type JsonObject, systemClock } from '../src/base/index.ts';
import { type ApiServer, startApiServer } from '../src/sim/api/index.ts';
import { before, during } from './golden-actors.ts';
import {
  type Credentials,
  differences,
  exchange,
  Identities,
  normalise,
  readTraces,
  type Sent,
  type Trace,
} from './golden-replay.ts';

const ALL = readTraces(new URL('./golden/', import.meta.url));
const TRACES = ALL.filter((trace) => trace.request !== undefined);
const LISTED: { readonly [file: string]: string } = JSON.parse(
  readFileSync(new URL('./golden-differences.json', import.meta.url), 'utf8'),
);
const TOKEN = 'golden-token';
const SPEED = 20;

/** When the recording's first object was made. */
const FIRST_MS = Date.parse(
  /"creationTimestamp":"([^"]+)"/.exec(JSON.stringify(TRACES.map(({ response }) => response.body)))?.[1] ?? '',
);
const STARTED_MS = systemClock.now();
let recordedMs = 0;

/**
 * Waits of the server pass twenty times as fast, and the time of day is that of the recording, moved to now:
 * managedFields are sorted by their time in whole seconds, so that which second a write falls into shows.
 */
const replayClock: Clock = {
  ...systemClock,
  now: () => STARTED_MS + recordedMs,
  after: (delayMs, run) => systemClock.after(delayMs / SPEED, run),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / SPEED, signal),
};

/** Milliseconds into the recording at which a trace was answered: the newest write that its answer shows. */
function writtenMs(trace: Trace): number {
  const times = [...JSON.stringify(trace.response.body ?? null).matchAll(/"(?:time|creationTimestamp)":"([^"]+)"/g)];
  return Math.max(recordedMs, ...times.map(([, time]) => Date.parse(time as string) - FIRST_MS));
}

/** Everything that one trace leaves for later ones. */
interface Memory {
  readonly identities: Identities;
  continueToken: string;
  accountToken: string;
  certificatePem: string;
}

describe('recorded exchanges of a real API server', () => {
  let server: ApiServer;
  const memory: Memory = { identities: new Identities(), continueToken: '', accountToken: '', certificatePem: '' };
  const agent = agentKeys();

  beforeAll(async () => {
    const robot = { name: 'robot', uid: 'robot-1', groups: ['system:masters'] };
    server = await startApiServer({ name: 'g1', clock: replayClock, tokens: new Map([[TOKEN, robot]]) });
  });
  after(() => server.close());

  for (const trace of TRACES) {
    test(trace.file, async () => {
      const found = await replay(server, trace, memory, await agent);
      const reason = LISTED[trace.file];
      if (reason === undefined) assert.deepEqual(found, []);
      else
        assert.notEqual(
          found.length,
          0,
          `${trace.file} is listed as different (${reason}) but is equal now: take it off the list`,
        );
    });
  }
});

async function agentKeys(): Promise<{ readonly keyPem: string; readonly request: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const name = 'O=golden:agents, CN=golden-agent';
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: algorithm });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { keyPem, request: Buffer.from(request.toString('pem')).toString('base64') };
}

async function replay(
  server: ApiServer,
  trace: Trace,
  memory: Memory,
  agent: { keyPem: string; request: string },
): Promise<readonly string[]> {
  recordedMs = writtenMs(trace);
  before(server, trace, TRACES);
  await systemClock.sleep(1);
  if (trace.file === '130-csr-issued') await signed(server);
  const isBad = trace.file.startsWith('127');
  const url = `${server.url}${pathOf(server, trace, memory)}`;
  const steps = [...during(server, trace)];
  const next = () => {
    steps.shift()?.();
    if (steps.length > 0) void systemClock.sleep(5).then(next);
  };
  const { 'X-Auth': auth = '', ...headers } = trace.request.headers;
  const credentials = credentialsOf(auth, memory, agent.keyPem);
  const sent = await exchange(
    url,
    server.caPem,
    credentials,
    trace.request.method,
    headers,
    bodyOf(trace, memory, isBad ? undefined : agent.request),
    next,
  );
  remember(trace, sent, memory);
  return compare(trace, sent);
}

/** The recorder waited for the signer, too. */
async function signed(server: ApiServer): Promise<void> {
  const request = () => server.door.get('certificatesigningrequests.certificates.k8s.io', undefined, 'golden-agent');
  for (let tries = 0; tries < 2000; tries++) {
    const status = request()?.status;
    if (isObject(status) && status.certificate !== undefined) return;
    await systemClock.sleep(5);
  }
}

function pathOf(server: ApiServer, trace: Trace, memory: Memory): string {
  const now = server.store.revision;
  const path = trace.request.path
    .replace(/resourceVersion=(514|518|520)\b/, `resourceVersion=${now}`)
    .replace('continue=<JWT>', `continue=${memory.continueToken}`);
  return trace.file.startsWith('154') ? path.replace('=615', `=${now - 5}`) : path;
}

function credentialsOf(auth: string, memory: Memory, keyPem: string): Credentials {
  if (auth === 'none') return {};
  if (auth === 'Bearer wrong') return { token: 'wrong' };
  if (auth === 'Bearer <JWT>') return { token: memory.accountToken };
  if (auth === 'client certificate') return { certificate: { certPem: memory.certificatePem, keyPem } };
  return { token: TOKEN };
}

function bodyOf(trace: Trace, memory: Memory, request: string | undefined): string | undefined {
  const { body } = trace.request;
  if (body === null) return undefined;
  if (typeof body === 'string') return body;
  const own = JSON.stringify(memory.identities.translate(body), (key, value: Json) =>
    key === 'request' && request !== undefined ? request : value,
  );
  return own.replaceAll('<JWT>', memory.accountToken);
}

function remember(trace: Trace, sent: Sent, memory: Memory): void {
  memory.identities.learn(trace.response.body, sent.body);
  if (!isObject(sent.body)) return;
  const { metadata, status } = sent.body as { metadata?: JsonObject; status?: JsonObject };
  if (typeof metadata?.continue === 'string') memory.continueToken = metadata.continue;
  if (isObject(status) && typeof status.token === 'string') memory.accountToken = status.token;
  if (isObject(status) && typeof status.certificate === 'string')
    memory.certificatePem = Buffer.from(status.certificate, 'base64').toString();
}

function compare(trace: Trace, sent: Sent): readonly string[] {
  const recorded = eventsOf(trace.response.body);
  const headers = differences(trace.response.headers.Warning, headerText(sent.headers.warning), 'header Warning');
  const types = differences(
    trace.response.headers['Content-Type'],
    headerText(sent.headers['content-type']),
    'header Content-Type',
  );
  const status = differences(trace.response.status, sent.status, 'status');
  return [...status, ...headers, ...types, ...differences(normalise(recorded), normalise(sent.body), 'body')];
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** A recorded watch has the time of each event beside it. */
function eventsOf(body: Json): Json {
  if (!Array.isArray(body)) return body;
  return (body as readonly JsonObject[]).map((entry) =>
    isObject(entry) && entry.event !== undefined ? entry.event : entry,
  );
}

test('docs/embedded-clusters.md gives the reason of every exchange that is answered otherwise', () => {
  const text = readFileSync(new URL('../docs/embedded-clusters.md', import.meta.url), 'utf8');
  const section = /\n## Recorded exchanges\n(.*?)\n## /s.exec(text)?.[1] ?? '';
  const named = section
    .split('\n- ')
    .slice(1)
    .flatMap((item) => {
      const [, reason = '', files = ''] = /^(.*) \(([^()]*)\)\s*$/s.exec(item) ?? [];
      return [...files.matchAll(/`([^`]+)`/g)].map(([, file]) => [file, reason]);
    });
  assert.deepEqual(Object.fromEntries(named), LISTED);
});
