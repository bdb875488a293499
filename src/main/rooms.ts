/** The hub's rooms, joined over a store and the agents' lines: the same for `ldc hub` and for the simulation. */
import {
  type Availability,
  availabilityProjector,
  createAvailability,
  type HealthTimers,
} from '../availability/index.ts';
import {
  type Clock,
  createIds,
  type Ids,
  type Logger,
  limits,
  type Projector,
  type Random,
  type Store,
} from '../base/index.ts';
import {
  AWAITED_REPORTS,
  clusterProjector,
  HELD_REPORTS,
  type HeldReport,
  type HubRoom,
  type HubRoomOptions,
} from '../hub-agent/hub/index.ts';
import { compileCel } from '../placement/index.ts';
import { createEngine, type Engine, projectTransaction } from '../saga/index.ts';
import { createStacks, createStacksProjector, type StacksRoom } from '../stacks/index.ts';

export interface RoomsPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RoomsOptions<S extends Store> {
  readonly store: S;
  /** The store is a restored backup: nothing is sent. */
  readonly observeOnly: boolean;
  readonly timers: HealthTimers;
  /** Each asks something outside; when none answers, the hub takes itself for cut off and moves nothing. */
  readonly reachable: readonly (() => Promise<boolean>)[];
}

/** What the agents' lines ask of the other rooms, and what they share with them. */
export type AgentsNeeds = Required<
  Pick<HubRoomOptions, 'clock' | 'ids' | 'random' | 'logger' | 'heartbeatMs' | 'desired' | 'observeOnly' | 'onReport'>
>;

export interface Rooms<S extends Store = Store, A extends HubRoom = HubRoom> {
  readonly store: S;
  readonly agents: A;
  readonly stacks: StacksRoom;
  readonly engine: Engine;
  readonly availability: Availability;
  readonly ids: Ids;
}

/** Builds the rooms over the store; they know each other through what is handed in here. */
export async function joinRooms<S extends Store, A extends HubRoom>(
  { store, observeOnly, timers, reachable }: RoomsOptions<S>,
  { clock, random, logger }: RoomsPorts,
  openAgents: (needs: AgentsNeeds) => A | Promise<A>,
): Promise<Rooms<S, A>> {
  const ids = createIds(clock, random);
  const { journal, documents, blobs } = store;
  const ports = { clock, ids, random };
  const agents = await openAgents({
    ...ports,
    heartbeatMs: timers.heartbeatMs,
    desired: (cluster) => stacks.desired(cluster),
    observeOnly,
    onReport: (cluster, report) => adoptReport(cluster, report, store, stacks),
    logger: logger.child({ part: 'agents' }),
  });
  const { link, registry, signals } = agents;
  const stacks: StacksRoom = createStacks({
    ...ports,
    store,
    link,
    registry,
    engine: () => engine,
    compile: compileCel,
    health: (cluster) => availability.health(cluster),
    logger: logger.child({ part: 'stacks' }),
  });
  const engine: Engine = createEngine({
    ...ports,
    journal,
    documents,
    blobs,
    link,
    replan: stacks.replan,
    epoch: store.epoch,
    observeOnly,
    limits,
    logger: logger.child({ part: 'saga' }),
  });
  const availability: Availability = createAvailability({
    clock,
    journal,
    documents,
    signals,
    stacks,
    engine,
    timers,
    reachable,
    logger: logger.child({ part: 'availability' }),
  });
  return { store, agents, stacks, engine, availability, ids };
}

/** Takes up what was unfinished, then watches the clusters. Before the doors open: an apply in between would be recovered as well as submitted. */
export async function startRooms(
  { engine, availability }: Pick<Rooms, 'engine' | 'availability'>,
  observeOnly: boolean,
): Promise<void> {
  // queued plans are made anew at once: by a fleet of which nothing is known they would be refused
  if (!observeOnly) availability.recall();
  await engine.start();
  if (!observeOnly) await availability.start();
}

/** All views of the journal. A store is always opened with all of them: a view that was left out would miss entries for good. */
export function projectorsOver(blobs: () => Store['blobs']): readonly Projector[] {
  return [projectTransaction, createStacksProjector(blobs), clusterProjector, availabilityProjector];
}

/** A cluster returns that was not heard before `ldc hub rearm`: its records follow what it holds, then it is like any other. */
async function adoptReport(cluster: string, report: HeldReport, store: Store, stacks: StacksRoom): Promise<void> {
  const adopted = await stacks.adopt({ cluster, ...report }, 'it was not heard when the hub was armed again');
  if (adopted.some(({ withheld }) => withheld.length > 0)) return;
  const settled = [HELD_REPORTS, AWAITED_REPORTS].map((collection) => ({ collection, key: cluster, body: null }));
  await store.documents.write(settled);
}
