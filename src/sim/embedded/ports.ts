import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../base/index.ts';

/** The ports of a cluster, kept over restarts so that kubeconfigs and addresses stay true. */
export interface ClusterPorts {
  /** The API server itself; for inside. */
  readonly inside: number;
  readonly api: number;
  readonly services: number;
}

const NONE: ClusterPorts = { inside: 0, api: 0, services: 0 };

/** How long a killed predecessor may take to let go of its ports. */
const RELEASE_TRIES = 40;
const RELEASE_PAUSE_MS = 50;

/** The ports of last time; 0 for one that somebody else holds and does not let go. */
export async function recallPorts(folder: string, clock: Clock): Promise<ClusterPorts> {
  const known = read(join(folder, 'ports.json'));
  const free = async (port: number) => {
    for (let tries = 0; port > 0 && tries < RELEASE_TRIES; tries++) {
      if (await isFree(port)) return port;
      await clock.sleep(RELEASE_PAUSE_MS);
    }
    return 0;
  };
  const [inside, api, services] = await Promise.all([free(known.inside), free(known.api), free(known.services)]);
  return { inside, api, services };
}

export function rememberPorts(folder: string, ports: ClusterPorts): void {
  const file = join(folder, 'ports.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(ports)}\n`);
  renameSync(`${file}.new`, file);
}

function read(file: string): ClusterPorts {
  if (!existsSync(file)) return NONE;
  try {
    return { ...NONE, ...(JSON.parse(readFileSync(file, 'utf8')) as Partial<ClusterPorts>) };
  } catch {
    return NONE;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
