/**
 * Hub and agents, each a process of its own, over real control planes of two minors: apply until the objects exist and are
 * committed, sets per second, drift, memory and idle CPU.
 * `node bench/real.ts [STACKS]` (default 200); JSON on stdout. Skipped, loudly, where no control plane can be built.
 */
import { routes } from '../src/api/client/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { printFigures, rounded, spread } from './measure/figures.ts';
import { cpuSecondsOf, memoryOf } from './measure/local.ts';
import { type RealFleet, skip, withRealFleet } from './measure/real-fleet.ts';

const CLUSTERS = 3;
const SINGLES = 20;
const IDLE_MS = 10_000;
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 2;
const MERGE = 'application/merge-patch+json';

function source(name: string): StackSource {
  const stack = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${name}
  functions: [ { name: web, manifests: [ web.yaml ], availability: { locations: { min: 1, max: 1 } } } ]
  rollout: { waves: [ 100% ] }
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

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    if (performance.now() > untilMs) throw new Error(`not within ${PATIENCE_MS / 1_000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

interface Deployed {
  /** From the call, and from its answer, until the watch at the cluster has shown the third object. */
  readonly existMs: number;
  readonly acceptedToExistMs: number;
  readonly committedMs: number;
}

async function deploy({ client, presence }: RealFleet, name: string): Promise<Deployed> {
  const startedMs = performance.now();
  const submitted = await client.call(routes.stacks.apply, { body: source(name) });
  if (submitted.kind === 'nothing') throw new Error(submitted.message);
  const acceptedMs = performance.now();
  const { id } = submitted.transaction;
  for await (const entry of client.follow(routes.transactions.events, { id })) if (entry.type === 'tx.sealed') break;
  const committedMs = performance.now() - startedMs;
  const { state, cause } = await client.call(routes.transactions.get, { params: { id } });
  if (state !== 'committed') throw new Error(`${id} ended ${state}: ${JSON.stringify(cause)}`);
  await until(`${name} exists`, () => presence.existsSinceMs(name) !== undefined);
  const existsMs = presence.existsSinceMs(name) ?? Number.NaN;
  return { existMs: existsMs - startedMs, acceptedToExistMs: existsMs - acceptedMs, committedMs };
}

/** From the answer to a foreign write of an owned field until it is read as it was. */
async function drift({ presence, kube }: RealFleet, name: string): Promise<number> {
  const client = kube.get(presence.clusterOf(name));
  const path = `/api/v1/namespaces/${name}/configmaps/web`;
  await client?.request({ method: 'PATCH', path, body: { data: { mode: 'bad' } }, contentType: MERGE });
  const startedMs = performance.now();
  await until(`${name} is repaired`, async () => {
    const answer = await client?.request({ method: 'GET', path });
    return answer?.kind === 'answered' && JSON.stringify(answer.body).includes('"mode":"good"');
  });
  return performance.now() - startedMs;
}

async function costs(fleet: RealFleet) {
  const pids = [fleet.hubPid, ...fleet.agentPids];
  const before = pids.map(cpuSecondsOf);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const [hub, ...agents] = pids.map((pid, index) => ({
    rssMiB: rounded(memoryOf(pid).rssMiB),
    idleCpuPercentOfOneCore: rounded(((cpuSecondsOf(pid) - (before[index] ?? 0)) / IDLE_MS) * 100_000, 2),
  }));
  return { hub, agents };
}

async function measure(fleet: RealFleet, stacks: number) {
  await deploy(fleet, 'warm');
  const fresh = await costs(fleet);
  const singles: Deployed[] = [];
  for (let n = 0; n < SINGLES; n++) singles.push(await deploy(fleet, `single-${n}`));
  const startedMs = performance.now();
  const many = await Promise.all(Array.from({ length: stacks }, (_, n) => deploy(fleet, `many-${n}`)));
  const committedSeconds = (performance.now() - startedMs) / 1_000;
  const existSeconds = Math.max(...many.map(({ existMs }) => existMs)) / 1_000;
  const driftMs: number[] = [];
  for (let n = 0; n < SINGLES; n++) driftMs.push(await drift(fleet, `single-${n}`));
  const shown = (all: readonly Deployed[]) => ({
    existMs: spread(all.map(({ existMs }) => existMs)),
    acceptedToExistMs: spread(all.map(({ acceptedToExistMs }) => acceptedToExistMs)),
    committedMs: spread(all.map(({ committedMs }) => committedMs)),
  });
  return {
    fresh,
    oneAtATime: shown(singles),
    atOnce: {
      ...shown(many),
      setsPerSecondExist: rounded(stacks / existSeconds),
      setsPerSecondCommitted: rounded(stacks / committedSeconds),
    },
    driftMs: spread(driftMs),
    loaded: await costs(fleet),
  };
}

if (skip !== false) {
  console.error(`bench/real.ts: SKIPPED, nothing was measured: ${skip}`);
} else {
  const stacks = Number(process.argv[2] ?? 200);
  const figures = await withRealFleet(CLUSTERS, (fleet) => measure(fleet, stacks));
  printFigures('real', { clusters: CLUSTERS, stacks, objectsPerStack: 3, ...figures });
}
process.exit(0);
