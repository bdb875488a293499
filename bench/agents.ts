/**
 * Simulated agents on one hub over real TLS: time to join, memory of the hub for each, CPU of the hub when idle. The
 * agents live in a child process, so that the figures are the hub's alone. `node bench/agents.ts [COUNT]`; JSON on stdout.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock, createIds, type Json, systemRandom as random, silentLogger } from '../src/base/index.ts';
import { createRequest } from '../src/hub-agent/certificates.ts';
import { clusterProjector, createHubLink, networkDoor } from '../src/hub-agent/index.ts';
import { createSealKey } from '../src/protocol/index.ts';
import { memoryStore } from '../src/store/index.ts';
import { printFigures } from './measure/figures.ts';

const IDLE_MS = 20_000;
const AT_ONCE = 64;

async function hub(count: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-bench-'));
  const store = memoryStore({ clock, random, logger: silentLogger, projectors: [clusterProjector] });
  const line = await createHubLink({
    ...{ store, clock, random, ids: createIds(clock, random), logger: silentLogger, dir },
    listen: { host: '127.0.0.1', port: 0 },
    heartbeatMs: 5_000,
    hubName: 'bench',
    desired: () => [],
  });
  await line.start();
  const made = await line.registry.createToken({ uses: count, ttlMs: 600_000, labels: {}, actor: 'bench' });
  if (made.kind !== 'done') throw new Error('no token');
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const startedMs = clock.monotonic();
  const child = fork(import.meta.filename, ['--agents', line.url, made.value.token, String(count)]);
  await new Promise<void>((resolve) => {
    line.link.onChange((change) => {
      if (change.kind === 'connected' && line.registry.clusters().length === count) resolve();
    });
    const poll = () => (connected(line, count) ? resolve() : void setTimeout(poll, 100));
    poll();
  });
  const joinMs = clock.monotonic() - startedMs;
  globalThis.gc?.();
  const after = process.memoryUsage().rss;
  const cpu = process.cpuUsage();
  await clock.sleep(0);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const { user, system } = process.cpuUsage(cpu);
  printFigures('agents', {
    agents: count,
    joinSeconds: Number((joinMs / 1_000).toFixed(2)),
    joinsPerSecond: Math.round(count / (joinMs / 1_000)),
    kibPerAgent: Math.round((after - before) / 1_024 / count),
    idleCpuPercentOfOneCore: Number(((user + system) / 10 / IDLE_MS).toFixed(1)),
    heartbeatMs: 5_000,
  });
  child.kill();
  await line.stop();
  rmSync(dir, { recursive: true, force: true });
  process.exit(0);
}

function connected(line: Awaited<ReturnType<typeof createHubLink>>, count: number): boolean {
  const all = line.registry.clusters();
  return all.length === count && all.every((cluster) => line.link.connected(cluster.name));
}

async function agents(url: string, token: string, count: number): Promise<void> {
  const sealKey = createSealKey().publicKey;
  let next = 0;
  async function worker(): Promise<void> {
    for (let index = next++; index < count; index = next++) await join1(url, token, `c-${index}`, sealKey);
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function join1(url: string, token: string, cluster: string, sealKey: string): Promise<void> {
  const door = networkDoor(url, clock);
  const { key, request } = await createRequest(cluster);
  const enrolled = await door.enrol({ token, cluster, csr: request });
  if (enrolled.kind !== 'done') throw new Error(JSON.stringify(enrolled));
  const opened = await door.open({ ...enrolled.value, key }, new AbortController().signal);
  if (opened.kind !== 'done') throw new Error(JSON.stringify(opened));
  const line = opened.value;
  const none = { cpuMilli: 0, memoryBytes: 0, pods: 0 };
  const hello = {
    ...{ kind: 'hello', v: 1, agentVersion: 'bench', kubernetesVersion: 'v1.34.0', apis: [], sealKey },
    capacity: { nodes: 1, readyNodes: 1, allocatable: none, requested: none },
    ...{ highestEpoch: 0, held: [], openCommands: [] },
  };
  line.send(hello as Json);
  let seq = 0;
  const beat = () => {
    line.send({ kind: 'heartbeat', seq: seq++, sentAtMs: clock.now() }, 'urgent');
    setTimeout(beat, 5_000);
  };
  setTimeout(beat, random.next() * 5_000);
}

if (process.argv[2] === '--agents') {
  const [, , , url = '', token = '', count = '0'] = process.argv;
  await agents(url, token, Number(count));
} else await hub(Number(process.argv[2] ?? 1_000));
