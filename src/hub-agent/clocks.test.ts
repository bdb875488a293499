/** Clocks that are off. TLS reads the clock of this process, which is the agent's here; the hub's is another. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { type Clock, createIds, seededRandom, silentLogger, systemClock, systemRandom } from '../base/index.ts';
import { memoryStore } from '../store/index.ts';
import { networkDoor } from './agent/door.ts';
import { createRequest, requestFor } from './certificates.ts';
import { clusterProjector } from './hub/entries.ts';
import { createHubLink } from './hub/index.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const open: { stop(): Promise<void>; dir: string }[] = [];
afterEach(async () => {
  for (const { stop, dir } of open.splice(0)) {
    await stop();
    rmSync(dir, { recursive: true });
  }
});

async function hubWith(offMs: number) {
  const off = { ms: offMs };
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + off.ms };
  const dir = mkdtempSync(join(tmpdir(), 'ldc-clocks-'));
  const base = { clock, random: systemRandom, logger: silentLogger };
  const hub = await createHubLink({
    ...{ ...base, dir, store: memoryStore({ ...base, projectors: [clusterProjector] }) },
    ...{ ids: createIds(clock, seededRandom(1)), listen: { host: '127.0.0.1', port: 0 }, heartbeatMs: MINUTE },
    ...{ hubName: 'test', desired: () => [] },
  });
  await hub.start();
  open.push({ stop: () => hub.stop(), dir });
  const made = await hub.registry.createToken({ uses: 1, ttlMs: MINUTE, labels: {}, actor: 'user:test' });
  const token = made.kind === 'done' ? made.value.token : assert.fail('no token');
  const { key, request } = await createRequest('eu-1');
  const door = networkDoor(hub.url, systemClock);
  return { off, door, key, enrol: () => door.enrol({ token, cluster: 'eu-1', csr: request }) };
}

describe("the hub's clock", () => {
  for (const minutes of [10, -10, 50, -50]) {
    it(`is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead' : 'behind'}: an agent joins, opens its line and renews`, async () => {
      const { door, key, enrol } = await hubWith(minutes * MINUTE);
      const enrolled = await enrol();
      const own = enrolled.kind === 'done' ? { ...enrolled.value, key } : assert.fail(JSON.stringify(enrolled));
      const line = await door.open(own, new AbortController().signal);
      assert.equal(line.kind, 'done', JSON.stringify(line));
      assert.equal((await door.renew(own, await requestFor(key, 'eu-1'))).kind, 'done');
    });
  }

  for (const [what, offMs] of [
    ['is hours ahead', 2 * 60 * MINUTE],
    ['is months behind', -100 * DAY],
  ] as const) {
    it(`${what}: the agent goes on trying, and says that it is a matter of clocks`, async () => {
      const { enrol } = await hubWith(offMs);
      const outcome = await enrol();
      assert.equal(outcome.kind, 'retry');
      assert.match(
        outcome.kind === 'retry' ? outcome.reason : '',
        /certificate .* by the clock of this machine: compare/,
      );
    });
  }

  it('is set right after it was a day behind: who joined before is known, its certificate is renewed as usual', async () => {
    const { off, door, key, enrol } = await hubWith(-DAY);
    const enrolled = await enrol();
    const own = enrolled.kind === 'done' ? { ...enrolled.value, key } : assert.fail(JSON.stringify(enrolled));
    off.ms = 0;
    assert.equal((await door.open(own, new AbortController().signal)).kind, 'done');
    assert.equal((await door.renew(own, await requestFor(key, 'eu-1'))).kind, 'done');
  });
});
