/**
 * The hub alone under a burst: a process of its own, simulated agents that answer at once (another process), and as many
 * calls of `apply` at one moment as are asked for. What is measured is the hub's: how long its callers wait until their
 * transaction is durable, its CPU for each stack, its memory, and how long it takes to list what has ended.
 * `node bench/hub.ts [STACKS]` (default 200); JSON on stdout.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HubClient, routes } from '../src/api/client/index.ts';
import { defaultTimers } from '../src/availability/index.ts';
import { systemClock } from '../src/base/index.ts';
import { startInstallation } from '../src/main/installation.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { printFigures, rounded, spread } from './measure/figures.ts';
import { cpuSecondsOf, memoryOf } from './measure/local.ts';

const CLUSTERS = 3;
const WARM = 5;
const LISTS = 5;
/** After the burst; what was garbage is given back in the meantime, or it is not. */
const REST_MS = 10_000;

function source(name: string): StackSource {
  const stack = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${name}
  functions: [ { name: web, manifests: [ web.yaml ], availability: { locations: { min: 1, max: 1 } } } ]
  rollout: { waves: [ 100% ], minReady: 0s }
`;
  const manifests = `apiVersion: v1
kind: ConfigMap
metadata: { name: web }
data: { mode: good }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { port: 80 } ] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [ { name: web, image: "example.test/web:1", resources: { requests: { cpu: 1m, memory: 1Mi } } } ] }
`;
  return { path: `${name}.yaml`, stack, files: { 'web.yaml': manifests } };
}

interface Deployed {
  readonly acceptedMs: number;
  readonly committedMs: number;
}

async function deploy(client: HubClient, name: string): Promise<Deployed> {
  const startedMs = performance.now();
  const submitted = await client.call(routes.stacks.apply, { body: source(name) });
  if (submitted.kind === 'nothing') throw new Error(submitted.message);
  const acceptedMs = performance.now() - startedMs;
  const { id } = submitted.transaction;
  for await (const entry of client.follow(routes.transactions.events, { id })) if (entry.type === 'tx.sealed') break;
  const committedMs = performance.now() - startedMs;
  const { state, cause } = await client.call(routes.transactions.get, { params: { id } });
  if (state !== 'committed') throw new Error(`${id} ended ${state}: ${JSON.stringify(cause)}`);
  return { acceptedMs, committedMs };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function allReady(client: HubClient): Promise<void> {
  for (;;) {
    const clusters = await client.all(routes.clusters.list);
    if (clusters.length === CLUSTERS && clusters.every(({ health }) => health === 'ready')) return;
    await systemClock.sleep(100);
  }
}

async function measure(client: HubClient, hubPid: number, stacks: number) {
  for (let n = 0; n < WARM; n++) await deploy(client, `warm-${n}`);
  const fresh = memoryOf(hubPid).rssMiB;
  const cpuBefore = cpuSecondsOf(hubPid);
  const startedMs = performance.now();
  const many = await Promise.all(Array.from({ length: stacks }, (_, n) => deploy(client, `many-${n}`)));
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpuSeconds = cpuSecondsOf(hubPid) - cpuBefore;
  const loaded = memoryOf(hubPid).rssMiB;
  await systemClock.sleep(REST_MS);
  const rested = memoryOf(hubPid).rssMiB;
  const lists = { transactionsMs: [] as number[], stacksMs: [] as number[] };
  for (let n = 0; n < LISTS; n++) {
    lists.transactionsMs.push(await timed(() => client.call(routes.transactions.list, { query: {} })));
    lists.stacksMs.push(await timed(() => client.call(routes.stacks.list, { query: {} })));
  }
  return {
    acceptedMs: spread(many.map(({ acceptedMs }) => acceptedMs)),
    committedMs: spread(many.map(({ committedMs }) => committedMs)),
    stacksPerSecond: rounded(stacks / seconds),
    hubCpuMsPerStack: rounded((cpuSeconds / stacks) * 1_000),
    hubRssMiB: { fresh: rounded(fresh), afterBurst: rounded(loaded), afterRest: rounded(rested) },
    firstPageMs: { transactions: spread(lists.transactionsMs), stacks: spread(lists.stacksMs) },
  };
}

const stacks = Number(process.argv[2] ?? 200);
const stateDir = mkdtempSync(join(tmpdir(), 'ldc-bench-'));
const installation = await startInstallation({
  ...{ clusters: 0, timers: defaultTimers, stateDir, port: 0, logLevel: 'warn', clock: systemClock },
});
const { client } = installation;
const { token, agents: url } = await client.call(routes.joinTokens.create, { body: { uses: CLUSTERS, labels: {} } });
const agents = fork(
  join(import.meta.dirname, 'measure', 'simulated-agents.ts'),
  [url, token, String(CLUSTERS), String(defaultTimers.heartbeatMs)],
  { execArgv: ['--disable-warning=ExperimentalWarning'] },
);
try {
  await once(agents, 'message');
  await allReady(client);
  printFigures('hub', { clusters: CLUSTERS, stacks, ...(await measure(client, installation.hubPid(), stacks)) });
} finally {
  agents.kill();
  await installation.stop();
  rmSync(stateDir, { recursive: true, force: true });
}
process.exit(0);
