/** A hub's lines with simulated agents on them, over real TLS and a durable store; the agents are in a process of their own. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  systemClock as clock,
  createIds,
  type Projector,
  systemRandom as random,
  silentLogger,
} from '../../src/base/index.ts';
import { clusterProjector, createHubLink, type HubLink } from '../../src/hub-agent/index.ts';
import { fileMasterKey, openStore, type SqliteStore } from '../../src/store/index.ts';

export const HEARTBEAT_MS = 5_000;

export interface ManyAgents {
  readonly store: SqliteStore;
  readonly hub: HubLink;
  readonly names: readonly string[];
  /** From the first enrolment until the last agent was connected. */
  readonly joinSeconds: number;
  /** CPU time of the hub for it. */
  readonly joinCpuSeconds: number;
  /** Bytes before the first agent came. */
  readonly before: NodeJS.MemoryUsage;
}

/** Runs `work` with so many agents connected; everything is gone afterwards. */
export async function withAgents<T>(
  count: number,
  projectors: readonly Projector[],
  work: (many: ManyAgents) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-bench-'));
  const keepAlive = setInterval(() => {}, 60_000);
  const store = openStore({
    dir,
    clock,
    random,
    logger: silentLogger,
    masterKey: fileMasterKey(join(dir, 'master.key'), random),
    projectors: [clusterProjector, ...projectors],
    defer: (run) => void setImmediate(run),
  });
  const hub = await createHubLink({
    ...{ store, clock, random, ids: createIds(clock, random), logger: silentLogger, dir },
    listen: { host: '127.0.0.1', port: 0 },
    heartbeatMs: HEARTBEAT_MS,
    hubName: 'bench',
    desired: () => [],
  });
  await hub.start();
  const made = await hub.registry.createToken({ uses: count, ttlMs: 600_000, labels: {}, actor: 'bench' });
  if (made.kind !== 'done') throw new Error('no token');
  collectGarbage();
  const before = process.memoryUsage();
  const [startedMs, startedCpu] = [clock.monotonic(), process.cpuUsage()];
  const child = fork(
    join(import.meta.dirname, 'simulated-agents.ts'),
    [hub.url, made.value.token, String(count), String(HEARTBEAT_MS)],
    { execArgv: ['--disable-warning=ExperimentalWarning'] },
  );
  try {
    await allConnected(hub, count, child);
    const joinSeconds = (clock.monotonic() - startedMs) / 1_000;
    const { user, system } = process.cpuUsage(startedCpu);
    const names = Array.from({ length: count }, (_, index) => `c-${index}`);
    return await work({ store, hub, names, joinSeconds, joinCpuSeconds: (user + system) / 1e6, before });
  } finally {
    child.kill();
    await hub.stop();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
    clearInterval(keepAlive);
  }
}

function allConnected(hub: HubLink, count: number, child: ReturnType<typeof fork>): Promise<void> {
  return new Promise((resolve, reject) => {
    const connected = new Set<string>();
    hub.link.onChange((change) => {
      if (change.kind === 'connected') connected.add(change.cluster);
      if (change.kind === 'disconnected') connected.delete(change.cluster);
      if (connected.size === count) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the simulated agents ended with code ${code}`)));
  });
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** What is garbage counts for nobody. */
export function collectGarbage(): void {
  gc();
  gc();
}
