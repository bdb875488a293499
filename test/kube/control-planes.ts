/** Real control planes for tests: one line starts one, and it is gone when the suite ends, however it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock, type Logger, silentLogger } from '../../src/base/index.ts';
import { type Client, connect } from '../../src/kubernetes/index.ts';
import {
  CannotBuild,
  type ControlPlane,
  type ControlPlaneOptions,
  type Minor,
  provideBinaries,
  startControlPlane,
} from '../../src/sim/real/index.ts';

export interface RealOptions {
  /** Default `control`: all parts. `api`: etcd and kube-apiserver only, up a second sooner. */
  readonly extent?: 'control' | 'api';
  /** Nodes of 8 cores, 16 GiB and 110 pods that kwok plays; default 2, with `api` none. */
  readonly nodes?: number;
  readonly apiServerFlags?: readonly string[];
  readonly logger?: Logger;
  /** State to start on; it stays. Default a temporary folder that `close` removes. */
  readonly folder?: string;
}

export interface Real {
  readonly controlPlane: ControlPlane;
  /** As administrator. */
  readonly client: Client;
  /** The administrator's, as YAML text; also in the file `kubeconfigPath`. */
  readonly kubeconfigText: string;
  readonly kubeconfigPath: string;
  close(): Promise<void>;
}

/**
 * Why no real control plane can be started here, for `describe(…, { skip })`; false when one can. Builds what is missing,
 * which takes minutes the first time.
 */
export const skip: string | false = await provide('1.34').then(
  () => false as const,
  (error) => {
    if (!(error instanceof CannotBuild)) throw error;
    return error.message;
  },
);

const running = new Set<Real>();

/** Starts a control plane of a Kubernetes minor. `after(() => real.close())` ends it; the process's end does too. */
export async function startReal(minor: Minor, options: RealOptions = {}): Promise<Real> {
  const { extent = 'control', logger = silentLogger, apiServerFlags } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'ldc-real-'));
  const remove = () => {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  const plan: ControlPlaneOptions = {
    name: `real-${minor}`,
    folder,
    binaries: await provide(minor),
    extent,
    unsafeNoFsync: true,
    simulatedNodes: nodes(options.nodes ?? (extent === 'api' ? 0 : 2)),
    ...(apiServerFlags === undefined ? {} : { apiServerFlags }),
    clock,
    logger,
  };
  const controlPlane = await startControlPlane(plan).catch((error: unknown) => {
    remove();
    throw error;
  });
  const client = await connect({ kind: 'kubeconfig', text: controlPlane.adminKubeconfig }, clock);
  const real: Real = {
    controlPlane,
    client,
    kubeconfigText: controlPlane.adminKubeconfig,
    kubeconfigPath: join(folder, 'admin.kubeconfig'),
    async close() {
      if (!running.delete(real)) return;
      await client.close();
      await controlPlane.close();
      remove();
    },
  };
  running.add(real);
  return real;
}

function nodes(count: number): NonNullable<ControlPlaneOptions['simulatedNodes']> {
  return Array.from({ length: count }, (_, index) => ({
    name: `node-${index + 1}`,
    capacity: { cpu: '8', memory: '16Gi', pods: '110' },
  }));
}

function provide(minor: Minor) {
  return provideBinaries(minor, { environment: process.env, clock, say: (line) => console.error(line) });
}

// a signal or an interrupted run: the tests' own hooks do not get their turn
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.allSettled([...running].map((real) => real.close())).then(() => process.exit(1));
  });
}
