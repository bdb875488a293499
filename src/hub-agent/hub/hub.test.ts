import assert from 'node:assert/strict';
import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  createIds,
  type Json,
  type Store,
  seededRandom,
  silentLogger,
  systemClock,
  systemRandom,
} from '../../base/index.ts';
import type { Channel } from '../../protocol/index.ts';
import { memoryStore } from '../../store/index.ts';
import { networkDoor } from '../agent/door.ts';
import { createRequest, requestFor } from '../certificates.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';
import { clusterProjector } from './entries.ts';
import { createHubLink, type HubLink } from './index.ts';

let store: Store;
let hub: HubLink;
let door: HubDoor;
let dir: string;
let nowMs = 0;
const clock = { ...systemClock, now: () => Date.now() + nowMs };

beforeEach(async () => {
  nowMs = 0;
  dir = mkdtempSync(join(tmpdir(), 'ldc-hub-'));
  store = memoryStore({
    clock,
    random: systemRandom,
    logger: silentLogger,

    projectors: [clusterProjector],
  } as Parameters<typeof memoryStore>[0]);
  hub = await createHubLink({
    store,
    clock,
    ids: createIds(clock, seededRandom(1)),
    random: systemRandom,
    logger: silentLogger,
    dir,
    listen: { host: '127.0.0.1', port: 0 },
    heartbeatMs: 200,
    hubName: 'test',
    desired: () => [],
  });
  await hub.start();
  door = networkDoor(hub.url, clock);
});
afterEach(() => hub.stop());

async function token(uses = 1, cluster?: string): Promise<string> {
  const made = await hub.registry.createToken({
    uses,
    ttlMs: 60_000,
    labels: { region: 'eu' },
    actor: 'user:test',
    ...(cluster === undefined ? {} : { cluster }),
  });
  assert.equal(made.kind, 'done');
  return made.kind === 'done' ? made.value.token : '';
}
async function enrol(name: string, text: string, through = door) {
  const { key, request } = await createRequest(name);
  const outcome = await through.enrol({ token: text, cluster: name, csr: request });
  return { outcome, key, request };
}
async function joined(name: string): Promise<StoredIdentity> {
  const { outcome, key } = await enrol(name, await token());
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
  return { ...(outcome.kind === 'done' ? outcome.value : ({} as never)), key };
}
const HELLO: Json = {
  kind: 'hello',
  v: 1,
  agentVersion: '0',
  kubernetesVersion: 'v1.34.0',
  apis: [],
  capacity: {
    nodes: 1,
    readyNodes: 1,
    allocatable: { cpuMilli: 1, memoryBytes: 1, pods: 1 },
    requested: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
  },
  sealKey:
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==',
  highestEpoch: 0,
  held: [],
  openCommands: [],
};
async function open(identity: StoredIdentity): Promise<{ channel: Channel; welcome: Json; closed: Promise<string> }> {
  const outcome = await door.open(identity, new AbortController().signal);
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
  const channel = outcome.kind === 'done' ? outcome.value : (undefined as never);
  const closed = new Promise<string>((resolve) => channel.onClose(resolve));
  const welcome = new Promise<Json>((resolve) => channel.onMessage(resolve));
  channel.send(HELLO);
  return { channel, welcome: await welcome, closed };
}
const kindOf = (outcome: { kind: string; refusal?: { kind: string } }) => outcome.refusal?.kind ?? outcome.kind;

describe('joining a hub', () => {
  it('a cluster joins with a token, gets the labels of the token, and is welcomed under its own name', async () => {
    const identity = await joined('eu-1');
    const { welcome, channel } = await open(identity);
    assert.equal((welcome as { cluster: string }).cluster, 'eu-1');
    assert.ok(hub.link.connected('eu-1'));
    assert.deepEqual(hub.registry.cluster('eu-1')?.labels, { region: 'eu' });
    assert.equal(hub.registry.cluster('eu-1')?.kubernetesVersion, 'v1.34.0');
    assert.equal(statSync(join(dir, 'ca.key')).mode & 0o777, 0o600);
    channel.close('done');
  });

  it('a use is bound to the key: the same key may repeat, another may not', async () => {
    const text = await token(1);
    const first = await enrol('eu-1', text);
    assert.equal(first.outcome.kind, 'done');
    assert.equal((await door.enrol({ token: text, cluster: 'eu-1', csr: first.request })).kind, 'done');
    assert.equal(kindOf((await enrol('eu-2', text)).outcome), 'tokenUsed');
    assert.equal(hub.registry.tokens()[0]?.usesLeft, 0);
  });

  it('of two agents at once only one gets the last use', async () => {
    const text = await token(1);
    const both = await Promise.all([enrol('a', text), enrol('b', text)]);
    assert.deepEqual(both.map(({ outcome }) => outcome.kind).sort(), ['done', 'refused']);
  });

  it('refuses an expired, a revoked, an unknown and a foreign token, and a name that is taken', async () => {
    const text = await token(5);
    const id = text.split('.')[1] as string;
    await joined('eu-1');
    assert.equal(kindOf((await enrol('eu-1', text)).outcome), 'clusterExists');
    assert.equal(kindOf((await enrol('Not A Name', text)).outcome), 'invalid');
    assert.equal(kindOf((await enrol('x', `${text.slice(0, -64)}${'0'.repeat(64)}`)).outcome), 'anotherHub');
    assert.equal(kindOf((await enrol('x', 'rubbish')).outcome), 'token');
    assert.equal(kindOf((await enrol('x', await token(1, 'y'))).outcome), 'token');
    nowMs = 61_000;
    assert.equal(kindOf((await enrol('x', text)).outcome), 'tokenExpired');
    nowMs = 0;
    await hub.registry.revokeToken(id, 'user:test');
    assert.equal(kindOf((await enrol('x', text)).outcome), 'token');
  });

  it('a certificate that ran out is told apart, and the same key comes in again by a new token', async () => {
    const identity = await joined('eu-1');
    const dial = () => door.open(identity, new AbortController().signal);
    nowMs = 31 * 24 * 3_600_000;
    const late = await dial();
    assert.equal(kindOf(late), 'certificateExpired');
    assert.match(late.kind === 'refused' ? String(late.refusal.hint) : '', /ldc cluster token/);
    const csr = await requestFor(identity.key, 'eu-1');
    const again = await door.enrol({ token: await token(1), cluster: 'eu-1', csr });
    assert.equal(again.kind, 'done');
    nowMs = 0;
  });

  it('a removed cluster is refused: its live line at once, and every later one', async () => {
    const identity = await joined('eu-1');
    const { closed } = await open(identity);
    await hub.registry.remove('eu-1', 'user:test', 'gone');
    await closed;
    assert.ok(!hub.link.connected('eu-1'));
    assert.equal(kindOf(await door.open(identity, new AbortController().signal)), 'clusterRemoved');
    assert.equal(hub.registry.clusters().length, 0);
  });

  it('what is given up with a cluster is told in its chain before its end', async () => {
    await joined('eu-1');
    await hub.registry.remove('eu-1', 'user:test', 'burnt', [{ location: 'default/shop/web@eu-1', kind: 'undo' }]);
    const [forgotten, removed] = store.journal.chain('cluster/eu-1').slice(-2);
    assert.deepEqual([forgotten?.type, removed?.type], ['cluster.owedForgotten', 'cluster.removed']);
    assert.deepEqual(forgotten?.data, {
      ...{ name: 'eu-1', reason: 'burnt', count: 1 },
      owed: [{ location: 'default/shop/web@eu-1', kind: 'undo' }],
    });
    assert.equal(forgotten?.actor, 'user:test');
  });

  it('a certificate of another authority is refused, and one that is absent', async () => {
    const identity = await joined('eu-1');
    const other = await createHubLink({
      ...{ clock, random: systemRandom, logger: silentLogger, ids: createIds(clock, seededRandom(2)) },
      store: memoryStore({
        clock,
        random: systemRandom,
        logger: silentLogger,

        projectors: [clusterProjector],
      } as Parameters<typeof memoryStore>[0]),
      dir: mkdtempSync(join(tmpdir(), 'ldc-hub-')),
      listen: { host: '127.0.0.1', port: 0 },
      heartbeatMs: 200,
      hubName: 'other',
      desired: () => [],
    });
    const { key, request } = await createRequest('eu-1');
    const made = await other.registry.createToken({ uses: 1, ttlMs: 1_000, labels: {}, actor: 'x' });
    const foreign = await other.joining.enrol({
      token: made.kind === 'done' ? made.value.token : '',
      cluster: 'eu-1',
      csr: request,
    });
    assert.equal(foreign.kind, 'done');
    const certificate = foreign.kind === 'done' ? foreign.value.certificate : '';
    const signal = new AbortController().signal;
    assert.notEqual((await door.open({ ...identity, certificate, key }, signal)).kind, 'done');
  });

  it('renews for the same key only; the new certificate opens a line', async () => {
    const identity = await joined('eu-1');
    nowMs = 5_000;
    const renewed = await door.renew(identity, await requestFor(identity.key, 'eu-1'));
    const { certificate } = renewed.kind === 'done' ? renewed.value : assert.fail(JSON.stringify(renewed));
    assert.notEqual(certificate, identity.certificate);
    const { channel, welcome } = await open({ ...identity, certificate });
    assert.equal((welcome as { cluster: string }).cluster, 'eu-1');
    channel.close('done');
    const { request } = await createRequest('eu-1');
    assert.equal(kindOf(await door.renew(identity, request)), 'invalid');
  });

  it('a line that goes silent ends, and what was under way is unknown', async () => {
    const identity = await joined('eu-1');
    const { closed } = await open(identity);
    const command = { id: 'tx/1/do', epoch: 1, body: { kind: 'cancel', command: 'x' } } as const;
    const outcome = hub.link.execute('eu-1', command, { timeoutMs: 10_000 });
    assert.equal((await outcome).kind, 'unknown');
    await closed;
    assert.equal((await hub.link.execute('eu-1', command, { timeoutMs: 10 })).kind, 'unknown');
  });
});
