/** One life of a simulated hub: the rooms of `ldc hub` over the store's twin, in a process that can be killed. */

import { defaultTimers } from '../../src/availability/index.ts';
import { type Clock, deriveRandom, type Logger, SimulatedProcess } from '../../src/base/index.ts';
import { createHubRoom, nobodyJoins } from '../../src/hub-agent/hub/index.ts';
import { joinRooms, projectorsOver, type Rooms, startRooms } from '../../src/main/rooms.ts';
import { type MemoryDisk, type MemoryStore, memoryStore } from '../../src/store/index.ts';
import { publicKeyOf } from './identity.ts';

export interface SimulatedHub {
  readonly life: number;
  readonly process: SimulatedProcess;
  readonly store: MemoryStore;
  /** Undefined until it has recovered and opened its doors. */
  readonly rooms: Rooms<MemoryStore> | undefined;
  /** How long a commit takes. */
  commitMs: () => number;
  /** `keep`: what was handed in became durable, and nobody was told. */
  kill(keep: boolean): void;
}

export interface HubOptions {
  readonly seed: number;
  readonly life: number;
  readonly clock: Clock;
  readonly disk: MemoryDisk;
  readonly logger: (process: SimulatedProcess, name: string) => Logger;
  /** Known from the first life on: who, and the uid of its cluster. */
  readonly clusters: readonly { readonly name: string; readonly uid: string; readonly region: string }[];
  /** A commit has been made, or has failed. */
  readonly onCommit: () => void;
}

export function openHub(options: HubOptions): SimulatedHub {
  const { seed, life, clock, disk } = options;
  const random = deriveRandom(seed, `hub:${life}`);
  const process = new SimulatedProcess(clock, Math.floor((random.next() - 0.5) * 2_000));
  const logger = options.logger(process, `hub:${life}`);
  const hub = { life, process, commitMs: () => 1, rooms: undefined as Rooms<MemoryStore> | undefined };
  const store: MemoryStore = memoryStore({
    ...{ clock: process, random, logger, disk },
    projectors: projectorsOver(() => store.blobs),
    sync: (commit) => {
      process.after(hub.commitMs(), () => {
        commit();
        options.onCommit();
      });
    },
  });
  const opened = Object.assign(hub, {
    store,
    kill(keep: boolean) {
      process.kill();
      store.crash({ keep });
      options.onCommit();
    },
  });
  const start = async () => {
    await welcomeClusters(store, options.clusters);
    const ports = { clock: process, random, logger };
    const rooms = await joinRooms({ store, observeOnly: false, timers: defaultTimers, reachable: [] }, ports, (needs) =>
      createHubRoom({ ...needs, store, hubName: 'simulation' }, nobodyJoins),
    );
    await startRooms(rooms, false);
    opened.rooms = rooms;
  };
  start().catch((error: Error) => logger.error({ error: error.stack ?? error.message }, 'the hub could not start'));
  return opened;
}

async function welcomeClusters(store: MemoryStore, clusters: HubOptions['clusters']): Promise<void> {
  const unknown = clusters.filter(({ name }) => store.journal.chain(`cluster/${name}`).length === 0);
  if (unknown.length === 0) return;
  const entries = unknown.map(({ name, uid, region }) => ({
    tx: `cluster/${name}`,
    type: 'cluster.joined',
    actor: 'simulation',
    data: { name, uid, publicKey: publicKeyOf(name), token: 'none', labels: { region }, serial: '', notAfterMs: 0 },
  }));
  await store.journal.append(entries);
}
