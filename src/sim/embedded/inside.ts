import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import { type ApiServer, startApiServer } from '../api/index.ts';
import { startControllers } from '../controllers/index.ts';
import { type Kubelet, type NodeSpec, startKubelet } from '../kubelet/index.ts';
import { kubeletLogs } from './logs.ts';

export interface InsideOptions {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly nodes: readonly NodeSpec[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly clientFor: (kubeconfig: string) => Client | Promise<Client>;
  /** Variables that every container gets. */
  readonly env: { readonly [name: string]: string };
  readonly crashBackoffMs?: number;
}

/** What a crash takes with it: the API server, its controllers, the kubelet and all containers. */
export interface Inside {
  readonly api: ApiServer;
  readonly kubelet: Kubelet;
  readonly client: Client;
  /** Ends all of it; containers get `graceMs` to end by themselves. */
  close(graceMs: number): Promise<void>;
}

/** Starts the inside of one cluster on its state: what ran before runs again. */
export async function startInside(options: InsideOptions): Promise<Inside> {
  const { name, folder, clock, random, logger } = options;
  const volumesDir = join(folder, 'volumes');
  mkdirSync(volumesDir, { recursive: true, mode: 0o711 });
  let kubelet: Kubelet | undefined;
  const logs = kubeletLogs(() => kubelet?.logsUrl);
  const api = await startApiServer({ name, dir: join(folder, 'api'), port: options.port, clock, random, logger, logs });
  const client = await options.clientFor(api.adminKubeconfig.yaml);
  kubelet = await startKubelet({
    nodes: options.nodes,
    client,
    stateDir: join(folder, 'kubelet'),
    clock,
    random,
    logger,
    env: options.env,
    claimFolder: (volume) => join(volumesDir, volume),
    ...(options.crashBackoffMs === undefined ? {} : { crashBackoffMs: options.crashBackoffMs }),
  });
  const controllers = startControllers({ door: api.door, clock, random, logger, volumesDir });
  return {
    api,
    kubelet,
    client,
    async close(graceMs) {
      controllers.close();
      await kubelet?.close(graceMs);
      await client.close();
      await api.close();
    },
  };
}
