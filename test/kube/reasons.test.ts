/** The same causes on a real control plane, in its own words: the same chains as on an embedded cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../../src/base/index.ts';
import type { StreamItem, StreamRequest } from '../../src/protocol/index.ts';
import { deploy, deployment, LOCATION, output, type Rig, startRig } from '../hub-agent-rig.ts';
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

  it('a container without a probe that ends half a second after it was ready holds the gate, and says how it ended', async () => {
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
    await rig.write('POST', '/api/v1/namespaces', space);
    const object = deployment('dies', 'a:1', 1);
    const spec = object.spec as { template: { metadata: object } };
    const metadata = { ...spec.template.metadata, annotations: { 'sim.ldc.dev/outcome': 'crash' } };
    const dies = { ...object, spec: { ...spec, template: { ...spec.template, metadata } } } as unknown as KubeObject;
    const bundle = await rig.bundle(1_000, [dies]);
    output((await deploy(rig, 1_000, bundle)).outcome, 'receipt');
    const outcome = await rig.run({ kind: 'gate', location: LOCATION, bundle, deadlineMs: 6_000, minReadyMs: 2_000 });
    assert.equal(outcome.kind, 'refused', JSON.stringify(outcome));
    assert.match(JSON.stringify(outcome), /apps\/Deployment shop\/dies is not ready: .*exit code 1/);
  });
});
