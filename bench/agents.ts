/**
 * Simulated agents on one hub over real TLS and a durable store: time to join, memory of the hub for each, CPU of the hub
 * when idle. The agents live in a child process, so that the figures are the hub's alone. `node bench/agents.ts [COUNT]`
 * (two descriptors an agent while it joins: `ulimit -n`); JSON on stdout.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { printFigures, rounded } from './measure/figures.ts';
import { collectGarbage, HEARTBEAT_MS, withAgents } from './measure/many-agents.ts';

const IDLE_MS = 20_000;

const agents = Number(process.argv[2] ?? 1_000);
const figures = await withAgents(agents, [], async ({ before, joinSeconds, joinCpuSeconds }) => {
  // connections over which they enrolled are kept for a while
  await sleep(6_000);
  const usage = process.cpuUsage();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(usage);
  const idle = process.memoryUsage();
  collectGarbage();
  const after = process.memoryUsage();
  const each = (field: keyof NodeJS.MemoryUsage, at = after) => rounded((at[field] - before[field]) / 1_024 / agents);
  if (process.env.BENCH_SNAPSHOT !== undefined) writeHeapSnapshot(process.env.BENCH_SNAPSHOT);
  return {
    agents,
    join: {
      seconds: rounded(joinSeconds, 2),
      perSecond: Math.round(agents / joinSeconds),
      hubCpuMsEach: rounded((joinCpuSeconds * 1_000) / agents),
    },
    memory: {
      rssKiBEachIdle: each('rss', idle),
      rssKiBEach: each('rss'),
      heapKiBEach: each('heapUsed'),
      externalKiBEach: each('external'),
      heapCommittedKiBEach: each('heapTotal'),
      rssMiB: rounded(after.rss / 2 ** 20),
      rssBeforeMiB: rounded(before.rss / 2 ** 20),
    },
    idleCpuPercentOfOneCore: rounded((user + system) / 10 / IDLE_MS),
    heartbeatMs: HEARTBEAT_MS,
    target: { rssKiBEach: 100, joinSecondsOf1000: 30, idleCpuPercentOf10000: 50 },
  };
});
printFigures('agents', figures);
