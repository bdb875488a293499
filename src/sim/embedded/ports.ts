import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** The ports of a cluster, kept over restarts so that kubeconfigs and addresses stay true. */
export interface ClusterPorts {
  /** The API server itself; for inside. */
  readonly inside: number;
  readonly api: number;
  readonly services: number;
}

const NONE: ClusterPorts = { inside: 0, api: 0, services: 0 };

/** The ports of last time that are still free; 0 for the others. */
export async function recallPorts(folder: string): Promise<ClusterPorts> {
  const known = read(join(folder, 'ports.json'));
  const free = async (port: number) => (port > 0 && (await isFree(port)) ? port : 0);
  return { inside: await free(known.inside), api: await free(known.api), services: await free(known.services) };
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
