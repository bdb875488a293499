import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFree } from '../base/free-ports.ts';
import type { Clock } from '../base/index.ts';

/** Ports by what they are for; kept over restarts so that kubeconfigs and addresses stay true. */
export type Ports<Name extends string> = { readonly [name in Name]: number };

/** How long a killed predecessor may take to let go of its ports. */
const RELEASE_TRIES = 40;
const RELEASE_PAUSE_MS = 50;

/** The ports of last time; 0 for a new one, and for one that somebody else holds and does not let go. */
export async function recallPorts<Name extends string>(
  folder: string,
  names: readonly Name[],
  clock: Clock,
): Promise<Ports<Name>> {
  const known = read(fileIn(folder));
  const free = async (name: Name) => {
    const port = known[name] ?? 0;
    for (let tries = 0; port > 0 && tries < RELEASE_TRIES; tries++) {
      if (await isFree(port)) return [name, port] as const;
      await clock.sleep(RELEASE_PAUSE_MS);
    }
    return [name, 0] as const;
  };
  return Object.fromEntries(await Promise.all(names.map(free))) as Ports<Name>;
}

export function rememberPorts(folder: string, ports: Ports<string>): void {
  const file = fileIn(folder);
  writeFileSync(`${file}.new`, `${JSON.stringify(ports)}\n`);
  renameSync(`${file}.new`, file);
}

function fileIn(folder: string): string {
  return join(folder, 'ports.json');
}

function read(file: string): { readonly [name: string]: number | undefined } {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { readonly [name: string]: number };
  } catch {
    return {}; // torn by a kill
  }
}
