/**
 * From `apply` to all objects present on 4 embedded clusters, and to `committed`: a stack of a Deployment, a Service and a
 * ConfigMap, placed on all four in one wave. `node bench/apply.ts [DEPLOYS]`: as many new stacks, then as many new revisions
 * of one of them. Presence is seen by watches straight at the clusters, past hub and agents. JSON on stdout.
 */
import { routes } from '../src/api/client/index.ts';
import { defaultTimers } from '../src/availability/index.ts';
import { type KubeObject, systemClock, systemRandom } from '../src/base/index.ts';
import { type Client, watchLoop } from '../src/kubernetes/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { printFigures, rounded, spread } from './measure/figures.ts';
import { type Local, withLocal } from './measure/local.ts';

const CLUSTERS = 4;
const KINDS = [
  { path: '/apis/apps/v1/deployments', apiVersion: 'apps/v1', kind: 'Deployment' },
  { path: '/api/v1/services', apiVersion: 'v1', kind: 'Service' },
  { path: '/api/v1/configmaps', apiVersion: 'v1', kind: 'ConfigMap' },
] as const;

function source(name: string, version: number): StackSource {
  const stack = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${name}
  functions:
    - { name: web, manifests: [ web.yaml ], availability: { locations: { min: 1, max: ${CLUSTERS} } } }
  rollout: { waves: [ 100% ], minReady: 0s, maxUnavailableLocations: ${CLUSTERS} }
`;
  const manifests = `apiVersion: v1
kind: ConfigMap
metadata: { name: web, labels: { version: v${version} } }
data: { version: v${version} }
---
apiVersion: v1
kind: Service
metadata: { name: web, labels: { version: v${version} } }
spec: { selector: { app: web }, ports: [ { port: 80 } ] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { version: v${version} } }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web, version: v${version} } }
    spec: { containers: [ { name: web, image: example.test/web:v${version}, resources: { requests: { cpu: 1m, memory: 1Mi } } } ] }
`;
  return { path: `${name}.yaml`, stack, files: { 'web.yaml': manifests } };
}

/** Hears of every object of the bench on every cluster, at the moment at which its API server tells. */
class Presence {
  readonly #seen = new Map<string, Set<string>>();
  readonly #waiting = new Map<string, () => void>();
  readonly #stop = new AbortController();

  watch(cluster: string, client: Client): Promise<unknown> {
    const ready = KINDS.map(
      (target) =>
        new Promise<void>((resolve) => {
          const handlers = {
            onList: () => resolve(),
            onEvent: (_type: string, object: KubeObject) => this.#hear(`${cluster}/${target.kind}`, object),
          };
          const ports = { clock: systemClock, random: systemRandom, signal: this.#stop.signal };
          void watchLoop(client, { ...target, labelSelector: 'ldc.dev/stack' }, handlers, ports);
        }),
    );
    return Promise.all(ready);
  }

  /** Resolves when each cluster has each object of that version. */
  everywhere(name: string, version: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(`${name}/v${version}`, resolve));
  }

  stop(): void {
    this.#stop.abort();
  }

  #hear(where: string, { metadata }: KubeObject): void {
    const key = `${metadata.namespace}/${metadata.labels?.version}`;
    const places = this.#seen.get(key) ?? new Set();
    this.#seen.set(key, places.add(where));
    if (places.size === CLUSTERS * KINDS.length) this.#waiting.get(key)?.();
  }
}

interface Deploys {
  readonly presentMs: number[];
  readonly committedMs: number[];
}

async function deploy({ installation }: Local, presence: Presence, name: string, version: number, into: Deploys) {
  const { client } = installation;
  const present = presence.everywhere(name, version).then(() => performance.now());
  const startedMs = performance.now();
  const submitted = await client.call(routes.stacks.apply, { body: source(name, version) });
  if (submitted.kind === 'nothing') throw new Error(submitted.message);
  const { id } = submitted.transaction;
  for await (const entry of client.follow(routes.transactions.events, { id })) if (entry.type === 'tx.sealed') break;
  into.committedMs.push(performance.now() - startedMs);
  const { state, cause } = await client.call(routes.transactions.get, { params: { id } });
  if (state !== 'committed') throw new Error(`${id} ended ${state}: ${JSON.stringify(cause)}`);
  into.presentMs.push((await present) - startedMs);
}

const count = Number(process.argv[2] ?? 25);
const figures = await withLocal({ clusters: CLUSTERS, timers: defaultTimers }, async (local) => {
  const presence = new Presence();
  for (const [cluster, client] of local.kube) await presence.watch(cluster, client);
  const created: Deploys = { presentMs: [], committedMs: [] };
  const changed: Deploys = { presentMs: [], committedMs: [] };
  await deploy(local, presence, 'warm', 0, { presentMs: [], committedMs: [] });
  for (let n = 0; n < count; n++) await deploy(local, presence, `bench-${n}`, 1, created);
  for (let n = 0; n < count; n++) await deploy(local, presence, 'bench-0', n + 2, changed);
  presence.stop();
  const summary = ({ presentMs, committedMs }: Deploys) => ({
    presentMs: spread(presentMs),
    committedMs: spread(committedMs),
  });
  return { readySeconds: rounded(local.readySeconds), created: summary(created), changed: summary(changed) };
});
printFigures('apply', { clusters: CLUSTERS, objects: CLUSTERS * KINDS.length, ...figures });
