/** Ports for programs that have to be told theirs. */

import { freePort, keepPorts } from '../../base/free-ports.ts';
import type { Clock } from '../../base/index.ts';
import { type Ports, recallPorts, rememberPorts } from '../ports.ts';

/** The ports of last time, and free ones where there are none or somebody else holds them. @throws Error when none is free */
export async function keptPorts<Name extends string>(
  folder: string,
  names: readonly Name[],
  clock: Clock,
): Promise<Ports<Name>> {
  const recalled = await recallPorts(folder, names, clock);
  const ports: { [name: string]: number } = {};
  for (const name of names) ports[name] = recalled[name] || (await freePort());
  keepPorts(Object.values(ports));
  rememberPorts(folder, ports);
  return ports as Ports<Name>;
}
