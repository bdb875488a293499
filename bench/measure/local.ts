/** A local installation for the time of a bench: a hub and embedded clusters with agents, in processes of their own. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HealthTimers } from '../../src/availability/index.ts';
import { systemClock } from '../../src/base/index.ts';
import { type Client, connect } from '../../src/kubernetes/index.ts';
import { type Installation, startInstallation } from '../../src/main/installation.ts';

export interface Local {
  readonly installation: Installation;
  /** Straight to each cluster's API server. */
  readonly kube: ReadonlyMap<string, Client>;
  readonly hubPid: number;
  /** The process of all embedded clusters and their agents. */
  readonly fleetPid: number;
  /** From nothing to all clusters ready, seconds. */
  readonly readySeconds: number;
}

/** Runs `work` on an installation of its own, which is gone afterwards. */
export async function withLocal<T>(
  options: { readonly clusters: number; readonly timers: HealthTimers },
  work: (local: Local) => Promise<T>,
): Promise<T> {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-bench-'));
  const keepAlive = setInterval(() => {}, 60_000); // clocks and sockets of an installation hold no process
  const startedMs = performance.now();
  const installation = await startInstallation({
    ...options,
    stateDir,
    port: 0,
    logLevel: 'warn',
    clock: systemClock,
  });
  const readySeconds = (performance.now() - startedMs) / 1_000;
  const kube = new Map<string, Client>();
  try {
    for (const { name, kubeconfig } of installation.clusters)
      kube.set(name, await connect({ kind: 'kubeconfig', text: readFileSync(kubeconfig, 'utf8') }, systemClock));
    const { pid: fleetPid } = JSON.parse(readFileSync(join(stateDir, 'pids', 'fleet.json'), 'utf8')) as { pid: number };
    return await work({ installation, kube, hubPid: installation.hubPid(), fleetPid, readySeconds });
  } finally {
    await Promise.all([...kube.values()].map((client) => client.close()));
    await installation.stop();
    rmSync(stateDir, { recursive: true, force: true });
    clearInterval(keepAlive);
  }
}

/** Memory of a process from /proc (Linux), MiB: `pss` shares what several processes have in common among them. */
export function memoryOf(pid: number): { readonly rssMiB: number; readonly pssMiB: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { rssMiB: kib('Rss') / 1_024, pssMiB: kib('Pss') / 1_024 };
}

/** CPU time that a process has used so far (Linux, 100 ticks a second), seconds. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
