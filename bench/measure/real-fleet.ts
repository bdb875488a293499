/** A hub and agents beside real control planes, each a process of its own as in production, for the time of a bench. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HubClient, routes } from '../../src/api/client/index.ts';
import { defaultTimers } from '../../src/availability/index.ts';
import { type KubeObject, systemClock, systemRandom } from '../../src/base/index.ts';
import { type Client, watchLoop } from '../../src/kubernetes/index.ts';
import { programEntry } from '../../src/main/child.ts';
import { freePortPair } from '../../src/main/free-ports.ts';
import { startInstallation } from '../../src/main/installation.ts';
import { agentNodeOptions } from '../../src/main/join.ts';
import { type Real, skip, startReal } from '../../test/kube/control-planes.ts';

export { skip };

const KINDS = [
  { path: '/apis/apps/v1/deployments', apiVersion: 'apps/v1', kind: 'Deployment' },
  { path: '/api/v1/services', apiVersion: 'v1', kind: 'Service' },
  { path: '/api/v1/configmaps', apiVersion: 'v1', kind: 'ConfigMap' },
] as const;
const STOP_MS = 5_000;

export interface RealFleet {
  readonly client: HubClient;
  /** Straight to each cluster's API server. */
  readonly kube: ReadonlyMap<string, Client>;
  readonly hubPid: number;
  readonly agentPids: readonly number[];
  readonly presence: Presence;
}

/** Hears of stacks' objects by watches straight at the clusters, past hub and agents. */
export class Presence {
  readonly #seen = new Map<string, Set<string>>();
  readonly #sinceMs = new Map<string, number>();
  readonly #clusters = new Map<string, string>();
  readonly #stop = new AbortController();

  watch(cluster: string, client: Client): Promise<unknown> {
    const listed = KINDS.map(
      (target) =>
        new Promise<void>((resolve) => {
          const handlers = {
            onList: () => resolve(),
            onEvent: (_type: string, object: KubeObject) => this.#hear(cluster, target.kind, object),
          };
          const ports = { clock: systemClock, random: systemRandom, signal: this.#stop.signal };
          void watchLoop(client, { ...target, labelSelector: 'ldc.dev/stack' }, handlers, ports);
        }),
    );
    return Promise.all(listed);
  }
  /** When the last of a namespace's kinds was first seen (`performance.now`). */
  existsSinceMs(namespace: string): number | undefined {
    return this.#sinceMs.get(namespace);
  }
  clusterOf(namespace: string): string {
    return this.#clusters.get(namespace) ?? '';
  }
  stop(): void {
    this.#stop.abort();
  }
  #hear(cluster: string, kind: string, { metadata }: KubeObject): void {
    const namespace = metadata.namespace ?? '';
    const seen = (this.#seen.get(namespace) ?? new Set()).add(kind);
    this.#seen.set(namespace, seen);
    this.#clusters.set(namespace, cluster);
    if (seen.size === KINDS.length && !this.#sinceMs.has(namespace)) this.#sinceMs.set(namespace, performance.now());
  }
}

/** Runs `work` on a fleet of its own, of two minors in turn, which is gone afterwards. */
export async function withRealFleet<T>(count: number, work: (fleet: RealFleet) => Promise<T>): Promise<T> {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-bench-real-'));
  const reals: Real[] = [];
  const agents: ChildProcess[] = [];
  const presence = new Presence();
  const port = await freePortPair();
  const common = { clusters: 0, timers: defaultTimers, stateDir, port, logLevel: 'warn', clock: systemClock };
  const installation = await startInstallation(common);
  const { client } = installation;
  try {
    const kube = new Map<string, Client>();
    for (let n = 0; n < count; n++) {
      const real = await startReal(n % 2 === 0 ? '1.34' : '1.33');
      reals.push(real);
      const name = `real-${n + 1}`;
      kube.set(name, real.client);
      const { token } = await client.call(routes.joinTokens.create, { body: { uses: 1, labels: { region: name } } });
      const options = { hub: `https://127.0.0.1:${port + 1}`, name, kubeconfig: real.kubeconfigPath, labels: {} };
      agents.push(await startAgent(JSON.stringify(options), token, join(stateDir, `${name}.log`)));
      await presence.watch(name, real.client);
    }
    const agentPids = agents.map(({ pid }) => pid ?? 0);
    return await work({ client, kube, hubPid: installation.hubPid(), agentPids, presence });
  } finally {
    presence.stop();
    await Promise.all(agents.map(stopped));
    await Promise.all(reals.map((real) => real.close()));
    await installation.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

function startAgent(options: string, token: string, logFile: string): Promise<ChildProcess> {
  const log = openSync(logFile, 'a', 0o600);
  const child = fork(programEntry, ['part', 'agent', options], {
    stdio: ['ignore', log, log, 'ipc'],
    execArgv: [...agentNodeOptions],
    env: { ...process.env, LDC_JOIN_TOKEN: token },
  });
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`an agent ended with exit code ${code}: see ${logFile}`)));
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref();
  });
}
