/** The agents' port as an attacker finds it: who may open a line, what a token is good for, what one agent can do to a hub. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import {
  systemClock as clock,
  createIds,
  cutSecret,
  digestOf,
  type Json,
  type KubeObject,
  type Logger,
  type Outcome,
  systemRandom as random,
} from '../src/base/index.ts';
import { createAuthority, createRequest, issueAgent } from '../src/hub-agent/certificates.ts';
import { HUB_SERVER_NAME } from '../src/hub-agent/hub-identity.ts';
import { clusterProjector, createHubLink, type HubLink, networkDoor } from '../src/hub-agent/index.ts';
import type { StoredIdentity } from '../src/hub-agent/types.ts';
import { splitMessage } from '../src/protocol/frames.ts';
import { type Channel, createSealKey, sealJson } from '../src/protocol/index.ts';
import { memoryStore } from '../src/store/index.ts';

const ids = createIds(clock, random);
const logged: string[] = [];
const logger: Logger = {
  debug: (fields, text) => void logged.push(JSON.stringify([fields, text])),
  info: (fields, text) => void logged.push(JSON.stringify([fields, text])),
  warn: (fields, text) => void logged.push(JSON.stringify([fields, text])),
  error: (fields, text) => void logged.push(JSON.stringify([fields, text])),
  child: () => logger,
};
const dir = mkdtempSync(join(tmpdir(), 'ldc-security-'));
const store = memoryStore({ clock, random, logger, projectors: [clusterProjector] });
let hub: HubLink;
let port: number;

before(async () => {
  hub = await createHubLink({
    ...{ store, clock, ids, random, logger, dir, hubName: 'test', heartbeatMs: 1_000, desired: () => [] },
    listen: { host: '127.0.0.1', port: 0 },
  });
  await hub.start();
  port = Number(new URL(hub.url).port);
});
after(async () => {
  await hub.stop();
  rmSync(dir, { recursive: true });
});

async function tokenOf(options: { uses?: number; cluster?: string; ttlMs?: number } = {}): Promise<string> {
  const { uses = 1, ttlMs = 60_000, cluster } = options;
  const named = cluster === undefined ? {} : { cluster };
  const made = await hub.registry.createToken({ uses, ttlMs, labels: {}, actor: 'user:test', ...named });
  assert.equal(made.kind, 'done');
  return made.kind === 'done' ? made.value.token : '';
}

const door = () => networkDoor(hub.url, clock);
const refusalOf = (outcome: Outcome<unknown>) => (outcome.kind === 'refused' ? outcome.refusal.kind : outcome.kind);

async function join1(name: string): Promise<StoredIdentity> {
  const { key, request } = await createRequest(name);
  const enrolled = await door().enrol({ token: await tokenOf(), cluster: name, csr: request });
  assert.equal(enrolled.kind, 'done', JSON.stringify(enrolled));
  return { ...(enrolled as { value: Omit<StoredIdentity, 'key'> }).value, key };
}

const CAPACITY = {
  nodes: 1,
  readyNodes: 1,
  allocatable: { cpuMilli: 1, memoryBytes: 1, pods: 1 },
  requested: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
};
const own = createSealKey();
const HELLO = {
  ...{ kind: 'hello', v: 1, agentVersion: 't', kubernetesVersion: 'v1', apis: [], capacity: CAPACITY },
  ...{ sealKey: own.publicKey, highestEpoch: 0, held: [], openCommands: [] },
};

async function lineOf(identity: StoredIdentity): Promise<Channel> {
  const opened = await door().open(identity, new AbortController().signal);
  assert.equal(opened.kind, 'done', JSON.stringify(opened));
  return (opened as { value: Channel }).value;
}

/** A line that has said hello, with what the hub says on it. */
async function greeted(identity: StoredIdentity) {
  const channel = await lineOf(identity);
  const heard: { kind: string; [key: string]: Json }[] = [];
  const waiting: (() => void)[] = [];
  let ended: string | undefined;
  const wakeAll = () => {
    for (const wake of waiting.splice(0)) wake();
  };
  channel.onClose((reason) => {
    ended = reason;
    wakeAll();
  });
  channel.onMessage((message) => {
    heard.push(message as (typeof heard)[number]);
    wakeAll();
  });
  const next = async (kind: string) => {
    for (;;) {
      const at = heard.findIndex((message) => message.kind === kind);
      if (at >= 0) return heard.splice(at, 1)[0] as (typeof heard)[number];
      assert.equal(ended, undefined, `the line ended before ${kind}`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  channel.send(HELLO as Json);
  const welcome = await next('welcome');
  return { channel, next, welcome };
}

const closing = (channel: Channel) => new Promise<string>((resolve) => channel.onClose(resolve));

describe('who may open a line', () => {
  it('nobody without a certificate, or with one of another authority under the same name', async () => {
    const { key, request } = await createRequest('eu-9');
    const other = await createAuthority('ldc test', clock.now(), random);
    const { certificate } = await issueAgent(other, request, 'eu-9', 60_000, clock.now(), random);
    const forged = { cluster: 'eu-9', certificate, key, ca: hub.caPem };
    assert.equal(refusalOf(await door().open(forged, new AbortController().signal)), 'unknownAgent');
    assert.equal(refusalOf(await door().renew(forged, request)), 'unknownAgent');
    for (const path of ['/agent', '/agent/', '/agent?x', '/', '//agent'])
      assert.match(await upgrade(path), /^HTTP\/1\.1 403 /, path);
  });

  it('no certificate whose cluster was removed: the open line ends, a new one and a renewal are refused', async () => {
    const identity = await join1('eu-removed');
    const { channel } = await greeted(identity);
    const ended = closing(channel);
    assert.equal((await hub.registry.remove('eu-removed', 'user:test', 'test')).kind, 'done');
    assert.match(await ended, /removed/);
    const way = door();
    assert.equal(refusalOf(await way.open(identity, new AbortController().signal)), 'clusterRemoved');
    const { request } = await createRequest('eu-removed');
    assert.equal(refusalOf(await way.renew(identity, request)), 'unknownAgent');
  });

  it('nothing below TLS 1.3', async () => {
    await assert.rejects(handshake({ maxVersion: 'TLSv1.2' }), /version|alert|reset|closed/i);
    assert.equal(await handshake({}), 'TLSv1.3');
  });

  it('a renewal keeps the key, and the name is the certificate’s, not the request’s', async () => {
    const identity = await join1('eu-renew');
    const { request } = await createRequest('eu-other');
    assert.equal(refusalOf(await door().renew(identity, request)), 'invalid');
  });

  it('a peer that resets the connection in the middle of an upgrade ends nothing', async () => {
    for (let count = 0; count < 20; count++) await resetDuringUpgrade(count % 4);
    assert.match(await upgrade('/agent'), /^HTTP\/1\.1 403 /);
  });

  it('so many lines of one cluster and no more; lines of others still open', async () => {
    const identity = await join1('eu-many');
    const open = await Promise.all(Array.from({ length: 4 }, () => lineOf(identity)));
    const fifth = await door().open(identity, new AbortController().signal);
    assert.equal(fifth.kind, 'retry', JSON.stringify(fifth));
    (await lineOf(await join1('eu-few'))).close('done');
    const [first] = open;
    first?.close('done');
    const again = async (): Promise<Outcome<Channel>> => {
      const outcome = await door().open(identity, new AbortController().signal);
      return outcome.kind === 'retry' ? clock.sleep(20).then(again) : outcome;
    };
    assert.equal((await again()).kind, 'done');
    for (const line of open) line.close('done');
  });
});

describe('join tokens', () => {
  const enrol = (token: string, cluster: string, csr: string) => hub.joining.enrol({ token, cluster, csr });

  it('one use is one key on one name: neither another key nor another name comes in by it', async () => {
    const token = await tokenOf();
    const [mine, theirs] = [await createRequest('a'), await createRequest('b')];
    assert.equal((await enrol(token, 'once-a', mine.request)).kind, 'done');
    assert.equal((await enrol(token, 'once-a', mine.request)).kind, 'done', 'a lost answer may be asked for again');
    assert.equal(refusalOf(await enrol(token, 'once-b', mine.request)), 'tokenUsed');
    assert.equal(refusalOf(await enrol(token, 'once-c', theirs.request)), 'tokenUsed');
  });

  it('of many at once exactly as many come in as it has uses', async () => {
    const token = await tokenOf({ uses: 3 });
    const requests = await Promise.all(Array.from({ length: 12 }, () => createRequest('x')));
    const outcomes = await Promise.all(requests.map(({ request }, index) => enrol(token, `race-${index}`, request)));
    assert.equal(outcomes.filter(({ kind }) => kind === 'done').length, 3);
  });

  it('a name belongs to the first key, however many ask for it at once', async () => {
    const token = await tokenOf({ uses: 20 });
    const requests = await Promise.all(Array.from({ length: 8 }, () => createRequest('x')));
    const outcomes = await Promise.all(
      requests.flatMap(({ request }) => [enrol(token, 'squat', request), enrol(token, 'squat', request)]),
    );
    const keys = new Set(outcomes.flatMap((one, index) => (one.kind === 'done' ? [index >> 1] : [])));
    assert.equal(keys.size, 1);
    for (const one of outcomes) if (one.kind !== 'done') assert.equal(refusalOf(one), 'clusterExists');
    const late = await createRequest('x');
    assert.equal(refusalOf(await enrol(token, 'squat', late.request)), 'clusterExists');
  });

  it('a removed cluster does not come back by the token that its agent still holds', async () => {
    const token = await tokenOf({ uses: 2 });
    const { request } = await createRequest('back');
    assert.equal((await enrol(token, 'back', request)).kind, 'done');
    await hub.registry.remove('back', 'user:test', 'test');
    assert.equal(refusalOf(await enrol(token, 'back', request)), 'tokenUsed');
    assert.equal((await enrol(await tokenOf(), 'back', request)).kind, 'done', 'a new token is a person’s will');
  });

  it('expired, revoked, another cluster’s, cut short and made up: refused, and none of them is told apart by its text', async () => {
    const { request } = await createRequest('x');
    const short = await tokenOf({ ttlMs: 1 });
    await clock.sleep(5);
    assert.equal(refusalOf(await enrol(short, 'late', request)), 'tokenExpired');
    const bound = await tokenOf({ cluster: 'only' });
    assert.equal(refusalOf(await enrol(bound, 'not-only', request)), 'token');
    const [version, id, secret, digest] = (await tokenOf()).split('.') as [string, string, string, string];
    for (const text of [`${version}.${id}.${secret.slice(1)}.${digest}`, `${version}.${id}..${digest}`, 'ldc1', ''])
      assert.equal(refusalOf(await enrol(text, 'made-up', request)), 'token', text);
    for (const name of ['', 'UPPER', '-a', 'a/b', 'a\nCN=hub', 'x'.repeat(64), '__proto__'])
      assert.equal(refusalOf(await enrol(await tokenOf(), name, request)), 'invalid', name);
  });

  it('is in no log and no document, as text', async () => {
    const token = await tokenOf();
    const { request } = await createRequest('quiet');
    assert.equal((await door().enrol({ token, cluster: 'quiet', csr: request })).kind, 'done');
    const secret = token.split('.')[2] as string;
    assert.ok(!logged.join('\n').includes(secret));
    assert.ok(!JSON.stringify(store.journal.read(0, 10_000)).includes(secret));
    assert.ok(!JSON.stringify(store.documents.list('joinToken')).includes(secret));
  });

  it('a body above the limit is not read to its end', async () => {
    const text = await post('/enrol', 'x'.repeat(200_000));
    assert.ok(text === '' || / 40[03] /.test(text), text.slice(0, 80));
  });
});

describe('an agent that has gone bad ends its own line and nothing else', () => {
  const alive = async () => (await greeted(await join1(`alive-${logged.length}`))).channel.close('done');

  it('a seal key that is none, values nested beyond any reader, pieces without text, a second hello', async () => {
    const identity = await join1('bad');
    for (const first of [{ ...HELLO, sealKey: 'AAAA' }, { ...HELLO, sealKey: '' }, { kind: 'heartbeat' }, 7]) {
      const channel = await lineOf(identity);
      channel.send(first as Json);
      await closing(channel);
    }
    const nested = JSON.stringify(HELLO).replace('"apis":[]', `"apis":${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    await sendRaw(identity, splitMessage(1, nested));
    await sendRaw(identity, splitMessage(1, 'no JSON'));
    const withoutText = Buffer.from([1, 0, 0, 0, 1]);
    await sendRaw(
      identity,
      Array.from({ length: 100 }, () => withoutText),
    );
    await sendRaw(identity, [Buffer.alloc(200_000)]);
    const { channel } = await greeted(identity);
    channel.send(HELLO as Json);
    await closing(channel);
    await alive();
  });

  it('is given only what its commands name; asking for another’s blobs, or many times, gives nothing', async () => {
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { p: 'aHVudGVyMg==' },
    };
    const { object, values } = cutSecret(secret, store.secrets.cutKey);
    await store.secrets.put(values);
    const theirs = await store.blobs.put({ objects: [object] } as unknown as Json);
    const { channel, next } = await greeted(await join1('nosy'));
    channel.send({ kind: 'need', digests: Array.from({ length: 5_000 }, () => theirs) });
    assert.equal((await next('blobMissing')).digest, theirs);
    channel.send({ kind: 'heartbeat', seq: 1, sentAtMs: 0 });
    await next('heartbeatAck');
    channel.close('done');
  });

  it('results of what it was not asked are dropped with what they carry; of another kind they say nothing', async () => {
    const { channel, next } = await greeted(await join1('liar'));
    const blob = { digest: digestOf({ planted: 1 }), value: { planted: 1 } };
    const outcome = { kind: 'done', value: { kind: 'gate', ready: 1, tookMs: 1 } };
    channel.send({ kind: 'result', id: 'tx-of-others/1/do', outcome, blobs: [blob] } as unknown as Json);
    const asked = hub.link.execute(
      'liar',
      { id: 'q1', epoch: store.epoch, body: { kind: 'snapshot', location: LOCATION, bundle: null, previous: null } },
      { timeoutMs: 5_000 },
    );
    await next('command');
    channel.send({ kind: 'result', id: 'q1', outcome, blobs: [blob] } as unknown as Json);
    const answered = await asked;
    assert.equal(answered.kind, 'unknown');
    assert.match(JSON.stringify(answered), /answered gate to snapshot/);
    assert.equal(store.blobs.get(blob.digest), undefined);
    channel.close('done');
  });

  it('cannot have a value that it does not know by naming its reference', async () => {
    const victim: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'v' },
      data: { p: 'dG9wIHNlY3JldA==' },
    };
    const { object, values } = cutSecret(victim, store.secrets.cutKey);
    await store.secrets.put(values);
    const { channel, next, welcome } = await greeted(await join1('thief'));
    const value = { location: LOCATION, objects: [{ ref: {}, object, digest: null, ready: null }] } as unknown as Json;
    const steal = async (id: string, blob: object) => {
      const asked = hub.link.execute(
        'thief',
        { id, epoch: store.epoch, body: { kind: 'snapshot', location: LOCATION, bundle: null, previous: null } },
        { timeoutMs: 5_000 },
      );
      await next('command');
      const output = { kind: 'snapshot', preImages: digestOf(value), objects: 1, present: 1 };
      channel.send({ kind: 'result', id, outcome: { kind: 'done', value: output }, blobs: [blob] } as unknown as Json);
      return asked;
    };
    const bare = await steal('t1', { digest: digestOf(value), value });
    assert.equal(bare.kind, 'unknown');
    const guess = Object.fromEntries([...values.keys()].map((reference) => [reference, 'a guess']));
    const secrets = sealJson(String(welcome.sealKey), guess, random);
    assert.equal((await steal('t2', { digest: digestOf(value), value, secrets })).kind, 'unknown');
    assert.equal(store.blobs.get(digestOf(value)), undefined);
    channel.close('done');
  });

  it('speaks of its own cluster only, whatever it writes', async () => {
    const { channel, next } = await greeted(await join1('talker'));
    const told = { location: LOCATION, revision: 1, bundle: digestOf(1), status: 'current', message: 'well' };
    channel.send({ kind: 'observed', observations: [told] } as unknown as Json);
    channel.send({ kind: 'heartbeat', seq: 1, sentAtMs: 0 });
    await next('heartbeatAck');
    assert.deepEqual(hub.registry.observations(LOCATION.cluster), []);
    assert.equal(hub.registry.observations('talker')[0]?.location.cluster, 'talker');
    channel.close('done');
  });
});

const LOCATION = {
  stack: { project: 'default', name: 'shop' },
  kind: 'function',
  name: 'f',
  cluster: 'victim',
} as const;

/** Frames as they are, past the channel; resolves when the hub has ended the line. */
function sendRaw(identity: StoredIdentity, frames: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const { ca, certificate: cert, key } = identity;
    const options: ClientOptions & ConnectionOptions = { ca, cert, key, servername: HUB_SERVER_NAME };
    const socket = new WebSocket(`wss://127.0.0.1:${port}/agent`, options);
    socket.on('open', () => {
      for (const frame of frames) socket.send(frame);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

function handshake(options: ConnectionOptions): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

/** Sends bytes over TLS without a certificate; what came back until the end. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => socket.write(text));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
const upgrade = (path: string) => exchange(`GET ${path} HTTP/1.1\r\nHost: hub\r\n${UPGRADE}\r\n\r\n`);
const post = (path: string, body: string) =>
  exchange(`POST ${path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);

function resetDuringUpgrade(afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const raw = connectTcp(port, '127.0.0.1');
    const socket = connectTls({ socket: raw, rejectUnauthorized: false }, () => {
      socket.write(`GET /agent HTTP/1.1\r\nHost: hub\r\n${UPGRADE}\r\n\r\n`);
      setTimeout(() => {
        raw.resetAndDestroy();
        resolve();
      }, afterMs);
    });
    socket.on('error', () => {});
    raw.on('error', () => {});
  });
}
