import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JsonObject, SimulatedClock, silentLogger, timestamp } from '../../base/index.ts';
import type { ApiAnswer, ApiRequest, Client } from '../../kubernetes/index.ts';
import { createLeadership } from './lease.ts';

const DAY = 24 * 3_600_000;

/** One Lease behind an API server whose clock, as its first holder's, is `offMs` from the agent's. */
function server(clock: SimulatedClock, offMs: number) {
  let version = 1;
  let spec: JsonObject = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '' };
  const renewedByOther = () => {
    version++;
    spec = { ...spec, holderIdentity: 'other', renewTime: timestamp(clock.now() + offMs) };
  };
  const lease = () => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: 'ldc-agent',
      namespace: 'ldc-system',
      resourceVersion: String(version),
      creationTimestamp: timestamp(clock.now() + offMs),
    },
    spec,
  });
  const client = {
    async request({ method, body, urgent }: ApiRequest): Promise<ApiAnswer> {
      assert.equal(urgent, true, 'it does not wait behind other requests');
      if (method === 'PUT') {
        version++;
        spec = (body as unknown as { spec: JsonObject }).spec;
      }
      return { kind: 'answered', status: 200, headers: {}, warnings: [], body: lease() } as unknown as ApiAnswer;
    },
  } as unknown as Client;
  renewedByOther();
  return { client, renewedByOther, holder: () => spec.holderIdentity };
}

describe('the lease of a cluster', () => {
  for (const [what, offMs] of [
    ['right', 0],
    ['a day ahead', DAY],
    ['a day behind', -DAY],
  ] as const) {
    it(`is left to who renews it, and taken when nobody has for as long as it lasts, by a clock that only this agent reads (others' are ${what})`, async () => {
      const clock = new SimulatedClock();
      const { client, renewedByOther, holder } = server(clock, offMs);
      const mine = createLeadership({ client, clock, logger: silentLogger }, 'mine', {
        onLost: () => assert.fail('it was not lost'),
        isAsWritten: async () => true,
      });
      let taken = false;
      const stop = new AbortController();
      const acquired = mine.acquire(stop.signal).then(() => {
        taken = true;
      });
      for (let round = 0; round < 6; round++) {
        await clock.advance(10_000);
        renewedByOther();
      }
      assert.equal(taken, false, 'its holder is alive');
      await clock.advance(13_000);
      assert.equal(taken, false, 'it may still be');
      await clock.advance(5_000);
      await acquired;
      assert.equal(holder(), 'mine');
      await clock.advance(60_000);
      assert.ok(mine.isHeld());
      await mine.release();
    });
  }
});
