import { join } from 'node:path';
import { errorText, type Logger } from '../../base/index.ts';
import { endLeftovers } from '../../base/process-record.ts';
import { unpackPrograms } from '../catalogue/index.ts';
import type { Happening, Pod, PodStatus } from '../kinds/index.ts';
import { containerAccount, dataFolder, openFolder } from './account.ts';
import { PodAddresses } from './addresses.ts';
import { fieldPathOf } from './container-run.ts';
import { EventWriter } from './event-writer.ts';
import type { Host } from './host.ts';
import { type LogServer, startLogServer } from './log-server.ts';
import { Nodes } from './nodes.ts';
import { PodWorker } from './pod-worker.ts';
import { Processes } from './processes.ts';
import { reflect } from './reflector.ts';
import { RESTART_LIMITS } from './restarts.ts';
import type { KubeletOptions } from './types.ts';

export interface Kubelet {
  /** Serves `/containerLogs/<namespace>/<pod>/<container>` on loopback, over TLS when it was given a certificate. */
  readonly logsUrl: string;
  /** Containers that run as processes now. */
  processCount(): number;
  /** Ends all containers, after `graceMs` by force; their pods stay in the API and live on with the next kubelet. */
  close(graceMs?: number): Promise<void>;
  readonly nodes: Nodes;
}

/** Starts a kubelet for the given nodes. It speaks only HTTP to its API server, through the client. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const { client, clock, logger } = options;
  const leftovers = await endLeftovers(join(options.stateDir, 'processes'), clock, 'group');
  if (leftovers > 0) logger.info({ processes: leftovers }, 'ended what a killed kubelet left running');
  const host = hostOf(options);
  const workers = new Map<string, PodWorker>();
  const logs = await startLogServer({
    find: (namespace, name) => workers.get(`${namespace}/${name}`),
    logsDir: host.logsDir,
    ...(options.logs === undefined ? {} : { address: options.logs }),
  });
  const nodes = new Nodes(options, logs.port, () => {
    for (const worker of workers.values()) worker.sayAgain();
  });
  await nodes.register();
  const stop = new AbortController();
  const loops = options.nodes.map(({ name }) =>
    reflect<Pod>({
      client,
      path: '/api/v1/pods',
      query: { fieldSelector: `spec.nodeName=${name}` },
      clock,
      random: options.random,
      signal: stop.signal,
      onList: (pods) => takeList(workers, host, name, pods),
      onChange: (type, pod) => (type === 'DELETED' ? drop(workers, host.logger, pod) : take(workers, host, pod)),
    }),
  );
  return {
    logsUrl: logs.url,
    nodes,
    processCount: () => host.processes.count,
    close: (graceMs = 1_000) => close({ stop, loops, workers, host, logs, nodes }, graceMs),
  };
}

function hostOf(options: KubeletOptions): Host & { addresses: PodAddresses; processes: Processes } {
  const { client, clock, logger, stateDir } = options;
  const account = containerAccount(process.execPath);
  if (account === undefined && process.getuid?.() === 0) {
    logger.warn({ binary: process.execPath }, 'containers run as root: nobody cannot execute this binary');
  }
  const data = dataFolder(stateDir, account);
  const programsDir = join(data, 'programs');
  unpackPrograms(programsDir);
  const events = new EventWriter(client, clock, logger);
  const restartLimits = {
    ...RESTART_LIMITS,
    ...(options.crashBackoffMs === undefined ? {} : { firstMs: options.crashBackoffMs }),
    ...(options.crashBackoffMaxMs === undefined ? {} : { maxMs: options.crashBackoffMaxMs }),
  };
  return {
    client,
    clock,
    logger,
    events,
    addresses: new PodAddresses(stateDir),
    processes: new Processes({ programsDir, recordsDir: join(stateDir, 'processes'), account, clock }),
    account,
    restartLimits,
    hostIp: '127.0.0.1',
    logsDir: join(stateDir, 'logs'),
    podsDir: openFolder(join(data, 'pods')),
    env: options.env ?? {},
    claimFolder: options.claimFolder,
    shownAddress: options.shownAddress ?? ((address) => address),
    record(pod, happening, container) {
      const fieldPath = container === undefined ? {} : { fieldPath: fieldPathOf(pod, container) };
      events.record(pod.spec.nodeName ?? '', { ...happening, ...fieldPath, about: pod } as Happening);
    },
    writeStatus: (pod, status) => writeStatus(options, pod, status),
  };
}

async function writeStatus(
  { client }: KubeletOptions,
  pod: Pod,
  status: PodStatus,
): Promise<'written' | 'again' | 'gone'> {
  const { namespace, name, uid } = pod.metadata;
  const answer = await client.request({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
    query: { fieldManager: 'kubelet' },
    contentType: 'application/merge-patch+json',
    // the uid makes it fail on a later pod of the same name
    body: { metadata: { uid }, status },
  });
  if (answer.kind === 'answered' && answer.status < 300) return 'written';
  return answer.kind === 'answered' && (answer.status === 404 || answer.status === 409) ? 'gone' : 'again';
}

function take(workers: Map<string, PodWorker>, host: Host, pod: Pod): void {
  const key = keyOf(pod);
  const worker = workers.get(key);
  if (worker?.pod.metadata.uid === pod.metadata.uid) {
    worker?.update(pod);
    return;
  }
  if (worker !== undefined) drop(workers, host.logger, worker.pod);
  const fresh = new PodWorker(pod, host);
  workers.set(key, fresh);
  fresh.kick();
}

function takeList(workers: Map<string, PodWorker>, host: Host, node: string, pods: readonly Pod[]): void {
  const present = new Set(pods.map(keyOf));
  for (const [key, { pod }] of workers) {
    if (pod.spec.nodeName === node && !present.has(key)) drop(workers, host.logger, pod);
  }
  for (const pod of pods) take(workers, host, pod);
}

function drop(workers: Map<string, PodWorker>, logger: Logger, pod: Pod): void {
  const key = keyOf(pod);
  const worker = workers.get(key);
  if (worker === undefined || worker.pod.metadata.uid !== pod.metadata.uid) return;
  workers.delete(key);
  worker
    .vanish()
    .catch((error) => logger.warn({ pod: key, error: errorText(error) }, 'cleaning up after a pod failed'));
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

interface Parts {
  readonly stop: AbortController;
  readonly loops: readonly Promise<void>[];
  readonly workers: Map<string, PodWorker>;
  readonly host: Host;
  readonly logs: LogServer;
  readonly nodes: Nodes;
}

async function close({ stop, loops, workers, host, logs, nodes }: Parts, graceMs: number): Promise<void> {
  stop.abort();
  nodes.close();
  await Promise.all([...workers.values()].map((worker) => worker.close(graceMs)));
  workers.clear();
  await Promise.all([...loops, logs.close(), host.addresses.close()]);
}
