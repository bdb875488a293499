/** The embedded judge: one embedded cluster, with controllers, kubelet and all. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KubeObject, silentLogger, systemClock, systemRandom } from '../../src/base/index.ts';
import { connect } from '../../src/kubernetes/index.ts';
import { regionNames, startFleet } from '../../src/sim/index.ts';
import type { Judge } from './judge.ts';

/** More writes than an embedded server remembers. */
const FORGOTTEN_AFTER = 4_100;

export async function embeddedJudge(): Promise<Judge & { close(): Promise<void> }> {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-conformance-'));
  const fleet = await startFleet({
    stateDir,
    clusters: regionNames(1),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    clientFor: (text) => connect({ kind: 'kubeconfig', text }, systemClock),
  });
  const [cluster] = fleet.clusters;
  assert.ok(cluster);
  return {
    name: 'embedded',
    kubeconfig: readFileSync(cluster.kubeconfigPath, 'utf8'),
    async forget() {
      const marker = (at: number): KubeObject => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'forgetting', namespace: 'default' },
        data: { at: String(at) },
      });
      cluster.door?.create('configmaps', marker(0), 'test');
      for (let at = 1; at < FORGOTTEN_AFTER; at++) cluster.door?.update('configmaps', marker(at), 'test');
    },
    async close() {
      await fleet.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
