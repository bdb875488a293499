/** The faults of a seed: each kind is on or off for the whole run, and how often it strikes is drawn once. */
import { deriveRandom, type Random, randomInt, type SimulatedProcess } from '../../src/base/index.ts';
import type { ApiRequest } from '../../src/kubernetes/index.ts';
import type { RequestFault } from './cluster.ts';
import type { Cut } from './network.ts';
import type { World } from './world.ts';

export const FAULTS = [
  'hubKill',
  'hubHalt',
  'agentKill',
  'agentHalt',
  'clockJump',
  'lineBreak',
  'cut',
  'slowNetwork',
  'apiDown',
  'apiSlow',
  'apiTrouble',
  'apiRefuses',
  'diskFull',
  'diskIo',
  'diskFsync',
  'slowCommit',
] as const;
export type FaultKind = (typeof FAULTS)[number];

/** Mean time between two of a kind, in milliseconds. */
const EVERY_MS: { readonly [kind in Exclude<FaultKind, 'apiTrouble' | 'apiRefuses'>]: number } = {
  hubKill: 25_000,
  hubHalt: 40_000,
  agentKill: 25_000,
  agentHalt: 40_000,
  clockJump: 30_000,
  lineBreak: 12_000,
  cut: 30_000,
  slowNetwork: 30_000,
  apiDown: 40_000,
  apiSlow: 30_000,
  diskFull: 30_000,
  diskIo: 30_000,
  diskFsync: 30_000,
  slowCommit: 30_000,
};
const HOUR_MS = 3_600_000;

/** When, and by what, a fault is over. */
interface Healing {
  readonly afterMs: number;
  run(): void;
}

function healing(afterMs: number, run: () => void): Healing {
  return { afterMs, run };
}

export interface Faults {
  readonly kinds: ReadonlySet<FaultKind>;
  readonly counts: { readonly [kind in FaultKind]: number };
  /** Nothing new befalls anybody, what was broken is whole, who was dead is back. */
  calm(): void;
}

export function startFaults(world: World, without: readonly FaultKind[] = []): Faults {
  return new Schedule(world, without);
}

class Schedule implements Faults {
  readonly kinds: ReadonlySet<FaultKind>;
  readonly counts = Object.fromEntries(FAULTS.map((kind) => [kind, 0])) as { [kind in FaultKind]: number };
  readonly #world: World;
  readonly #random: Random;
  #calm = false;
  #holders = 0;

  constructor(world: World, without: readonly FaultKind[]) {
    this.#world = world;
    const chosen = deriveRandom(world.seed, 'faults');
    this.#random = deriveRandom(world.seed, 'strikes');
    // drawn for each, so that leaving one out changes no other
    const on = FAULTS.filter(() => chosen.next() < 0.4);
    this.kinds = new Set(on.filter((kind) => !without.includes(kind)));
    for (const kind of this.kinds) if (kind in EVERY_MS) this.#again(kind as keyof typeof EVERY_MS);
    for (const cluster of world.clusters.values()) cluster.faultOf = (request) => this.#requestFault(request);
  }

  #between(minMs: number, maxMs: number): number {
    return minMs + this.#random.next() * (maxMs - minMs);
  }

  #again(kind: keyof typeof EVERY_MS): void {
    this.#world.clock.after(this.#between(0, 2 * EVERY_MS[kind]), () => {
      if (this.#calm) return;
      const healing = this.#strike(kind);
      if (healing !== undefined) this.#world.clock.after(healing.afterMs, () => !this.#calm && healing.run());
      this.#again(kind);
    });
  }

  #note(kind: FaultKind, what: string): void {
    this.counts[kind]++;
    this.#world.tell({ kind: 'fault', what: `${kind} ${what}` });
  }

  #cluster(): string {
    const names = [...this.#world.clusters.keys()];
    return names[randomInt(this.#random, names.length)] as string;
  }

  #strike(kind: keyof typeof EVERY_MS): Healing | undefined {
    const world = this.#world;
    const cluster = this.#cluster();
    const forMs = this.#between(100, 20_000);
    switch (kind) {
      case 'hubKill': {
        if (world.hub === undefined) return undefined;
        this.#note(kind, `for ${Math.round(forMs)} ms`);
        world.killHub(this.#random.next() < 0.5);
        return healing(forMs, () => this.#reviveHub());
      }
      case 'hubHalt':
        return this.#halt(kind, world.hub?.process, 'hub');
      case 'agentKill': {
        if (!world.agents.has(cluster)) return undefined;
        this.#note(kind, cluster);
        world.killAgent(cluster);
        const holder = this.#random.next() < 0.7 ? 'agent' : `agent-${++this.#holders}`;
        return healing(forMs, () => this.#reviveAgent(cluster, holder));
      }
      case 'agentHalt':
        return this.#halt(kind, world.agents.get(cluster)?.process, cluster);
      case 'clockJump': {
        const process = this.#random.next() < 0.5 ? world.hub?.process : world.agents.get(cluster)?.process;
        const byMs = Math.round((this.#random.next() - 0.5) * HOUR_MS);
        this.#note(kind, `by ${byMs} ms`);
        process?.jump(byMs);
        return undefined;
      }
      case 'lineBreak':
        this.#note(kind, cluster);
        world.network.break(cluster);
        return undefined;
      case 'cut': {
        const how = (['both', 'toHub', 'toAgent'] as const satisfies readonly Cut[])[randomInt(this.#random, 3)] as Cut;
        const ms = this.#between(500, 90_000);
        this.#note(kind, `${cluster} ${how} for ${Math.round(ms)} ms`);
        world.network.cut(cluster, how);
        return healing(ms, () => world.network.heal(cluster));
      }
      default:
        return this.#slow(kind, cluster, forMs);
    }
  }

  #slow(kind: keyof typeof EVERY_MS, name: string, forMs: number): Healing | undefined {
    const { network, clusters, disk, hub } = this.#world;
    const cluster = clusters.get(name);
    if (cluster === undefined) return undefined;
    this.#note(kind, `${name} for ${Math.round(forMs)} ms`);
    switch (kind) {
      case 'slowNetwork':
        network.slowMs = this.#between(50, 3_000);
        return healing(forMs, () => {
          network.slowMs = 0;
        });
      case 'apiDown':
        cluster.isDown = true;
        return healing(forMs, () => {
          cluster.isDown = false;
        });
      case 'apiSlow':
        cluster.slowMs = this.#between(50, 5_000);
        return healing(forMs, () => {
          cluster.slowMs = 0;
        });
      case 'diskFull':
        disk.full = true;
        return healing(forMs, () => {
          disk.full = false;
        });
      case 'diskIo':
      case 'diskFsync':
        disk.failing = kind === 'diskIo' ? 'io' : 'fsync';
        return healing(this.#between(1, 3_000), () => {
          disk.failing = undefined;
        });
      case 'slowCommit': {
        if (hub === undefined) return undefined;
        const slowMs = this.#between(20, 2_000);
        hub.commitMs = () => slowMs;
        return healing(forMs, () => {
          hub.commitMs = () => 1;
        });
      }
      default:
        return undefined;
    }
  }

  #halt(kind: FaultKind, process: SimulatedProcess | undefined, who: string): undefined {
    if (process === undefined) return;
    const ms = this.#between(500, 60_000);
    this.#note(kind, `${who} for ${Math.round(ms)} ms`);
    process.halt();
    this.#world.clock.after(ms, () => process.resume());
  }

  #reviveHub(): void {
    if (this.#world.hub === undefined) this.#world.startHub();
  }

  #reviveAgent(cluster: string, holder: string): void {
    if (!this.#world.agents.has(cluster)) this.#world.startAgent(cluster, holder);
  }

  #requestFault({ method, path }: ApiRequest): RequestFault | undefined {
    if (this.#calm) return undefined;
    const drawn = this.#random.next();
    const effect = this.#random.next() < 0.5;
    if (this.kinds.has('apiTrouble') && drawn < 0.03) {
      this.counts.apiTrouble++;
      if (drawn < 0.006) return { kind: 'silence', effect };
      return {
        kind: 'status',
        status: drawn < 0.014 ? 429 : drawn < 0.022 ? 503 : 500,
        effect: drawn >= 0.022 && effect,
      };
    }
    const isOfStack = method === 'PATCH' && !path.includes('ldc-system');
    if (!this.kinds.has('apiRefuses') || !isOfStack || drawn < 0.95) return undefined;
    this.counts.apiRefuses++;
    return { kind: 'status', status: 403, effect: false };
  }

  calm(): void {
    this.#calm = true;
    const { network, clusters, disk, agents } = this.#world;
    network.slowMs = 0;
    disk.full = false;
    disk.failing = undefined;
    this.#reviveHub();
    const { hub } = this.#world;
    if (hub !== undefined) hub.commitMs = () => 1;
    for (const [name, cluster] of clusters) {
      cluster.isDown = false;
      cluster.slowMs = 0;
      network.heal(name);
      this.#reviveAgent(name, 'agent');
    }
    for (const process of [hub?.process, ...[...agents.values()].map((agent) => agent.process)]) process?.resume();
  }
}
