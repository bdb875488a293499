/** The addresses and node ports of a cluster's Services: which are taken, and the next free one. */
import { type Json, type KubeObject, type Random, randomInt } from '../../base/index.ts';
import { type Cluster, type Fields, part } from './cluster.ts';
import { fields } from './strategy.ts';

/** Numbers `first … last`; those below `dynamic` are given by themselves only when all others are taken (KEP-3070, KEP-3668). */
interface Range {
  readonly first: number;
  readonly dynamic: number;
  readonly last: number;
}

/** 10.96.0.0/16 without its first and last address. */
const ADDRESSES: Range = { first: 1, dynamic: 257, last: 65_534 };
const NODE_PORTS: Range = { first: 30_000, dynamic: 30_086, last: 32_767 };
/** What a dry run shows, as a real server's does: nothing is taken for it. */
const DRY_ADDRESS = '10.96.0.0';
const DRY_NODE_PORT = 32_769;
const NETWORK = '10.96.0.0/16';

export type Granted<T> = { readonly value: T } | { readonly refused: string };

/** What one write may take. A dry run takes nothing, and is told less: not that an address is taken, nor that a port is outside. */
export interface ServiceNumbers {
  /** Any free address; undefined when there is none. */
  nextAddress(): string | undefined;
  askAddress(address: string): Granted<string>;
  nextPort(): number | undefined;
  askPort(port: number): Granted<number>;
}

const addressOf = (index: number) => `10.96.${index >> 8}.${index & 255}`;

function indexOf(address: string): number | undefined {
  const match = /^10\.96\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (match === null) return undefined;
  const index = Number(match[1]) * 256 + Number(match[2]);
  return index >= ADDRESSES.first && index <= ADDRESSES.last && addressOf(index) === address ? index : undefined;
}

/** The numbers as all Services but `own` (a uid) leave them. */
export function serviceNumbers(cluster: Cluster, own: string | undefined, dryRun: boolean): ServiceNumbers {
  const others = cluster.store.list('services').filter((other) => other.metadata.uid !== own);
  const addresses = new Set(others.map((other) => part(other, 'spec').clusterIP));
  const ports = new Set(others.flatMap(portsHeld));
  const numbers = { addresses, ports };
  return dryRun ? dryNumbers(numbers) : realNumbers(cluster.random, numbers);
}

interface Taken {
  readonly addresses: Set<Json | undefined>;
  readonly ports: Set<Json | undefined>;
}

const TAKEN_PORT = { refused: 'provided port is already allocated' };

function realNumbers(random: Random, { addresses, ports }: Taken): ServiceNumbers {
  const take = (port: number): Granted<number> => {
    ports.add(port);
    return { value: port };
  };
  return {
    nextAddress() {
      const index = anyFree(random, ADDRESSES, (one) => !addresses.has(addressOf(one)));
      return index === undefined ? undefined : addressOf(index);
    },
    askAddress(address) {
      if (indexOf(address) === undefined) return { refused: 'the provided network does not match the current range' };
      return addresses.has(address) ? { refused: 'provided IP is already allocated' } : { value: address };
    },
    nextPort() {
      const port = anyFree(random, NODE_PORTS, (one) => !ports.has(one));
      if (port !== undefined) take(port);
      return port;
    },
    askPort(port) {
      const { first, last } = NODE_PORTS;
      if (port < first || port > last) {
        return { refused: `provided port is not in the valid range. The range of valid ports is ${first}-${last}` };
      }
      return ports.has(port) ? TAKEN_PORT : take(port);
    },
  };
}

function dryNumbers({ ports }: Taken): ServiceNumbers {
  const shown: number[] = [];
  const show = (port: number): number => {
    shown.push(port);
    return port;
  };
  return {
    nextAddress: () => DRY_ADDRESS,
    askAddress(address) {
      if (indexOf(address) !== undefined) return { value: address };
      const why = `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${NETWORK}`;
      return { refused: why };
    },
    nextPort: () => show(shown.length === 0 ? DRY_NODE_PORT : Math.max(...shown) + 1),
    askPort: (port) => (ports.has(port) || shown.includes(port) ? TAKEN_PORT : { value: show(port) }),
  };
}

/** From anywhere in the dynamic part on, once round; then the rest. So what a deleted Service had comes back only to who asks for it. */
function anyFree(random: Random, range: Range, free: (one: number) => boolean): number | undefined {
  const { first, dynamic, last } = range;
  const count = last - dynamic + 1;
  const start = randomInt(random, count);
  for (let step = 0; step < count; step++) {
    const one = dynamic + ((start + step) % count);
    if (free(one)) return one;
  }
  for (let one = first; one < dynamic; one++) if (free(one)) return one;
  return undefined;
}

function portsHeld(service: KubeObject): readonly Json[] {
  const spec = part(service, 'spec');
  return [spec.healthCheckNodePort, ...servicePorts(spec).map(({ nodePort }) => nodePort)].filter(
    (port): port is number => typeof port === 'number' && port !== 0,
  );
}

export function servicePorts({ ports }: Fields): readonly Fields[] {
  return Array.isArray(ports) ? (ports as readonly Json[]).map(fields) : [];
}
