/**
 * A whole installation in one process under virtual time: a hub in as many lives as it needs, an agent in each cluster, clusters,
 * lines and a disk. All that happens follows from the seed. `clock.ts` of base says what may wait: promises, and its timers.
 */
import {
  createIds,
  deriveRandom,
  digestOf,
  done,
  type Entry,
  type Json,
  type JsonObject,
  type Logger,
  SimulatedClock,
  SimulatedProcess,
  StoreError,
} from '../../src/base/index.ts';
import { createAgent, type HubDoor } from '../../src/hub-agent/index.ts';
import type { Command } from '../../src/protocol/index.ts';
import { type MemoryDisk, memoryDisk } from '../../src/store/index.ts';
import { SimulatedCluster } from './cluster.ts';
import { type Checker, type Happening, lineOf, type SimulationEvent, Violation } from './events.ts';
import { openHub, type SimulatedHub } from './hub.ts';
import { identityOf, publicKeyOf } from './identity.ts';
import { Network } from './network.ts';

const SYSTEM = 'ldc-system';
const LAST_EVENTS = 60;
/** Timers that run without an entry or a write between: somebody goes round in circles. */
const IDLE_TIMERS_MAX = 200_000;
const RESTART_MS = 2_000;
const START_MS = 1_700_000_000_000;

export interface WorldOptions {
  readonly clusters?: readonly string[];
  /** Keeps every event, not only the last ones. */
  readonly trace?: boolean;
  /** They see everything from the first entry on. */
  readonly checkers?: (world: World) => readonly Checker[];
}

interface RunningAgent {
  readonly process: SimulatedProcess;
  connected(): boolean;
}

export class World {
  readonly seed: number;
  readonly clock = new SimulatedClock(START_MS);
  readonly network: Network;
  readonly clusters: ReadonlyMap<string, SimulatedCluster>;
  readonly disk: MemoryDisk = memoryDisk();
  /** Undefined between a death and the next start. */
  hub: SimulatedHub | undefined;
  readonly agents = new Map<string, RunningAgent>();
  readonly #checkers: readonly Checker[];
  /** What processes have logged as errors, with who said it. */
  readonly errors: { readonly who: string; readonly message: string; readonly fields: JsonObject }[] = [];
  readonly last: SimulationEvent[] = [];
  events = 0;
  violation: Violation | undefined;
  readonly #options: WorldOptions;
  #lives = 0;
  #read = 0;
  #idleTimers = 0;
  #trace: string[] = [];

  constructor(seed: number, options: WorldOptions = {}) {
    this.seed = seed;
    this.#options = options;
    const { clock } = this;
    this.network = new Network({
      ...{ clock, random: deriveRandom(seed, 'network') },
      onMessage: (cluster, to, message) => this.#heard(cluster, to, message),
    });
    const { clusters = ['ap', 'eu', 'us'] } = options;
    this.clusters = new Map(clusters.map((name) => [name, this.#cluster(name)]));
    this.#checkers = options.checkers?.(this) ?? [];
  }

  /** Milliseconds since the beginning. */
  get atMs(): number {
    return this.clock.monotonic();
  }

  #cluster(name: string): SimulatedCluster {
    const cluster = new SimulatedCluster(name, this.clock, deriveRandom(this.seed, `cluster:${name}`));
    const { api } = cluster;
    api.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } });
    const identity = Buffer.from(JSON.stringify(identityOf(name))).toString('base64');
    const metadata = { name: 'ldc-agent-identity', namespace: SYSTEM };
    api.create('secrets', { apiVersion: 'v1', kind: 'Secret', metadata, data: { identity } });
    api.onWrite = (write) => this.tell({ kind: 'write', cluster: name, write });
    return cluster;
  }

  tell(happening: Happening): void {
    const event = { ...happening, atMs: this.atMs } as SimulationEvent;
    this.events++;
    if (event.kind === 'entry' || event.kind === 'write') this.#idleTimers = 0;
    this.last.push(event);
    if (this.#options.trace !== true && this.last.length > 2 * LAST_EVENTS) this.last.splice(0, LAST_EVENTS);
    this.#trace.push(tracedOf(event));
    if (this.#trace.length > 1_000) this.#trace = [digestOf(this.#trace)];
    for (const checker of this.#checkers) this.#guard(() => checker.on(event));
  }

  /** The same for every run of the seed on one state of the code. */
  digest(): string {
    return digestOf(this.#trace);
  }

  lines(count = LAST_EVENTS): readonly string[] {
    return this.last.slice(-count).map(lineOf);
  }

  violate(checker: string, sentence: string): void {
    this.violation ??= new Violation(checker, sentence);
  }

  /** A checker that throws has found something, or is wrong itself: both end the run. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violation ??= error;
    }
  }

  check(): void {
    for (const checker of this.#checkers) this.#guard(() => checker.end?.());
    if (this.violation !== undefined) throw this.violation;
  }

  /** Passes time until that is so, at most so long; whether it is. @throws Violation */
  async until(isSo: () => boolean, maxMs: number): Promise<boolean> {
    const endMs = this.clock.now() + maxMs;
    while (!isSo()) {
      const went = await this.clock.step(endMs);
      if (this.violation !== undefined) throw this.violation;
      if (!went) {
        await this.clock.advance(Math.max(0, endMs - this.clock.now()));
        return isSo();
      }
      if (++this.#idleTimers > IDLE_TIMERS_MAX)
        throw new Violation('limits', `${IDLE_TIMERS_MAX} timers ran and nothing was written`);
    }
    return true;
  }

  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms);
  }

  /** On a disk that fails it exits, and is started again by whoever watches over it. */
  startHub(): void {
    const life = ++this.#lives;
    const clusters = [...this.clusters.values()].map(({ name, api }) => {
      const uid = api.store.get('namespaces', undefined, 'kube-system')?.metadata.uid ?? '';
      return { name, uid, region: name };
    });
    try {
      this.hub = openHub({
        ...{ seed: this.seed, life, clock: this.clock, disk: this.disk, clusters },
        logger: (process, who) => this.logger(process, who),
        onCommit: () => this.readJournal(),
      });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.clock.after(RESTART_MS, () => this.hub === undefined && this.startHub());
      return;
    }
    this.readJournal();
    this.tell({ kind: 'hubOpened', life });
  }

  killHub(keep: boolean): void {
    const { hub } = this;
    if (hub === undefined) return;
    this.hub = undefined;
    this.tell({ kind: 'killed', who: `hub of life ${hub.life}${keep ? ' (its last write is kept)' : ''}` });
    hub.kill(keep);
  }

  /** What is durable now and was not told yet. */
  readJournal(): void {
    while (this.#read < this.disk.journal.length) {
      const { text } = this.disk.journal[this.#read] as { text: string };
      this.#read++;
      this.tell({ kind: 'entry', entry: JSON.parse(text) as Entry, position: this.#read });
    }
  }

  startAgent(name: string, holder = 'agent'): void {
    const cluster = this.clusters.get(name) as SimulatedCluster;
    const life = ++this.#lives;
    const random = deriveRandom(this.seed, `agent:${name}:${life}`);
    const process = new SimulatedProcess(this.clock, Math.floor((random.next() - 0.5) * 2_000));
    const logger = this.logger(process, `agent:${name}`);
    const agent = createAgent({
      ...{ client: cluster.client(process), clock: process, random, logger, holder, version: '0.0.0-simulation' },
      hub: this.#door(name, process),
      ids: createIds(process, random),
    });
    this.agents.set(name, { process, connected: () => agent.connected() });
    agent.start().catch((error: Error) => logger.error({ error: error.message }, 'the agent could not start'));
  }

  killAgent(name: string): void {
    const agent = this.agents.get(name);
    if (agent === undefined) return;
    this.agents.delete(name);
    this.tell({ kind: 'killed', who: `agent of ${name}` });
    agent.process.kill();
  }

  /** How the agent of a cluster reaches whichever hub is there. */
  #door(cluster: string, agent: SimulatedProcess): HubDoor {
    const later = { kind: 'retry', afterMs: 500, reason: 'connection refused' } as const;
    const passes = () => this.network.passes(cluster, 'toHub') && this.network.passes(cluster, 'toAgent');
    return {
      enrol: () => Promise.resolve(later),
      renew: () => Promise.resolve(later),
      open: (_identity, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ ...later, reason: 'aborted' }), { once: true });
          this.clock.after(2 * this.network.delayMs(), () =>
            agent.deliver(() => {
              // where nothing passes a dial is not answered at all: patience ends it
              if (signal.aborted || !passes()) return;
              const { hub } = this;
              if (hub?.rooms === undefined) return resolve(later);
              const line = this.network.open(cluster, hub.process, agent);
              hub.rooms.agents.accept({ cluster, publicKey: publicKeyOf(cluster) }, line.hub);
              resolve(done(line.agent));
            }),
          );
        }),
    };
  }

  #heard(cluster: string, to: 'hub' | 'agent', raw: Json): void {
    const message = raw as JsonObject;
    if (to === 'agent' && message.kind === 'command') {
      this.tell({ kind: 'command', cluster, command: message.command as unknown as Command });
    } else if (to === 'hub' && message.kind === 'result') {
      this.tell({ kind: 'result', cluster, id: String(message.id), outcome: message.outcome as JsonObject });
    }
  }

  logger(process: SimulatedProcess, who: string): Logger {
    const none = () => {};
    const own: Logger = {
      ...{ debug: none, info: none, warn: none, child: () => own },
      error: (fields, message) => {
        if (!process.isDead) this.errors.push({ who, message, fields });
      },
    };
    return own;
  }
}

/** What is compared between two runs: nothing that cryptography makes, which differs each time, and nothing of the wire. */
function tracedOf(event: SimulationEvent): string {
  if (event.kind === 'entry') return `${event.atMs} ${digestOf(event.entry as unknown as Json)}`;
  if (event.kind !== 'write') return lineOf(event);
  const { after } = event.write;
  const isOwn = after?.metadata.namespace === SYSTEM;
  return `${lineOf(event)} ${after === undefined || isOwn ? '' : digestOf(after as unknown as Json)}`;
}

/** Hub and agents run, and every cluster is ready. @throws Error when that takes too long */
export async function openWorld(seed: number, options: WorldOptions = {}): Promise<World> {
  const world = new World(seed, options);
  world.startHub();
  for (const name of world.clusters.keys()) world.startAgent(name);
  if (!(await world.until(() => isReady(world), 300_000))) {
    throw new Error(`seed ${seed}: the world is not ready: ${JSON.stringify(world.errors)}`);
  }
  return world;
}

export function isReady({ hub, clusters, agents }: World): boolean {
  const rooms = hub?.rooms;
  if (rooms === undefined) return false;
  return [...clusters.keys()].every(
    (name) => agents.get(name)?.connected() && rooms.availability.health(name)?.health === 'ready',
  );
}
