/** A container without a probe is ready by having been started: one that ends a moment later must not pass. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubeObject } from '../src/base/index.ts';
import { deploy, deployment, type Living, LOCATION, output, type Rig, startLiving, startRig } from './hub-agent-rig.ts';

describe('a gate over containers without a probe', () => {
  let living: Living;
  let rig: Rig;
  let revision = 0;
  before(async () => {
    living = await startLiving();
    rig = await startRig({ cluster: living.cluster });
    await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  });
  after(async () => {
    await rig?.close();
    await living?.close();
  });

  async function gated(name: string, outcome: string | undefined, waits: { deadlineMs: number; minReadyMs?: number }) {
    const bundle = await rig.bundle(++revision, [fared(deployment(name, 'a:1', 2), outcome)]);
    output((await deploy(rig, revision, bundle)).outcome, 'receipt');
    return rig.run({ kind: 'gate', location: LOCATION, bundle, ...waits });
  }

  it('one that ends half a second after it was ready is refused, and how it ended is said', async () => {
    const outcome = await gated('dies', 'crash', { deadlineMs: 4_000, minReadyMs: 2_000 });
    assert.equal(outcome.kind, 'refused', JSON.stringify(outcome));
    const refusal = outcome.kind === 'refused' ? outcome.refusal : undefined;
    assert.equal(refusal?.kind, 'notReady');
    assert.match(refusal?.message ?? '', /^apps\/Deployment shop\/dies is not ready: .*exit code 1/);
  });

  it('one that goes on passes after that time, and at once where none is asked', async () => {
    const calm = output(await gated('runs', undefined, { deadlineMs: 30_000, minReadyMs: 1_000 }), 'gate');
    assert.ok(calm.tookMs >= 1_000, `passed after ${calm.tookMs} ms`);
    output(await gated('quick', undefined, { deadlineMs: 30_000 }), 'gate');
  });

  it('a deadline below that time takes what is ready as it is', async () => {
    const late = output(await gated('late', undefined, { deadlineMs: 1_500, minReadyMs: 60_000 }), 'gate');
    assert.equal(late.ready, 1);
  });
});

/** `outcome` as the annotation `sim.ldc.dev/outcome` of its pods. */
function fared(object: KubeObject, outcome: string | undefined): KubeObject {
  if (outcome === undefined) return object;
  const spec = object.spec as { template: { metadata: object } };
  const metadata = { ...spec.template.metadata, annotations: { 'sim.ldc.dev/outcome': outcome } };
  return { ...object, spec: { ...spec, template: { ...spec.template, metadata } } } as unknown as KubeObject;
}
