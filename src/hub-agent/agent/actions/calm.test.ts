import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KubeObject, refOf, SimulatedClock } from '../../../base/index.ts';
import type { Client, ObjectStatus } from '../../../kubernetes/index.ts';
import { createCalm } from './calm.ts';

const READY: ObjectStatus = { status: 'current', message: '1 of 1 containers ready' };

/** A pod whose container was started again so many times, as it was seen. */
function seen(restartCount: number, status: ObjectStatus = READY) {
  const object = {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop', uid: 'u-1' } },
    status: { containerStatuses: [{ name: 'app', restartCount, lastState: { terminated: { exitCode: 3 } } }] },
  } as unknown as KubeObject;
  return [{ ref: refOf(object), object, status }];
}

function calmOf(minReadyMs: number) {
  const clock = new SimulatedClock();
  const calm = createCalm({ clock, client: undefined as unknown as Client }, minReadyMs);
  return { clock, calm };
}

describe('what looks ready', () => {
  it('is taken at once where nothing says otherwise', async () => {
    const { calm } = calmOf(0);
    assert.equal((await calm.judge(seen(5), false)).proven, true);
  });

  it('must stay so for as long as it is asked for, and the time left is said', async () => {
    const { clock, calm } = calmOf(2_000);
    assert.deepEqual(await calm.judge(seen(5), false), { unwell: [], proven: false, waitMs: 2_000 });
    await clock.advance(500);
    assert.deepEqual(await calm.judge(seen(5), false), { unwell: [], proven: false, waitMs: 1_500 });
    await clock.advance(1_500);
    assert.equal((await calm.judge(seen(5), false)).proven, true);
  });

  it('begins anew when a container ended between two looks that both found it ready', async () => {
    const { clock, calm } = calmOf(2_000);
    await calm.judge(seen(0), false);
    await clock.advance(2_000);
    const { unwell, proven } = await calm.judge(seen(1), false);
    assert.equal(proven, false);
    assert.equal(
      unwell[0]?.status.message,
      'container app of web was ready, and ended with exit code 3 a moment later',
    );
    assert.equal((await calm.judge(seen(1), false)).waitMs, 2_000);
    await clock.advance(2_000);
    assert.equal((await calm.judge(seen(1), false)).proven, true, 'it was mended');
  });

  it('begins anew after a moment in which it was not', async () => {
    const { clock, calm } = calmOf(2_000);
    await calm.judge(seen(0), false);
    await clock.advance(1_000);
    await calm.judge(seen(0, { status: 'inProgress', message: '0 of 1' }), false);
    await clock.advance(1_000);
    assert.equal((await calm.judge(seen(0), false)).waitMs, 2_000);
  });

  it('is taken when the time is over, but not when it has ended before: a crash loop is ready now and then', async () => {
    const { calm } = calmOf(2_000);
    assert.equal((await calm.judge(seen(0), true)).proven, true);
    const crashing = calmOf(2_000);
    await crashing.calm.judge(seen(0), false);
    await crashing.clock.advance(2_000);
    await crashing.calm.judge(seen(1), false);
    await crashing.calm.judge(seen(1), false);
    await crashing.clock.advance(100);
    const late = await crashing.calm.judge(seen(1), true);
    assert.match(late.unwell[0]?.status.message ?? '', /ended with exit code 3/);
  });

  it('is looked at for two seconds where nothing ties it to the newest spec', async () => {
    const { clock, calm } = calmOf(0);
    const unproven: ObjectStatus = { ...READY, unproven: true };
    assert.deepEqual(await calm.judge(seen(0, unproven), false), { unwell: [], proven: false, waitMs: 0 });
    await clock.advance(2_000);
    assert.equal((await calm.judge(seen(0, unproven), false)).proven, true);
  });
});
