import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  type Clock,
  createIds,
  type Outcome,
  SimulatedClock,
  seededRandom,
  silentLogger,
  systemRandom,
} from '../../base/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createRequest, publicKeyOfRequest } from '../certificates.ts';
import { clusterProjector } from '../hub/entries.ts';
import { createHubLink, type HubLink } from '../hub/index.ts';
import type { Enrolled, HubDoor, StoredIdentity } from '../types.ts';
import { certified, keepFresh } from './identity.ts';
import type { Memory } from './memory.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let clock: SimulatedClock;
let dir: string;
let hub: HubLink;
let kept: StoredIdentity | undefined;
let token: string;
let renewals: number;
let away: boolean;
/** The hub's clock against the agent's. */
let hubOffMs = 0;
const memory = {
  identity: async () => kept,
  saveIdentity: async (identity: StoredIdentity) => {
    kept = identity;
  },
} as unknown as Memory;
const door: HubDoor = {
  enrol: (request) => hub.joining.enrol(request),
  async renew(identity, csr): Promise<Outcome<Enrolled>> {
    renewals++;
    if (away) return { kind: 'retry', afterMs: 1_000, reason: 'the hub is away' };
    return hub.joining.renew(
      hub.joining.current({ cluster: identity.cluster, publicKey: publicKeyOfRequest(csr) }),
      csr,
    );
  },
  open: () => assert.fail('no line here'),
};

beforeEach(async () => {
  clock = new SimulatedClock(Date.parse('2026-01-01T00:00:00Z'));
  dir = mkdtempSync(join(tmpdir(), 'ldc-identity-'));
  kept = undefined;
  renewals = 0;
  away = false;
  hubOffMs = 0;
  const hubClock = hubClockOf(clock);
  const base = { clock: hubClock, random: systemRandom, logger: silentLogger };
  hub = await createHubLink({
    ...base,
    store: memoryStore({ ...base, projectors: [clusterProjector] }),
    ids: createIds(clock, seededRandom(1)),
    dir,
    listen: { host: '127.0.0.1', port: 0 },
    heartbeatMs: HOUR, // its timers are not what is looked at
    hubName: 'test',
    desired: () => [],
  });
  token = await anotherToken();
});
afterEach(async () => {
  await hub.stop();
  rmSync(dir, { recursive: true });
});

async function anotherToken(): Promise<string> {
  const made = await hub.registry.createToken({ uses: 1, ttlMs: HOUR, labels: {}, actor: 'user:test' });
  return made.kind === 'done' ? made.value.token : assert.fail('no token');
}

/** The same time, shown by another clock. */
function hubClockOf(given: SimulatedClock): Clock {
  return {
    now: () => given.now() + hubOffMs,
    monotonic: () => given.monotonic(),
    after: (delayMs, run) => given.after(delayMs, run),
    sleep: (delayMs, signal) => given.sleep(delayMs, signal),
  };
}

function start(identity: StoredIdentity) {
  const stopping = new AbortController();
  const fresh: StoredIdentity[] = [];
  const parts = { memory, door, clock, random: seededRandom(3), logger: silentLogger, signal: stopping.signal };
  const cancel = keepFresh(parts, identity, (one) => fresh.push(one));
  return {
    fresh,
    stop() {
      stopping.abort();
      cancel();
    },
  };
}

const candidate = () => ({ door, join: { token, name: 'eu-1' }, uid: 'uid-1', before: undefined });

/** Certificates are made outside the simulated time. */
async function settled(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 4_000 && !holds(); round++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(holds());
}

describe("an agent's certificate", () => {
  it('is renewed with the same key when a third of its life is left, not before, and again in time', async () => {
    const first = await certified(memory, candidate());
    const ends = Date.parse(new X509Certificate(first.certificate).validTo);
    assert.ok(Math.abs(ends - clock.now() - 30 * DAY) < HOUR);
    const keeping = start(first);
    await clock.advance(20 * DAY - 2 * HOUR);
    assert.equal(renewals, 0);
    await clock.advance(4 * HOUR);
    await settled(() => keeping.fresh.length === 1);
    const second = keeping.fresh[0] as StoredIdentity;
    assert.equal(second.key, first.key);
    assert.deepEqual(kept, second, 'kept in the cluster before it is used');
    const { validTo, subject } = new X509Certificate(second.certificate);
    assert.ok(Date.parse(validTo) > ends + 19 * DAY);
    assert.match(subject, /^CN=eu-1$/m);
    assert.ok(
      hub.joining.known({ cluster: 'eu-1', publicKey: hub.registry.cluster('eu-1')?.publicKey as string }),
      'the hub goes on knowing it',
    );
    await clock.advance(20 * DAY + 2 * HOUR);
    await settled(() => keeping.fresh.length === 2);
    keeping.stop();
  });

  it('is asked for each minute while the hub cannot give one', async () => {
    const first = await certified(memory, candidate());
    const keeping = start(first);
    away = true;
    await clock.advance(20 * DAY + 2 * HOUR);
    await settled(() => renewals > 0);
    for (let round = 0; round < 3; round++) {
      const before = renewals;
      await clock.advance(60_000);
      await settled(() => renewals === before + 1);
    }
    away = false;
    await clock.advance(60_000);
    await settled(() => keeping.fresh.length === 1);
    keeping.stop();
  });

  it('is due at the first look of an agent that was away so long', async () => {
    const first = await certified(memory, candidate());
    await clock.advance(25 * DAY);
    const keeping = start(first);
    await clock.advance(62_000);
    await settled(() => keeping.fresh.length === 1);
    keeping.stop();
  });

  it('carries the new name of its cluster from the next renewal on; who starts it by the former name gets the same', async () => {
    const first = await certified(memory, candidate());
    await hub.registry.rename('eu-1', 'eu-one', 'user:test', null);
    assert.equal(
      (await certified(memory, candidate())).certificate,
      first.certificate,
      'the key is what it is known by',
    );
    const keeping = start(first);
    await clock.advance(20 * DAY + 2 * HOUR);
    await settled(() => keeping.fresh.length === 1);
    keeping.stop();
    assert.equal(kept?.cluster, 'eu-one');
    assert.match(new X509Certificate(kept?.certificate ?? '').subject, /^CN=eu-one$/m);
    assert.deepEqual(await certified(memory, candidate()), kept);
    assert.equal(kept?.key, first.key);
  });

  it('is kept when the hub refuses a wish to be another cluster; asked again, the wish has the same key', async () => {
    const first = await certified(memory, candidate());
    const second = await anotherToken();
    const other = () => ({ ...candidate(), join: { token: second, name: 'us-1' } });
    await assert.rejects(certified(memory, other()), /has joined already, as eu-1/);
    const wished = kept?.wish;
    assert.equal(wished?.cluster, 'us-1');
    await assert.rejects(certified(memory, other()), /has joined already, as eu-1/);
    assert.deepEqual(kept?.wish, wished, 'a use of the token is bound to this key');
    const { wish: _, ...again } = await certified(memory, { ...candidate(), join: undefined });
    assert.deepEqual(again, first);
    await hub.registry.remove('eu-1', 'user:test', 'test');
    const granted = await certified(memory, other());
    assert.deepEqual([granted.cluster, granted.key, granted.wish], ['us-1', wished?.key, undefined]);
    assert.deepEqual(kept, granted);
  });

  for (const [what, minutes] of [
    ['ahead of', 10],
    ['behind', -10],
  ] as const) {
    it(`is good at once, and renewed in time, when the hub's clock is ${Math.abs(minutes)} minutes ${what} the agent's`, async () => {
      hubOffMs = minutes * 60_000;
      const first = await certified(memory, candidate());
      const { validFrom, validTo } = new X509Certificate(first.certificate);
      assert.ok(Date.parse(validFrom) < clock.now() - 45 * 60_000, 'it has begun for both');
      assert.ok(Math.abs(Date.parse(validTo) - clock.now() - 30 * DAY - hubOffMs) < 2_000);
      const keeping = start(first);
      await clock.advance(20 * DAY - 2 * HOUR);
      assert.equal(renewals, 0);
      await clock.advance(4 * HOUR);
      await settled(() => keeping.fresh.length === 1);
      keeping.stop();
    });
  }

  it("a hub's clock that is set back an hour after it certified and made tokens refuses neither", async () => {
    hubOffMs = HOUR;
    const made = await hub.registry.createToken({ uses: 1, ttlMs: 60_000, labels: {}, actor: 'user:test' });
    hubOffMs = 0;
    token = made.kind === 'done' ? made.value.token : assert.fail('no token');
    const first = await certified(memory, candidate());
    assert.ok(Date.parse(new X509Certificate(first.certificate).validFrom) <= clock.now());
  });

  it("a token runs out by the hub's clock alone: an agent whose clock is a day off joins all the same", async () => {
    hubOffMs = -DAY;
    const made = await hub.registry.createToken({ uses: 1, ttlMs: 60_000, labels: {}, actor: 'user:test' });
    token = made.kind === 'done' ? made.value.token : assert.fail('no token');
    assert.equal(
      (await hub.joining.enrol({ token, cluster: 'eu-1', csr: (await createRequest('eu-1')).request })).kind,
      'done',
    );
    hubOffMs += 61_000;
    const late = await hub.joining.enrol({ token, cluster: 'eu-2', csr: (await createRequest('eu-2')).request });
    assert.equal(late.kind === 'refused' && late.refusal.kind, 'tokenExpired');
  });
});
