/** One embedded cluster for the matrix: all kubectls on it at once, each scenario in a namespace of its own. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '../../src/base/index.ts';
import { connect } from '../../src/kubernetes/index.ts';
import { type EmbeddedCluster, startFleet } from '../../src/sim/index.ts';

export interface Embedded {
  readonly cluster: EmbeddedCluster;
  /** An administrator's, as YAML. */
  readonly kubeconfig: string;
  close(): Promise<void>;
}

export async function startEmbedded(): Promise<Embedded> {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-kubectl-cluster-'));
  chmodSync(stateDir, 0o755);
  const fleet = await startFleet({
    stateDir,
    clusters: [{ name: 'c1', labels: {} }],
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    clientFor: (text) => connect({ kind: 'kubeconfig', text }, systemClock),
  });
  const [cluster] = fleet.clusters;
  if (cluster === undefined) throw new Error('no cluster was started');
  return {
    cluster,
    kubeconfig: readFileSync(cluster.kubeconfigPath, 'utf8'),
    async close() {
      await fleet.close();
      rmSync(stateDir, { recursive: true });
    },
  };
}
