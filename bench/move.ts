/**
 * A cluster is cut off: how long until it is lost, until the first move is decided, and until its function answers elsewhere
 * (probed through the gateway of the new cluster), with short timers and with the defaults. `node bench/move.ts [ROUNDS]`:
 * rounds with short timers; the defaults, which take about a minute each, get a third of them. JSON on stdout.
 */
import { routes } from '../src/api/client/index.ts';
import { defaultTimers, type HealthTimers } from '../src/availability/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { printFigures, rounded, spread } from './measure/figures.ts';
import { type Local, withLocal } from './measure/local.ts';

const SHORT: HealthTimers = {
  ...defaultTimers,
  heartbeatMs: 500,
  suspectAfterMs: 1_500,
  lostAfterMs: 3_000,
  backAfterMs: 1_000,
};
const LOOK_EVERY_MS = 20;
const PATIENCE_MS = 180_000;
const PROBE_TIMEOUT_MS = 400;

const SOURCE: StackSource = {
  path: 'web.yaml',
  stack: `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: web }
spec:
  namespace: web
  functions:
    - name: web
      manifests: [ manifests.yaml ]
      availability: { locations: { min: 2, max: 2, spread: region } }
      health: { http: { service: web, path: /healthz } }
  rollout: { waves: [ 100% ], minReady: 0s }
`,
  files: {
    'manifests.yaml': `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { port: 80, targetPort: http } ] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: ldc.dev/http:1
          env: [ { name: PORT, value: "8080" } ]
          ports: [ { name: http, containerPort: 8080 } ]
          readinessProbe: { httpGet: { path: /healthz, port: http }, periodSeconds: 1 }
          resources: { requests: { cpu: 10m, memory: 16Mi } }
`,
  },
};

/** Seconds after the cut. */
interface Move {
  readonly suspect: number;
  readonly lost: number;
  readonly decided: number;
  readonly served: number;
  readonly committed: number;
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > untilMs) throw new Error(`not within ${PATIENCE_MS / 1_000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function placedOn({ installation }: Local): Promise<readonly string[]> {
  const { items } = await installation.client.call(routes.functions.list, { query: { stack: 'web' } });
  return items.flatMap((item) => item.locations.map(({ cluster }) => cluster)).sort();
}

async function answers(local: Local, cluster: string): Promise<boolean> {
  const { servicesUrl } = local.installation.clusters.find(({ name }) => name === cluster) ?? {};
  try {
    const response = await fetch(`${servicesUrl}/web/web/`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function reschedules({ installation }: Local) {
  const query = { stack: 'default/web', kind: 'reschedule' } as const;
  return (await installation.client.call(routes.transactions.list, { query })).items;
}

/** Cuts one of the serving clusters and watches what follows. */
async function move(local: Local): Promise<Move> {
  const { client } = local.installation;
  const before = await placedOn(local);
  const cluster = before[0] as string;
  const others = local.installation.clusters.map(({ name }) => name).filter((name) => !before.includes(name));
  await local.installation.fault(cluster, 'cut');
  const cutAtMs = performance.now();
  const since = () => (performance.now() - cutAtMs) / 1_000;
  const health = (wanted: readonly string[]) =>
    eventually(`${cluster} is ${wanted[0]}`, async () => {
      const seen = await client.call(routes.clusters.get, { params: { name: cluster } });
      return wanted.includes(seen.health) ? since() : undefined;
    });
  const served = eventually('it is served elsewhere', async () => {
    const each = await Promise.all(others.map((name) => answers(local, name)));
    return each.includes(true) ? since() : undefined;
  });
  const suspect = await health(['suspect', 'lost']);
  const lost = await health(['lost']);
  const id = await eventually('a move', async () => (await reschedules(local))[0]?.id);
  const decided = since();
  const committed = await eventually(`${id} committed`, async () => {
    const { state } = await client.call(routes.transactions.get, { params: { id } });
    return state === 'committed' ? since() : undefined;
  });
  return { suspect, lost, decided, served: await served, committed };
}

async function deploy({ installation: { client } }: Local): Promise<void> {
  const submitted = await client.call(routes.stacks.apply, { body: SOURCE });
  if (submitted.kind === 'nothing') throw new Error(submitted.message);
  const { id } = submitted.transaction;
  await eventually('the stack is deployed', async () => {
    const { sealed } = await client.call(routes.transactions.get, { params: { id } });
    return sealed || undefined;
  });
}

/** Each round on an installation of its own: a second loss in a row meets the cooldown and the quarantine of flapping clusters. */
async function measure(timers: HealthTimers, rounds: number) {
  const moves: Move[] = [];
  for (let round = 0; round < rounds; round++) {
    moves.push(
      await withLocal({ clusters: 4, timers }, async (local) => {
        await deploy(local);
        return move(local);
      }),
    );
  }
  const of = (pick: (one: Move) => number) => spread(moves.map(pick), 2);
  return {
    timersSeconds: {
      heartbeat: timers.heartbeatMs / 1_000,
      suspect: timers.suspectAfterMs / 1_000,
      lost: timers.lostAfterMs / 1_000,
    },
    cutToSuspectSeconds: of(({ suspect }) => suspect),
    cutToLostSeconds: of(({ lost }) => lost),
    cutToDecidedSeconds: of(({ decided }) => decided),
    cutToServedSeconds: of(({ served }) => served),
    cutToCommittedSeconds: of(({ committed }) => committed),
    lostToServedSeconds: of(({ served, lost }) => served - lost),
  };
}

const rounds = Number(process.argv[2] ?? 6);
const startedMs = performance.now();
const short = await measure(SHORT, rounds);
const standard = await measure(defaultTimers, Math.max(1, Math.floor(rounds / 3)));
printFigures('move', {
  clusters: 4,
  short,
  default: standard,
  seconds: rounded((performance.now() - startedMs) / 1_000),
});
