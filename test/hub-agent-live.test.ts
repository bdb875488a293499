/** Against an embedded cluster that lives: controllers, scheduler, kubelet. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { systemClock as clock, systemRandom as random, silentLogger } from '../src/base/index.ts';
import { connect } from '../src/kubernetes/index.ts';
import { regionNames, startFleet } from '../src/sim/index.ts';
import { deployment, LOCATION, output, refusalKind, startRig } from './hub-agent-rig.ts';

it('a good revision passes its gate; a broken one is refused with its reason, and its undo is equal and ready again', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-live-'));
  chmodSync(stateDir, 0o755);
  const clientFor = (text: string) => connect({ kind: 'kubeconfig', text }, clock);
  const fleet = await startFleet({
    stateDir,
    clusters: regionNames(1),
    clock,
    random,
    logger: silentLogger,
    clientFor,
  });
  const path = fleet.clusters[0]?.kubeconfigPath ?? assert.fail('no cluster');
  const rig = await startRig({ cluster: await clientFor(readFileSync(path, 'utf8')) });
  try {
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
    await rig.write('POST', '/api/v1/namespaces', space);
    const first = await rig.bundle(1, [deployment('checkout', 'good:1')]);
    const empty = output(
      await rig.run({ kind: 'snapshot', location: LOCATION, bundle: first, previous: null }),
      'snapshot',
    );
    output(
      await rig.run({ kind: 'apply', location: LOCATION, revision: 1, bundle: first, preImages: empty.preImages }),
      'receipt',
    );
    output(await rig.run({ kind: 'gate', location: LOCATION, bundle: first, deadlineMs: 15_000 }), 'gate');
    const bad = deployment('checkout', 'bad:1');
    const template = (bad.spec as { template: { metadata: object } }).template;
    const failing = {
      ...template,
      metadata: { ...template.metadata, annotations: { 'sim.ldc.dev/outcome': 'pullError' } },
    };
    const second = await rig.bundle(2, [
      { ...bad, spec: { ...(bad.spec as object), template: failing } } as typeof bad,
    ]);
    const { preImages } = output(
      await rig.run({ kind: 'snapshot', location: LOCATION, bundle: second, previous: first }),
      'snapshot',
    );
    output(await rig.run({ kind: 'apply', location: LOCATION, revision: 2, bundle: second, preImages }), 'receipt');
    const gate = await rig.run({ kind: 'gate', location: LOCATION, bundle: second, deadlineMs: 3_000 });
    assert.equal(refusalKind(gate), 'notReady');
    assert.match(JSON.stringify(gate), /ImagePull/);
    const previous = { revision: 1, bundle: first };
    output(await rig.run({ kind: 'undo', location: LOCATION, bundle: second, preImages, previous }), 'receipt');
    const locations = [{ location: LOCATION, preImages, bundle: second }];
    const verified = output(await rig.run({ kind: 'verify', locations }), 'verify');
    assert.deepEqual(verified.differences, []);
  } finally {
    await rig.close();
    await fleet.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
});
