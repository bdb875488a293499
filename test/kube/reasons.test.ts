/** The same causes on a real control plane, in its own words: the same chains as on an embedded cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { StreamItem, StreamRequest } from '../../src/protocol/index.ts';
import { LOCATION, type Rig, startRig } from '../hub-agent-rig.ts';
import { CAUSES, checkChain, makeGround, provoke } from '../reason-causes.ts';
import { type Real, skip, startReal } from './control-planes.ts';

describe('the cause is known above, on a real control plane', { skip }, () => {
  let real: Real;
  let rig: Rig;
  before(async () => {
    real = await startReal('1.34');
    rig = await startRig({ cluster: real.client });
    await makeGround(rig);
  });
  after(async () => {
    await rig?.close();
    await real?.close();
  });

  for (const cause of CAUSES.filter(({ only }) => only !== 'embedded')) {
    it(cause.name, async (test) => {
      const { reasons, tookMs } = await provoke(rig, cause);
      checkChain(reasons, cause);
      test.diagnostic(`${Math.round(tookMs)} ms after it was applied`);
    });
  }

  it('its events are told as a stream, whoever wrote them in whatever dress', async () => {
    const request: StreamRequest = { kind: 'events', stack: LOCATION.stack, names: ['room', 'quota'], follow: false };
    const told: StreamItem[] = [];
    for await (const items of rig.hub.link.stream('eu-1', request, new AbortController().signal)) told.push(...items);
    const events = told.flatMap((item) => (item.kind === 'event' ? [item] : []));
    const seen = new Set(events.map(({ name, ref, reason }) => `${name} ${ref.kind} ${reason}`));
    for (const one of [
      'room Pod FailedScheduling',
      'room ReplicaSet SuccessfulCreate',
      'quota ReplicaSet FailedCreate',
    ]) {
      assert.ok(seen.has(one), `${one} is not among ${[...seen].join(', ')}`);
    }
    const times = events.map(({ at }) => Date.parse(at));
    assert.ok(times.every((at) => at > 0));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
      'oldest first',
    );
  });

  it('a pod whose node gives no log says so, and one that never ran says why', async () => {
    const request: StreamRequest = {
      kind: 'logs',
      stack: LOCATION.stack,
      names: ['pull', 'unready'],
      follow: false,
      previous: false,
    };
    const told: StreamItem[] = [];
    for await (const items of rig.hub.link.stream('eu-1', request, new AbortController().signal)) told.push(...items);
    const notes = told.flatMap((item) => (item.kind === 'note' ? [`${item.name}: ${item.message}`] : []));
    assert.ok(
      notes.some((note) => /^pull: pod pull-\S+, container c: (ImagePullBackOff|ErrImagePull): /.test(note)),
      notes.join('; '),
    );
    assert.ok(
      notes.some((note) => /^unready: \S+/.test(note)),
      notes.join('; '),
    );
  });
});
