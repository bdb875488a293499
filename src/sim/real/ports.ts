/** Ports for programs that have to be told theirs. */
import { type Clock, randomInt, systemRandom } from '../../base/index.ts';
import { isFree, type Ports, recallPorts, rememberPorts } from '../ports.ts';

/** Below the range from which systems take ports for outgoing lines: nobody gets one of ours while its owner is down. */
const RANGE = { from: 20_000, to: 32_000 } as const;
const ATTEMPTS = 200;

/** Given away by this process: a program that was told a port may take seconds to listen on it. */
const given = new Set<number>();

/** The ports of last time, and free ones where there are none or somebody else holds them. @throws Error when none is free */
export async function keptPorts<Name extends string>(
  folder: string,
  names: readonly Name[],
  clock: Clock,
): Promise<Ports<Name>> {
  const recalled = await recallPorts(folder, names, clock);
  const ports: { [name: string]: number } = {};
  for (const name of names) ports[name] = recalled[name] || (await freePort());
  for (const port of Object.values(ports)) given.add(port);
  rememberPorts(folder, ports);
  return ports as Ports<Name>;
}

async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = RANGE.from + randomInt(systemRandom, RANGE.to - RANGE.from);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port was found between ${RANGE.from} and ${RANGE.to}`);
}
