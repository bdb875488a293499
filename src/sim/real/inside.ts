/** What lives in a real cluster beside its control plane: our kubelet, the provisioner, and what is known of its Services. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, JsonObject, Logger, Random } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import type { Pki } from '../api/pki.ts';
import type { ServiceReader } from '../gateway/index.ts';
import { type Kubelet, type NodeSpec, startKubelet } from '../kubelet/index.ts';
import { DEFAULT_CLASS, startProvisioner } from './claims.ts';
import { watchServices } from './endpoints.ts';
import { shownAddress } from './pod-addresses.ts';

export interface InsideOptions {
  readonly folder: string;
  readonly client: Client;
  readonly nodes: readonly NodeSpec[];
  /** Names of the nodes that kwok plays. */
  readonly simulatedNodes: readonly string[];
  /** Such as `v1.34.10`. */
  readonly version: string;
  readonly logsPort: number;
  readonly pki: Pki;
  /** As whom the API server asks for logs. */
  readonly kubeletClientPem: string;
  readonly webhook: JsonObject;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Variables that every container gets. */
  readonly env: { readonly [name: string]: string };
  readonly crashBackoffMs?: number;
}

export interface Inside {
  readonly kubelet: Kubelet;
  readonly services: ServiceReader;
  /** Containers get `graceMs` to end by themselves. */
  close(graceMs: number): Promise<void>;
}

/** A control plane that just became ready may still refuse its first writes. */
const WRITE_TRIES = 100;
const WRITE_PAUSE_MS = 100;
const LEASE_SECONDS = 40;

/** Starts it on its state, with the API server up: what ran before runs again. */
export async function startInside(options: InsideOptions): Promise<Inside> {
  const { folder, client, clock, random, logger } = options;
  const volumesDir = join(folder, 'volumes');
  mkdirSync(volumesDir, { recursive: true, mode: 0o711 });
  await put(options, '/apis/storage.k8s.io/v1/storageclasses', DEFAULT_CLASS);
  await put(options, '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', options.webhook);
  const kubelet = await startKubelet({
    nodes: options.nodes,
    client,
    stateDir: join(folder, 'kubelet'),
    clock,
    random,
    logger,
    leaseSeconds: LEASE_SECONDS,
    env: options.env,
    shownAddress,
    version: options.version,
    logs: {
      port: options.logsPort,
      ...options.pki.server,
      caPem: options.pki.caPem,
      clientPem: options.kubeletClientPem,
    },
    claimFolder: (volume) => join(volumesDir, volume),
    ...(options.crashBackoffMs === undefined ? {} : { crashBackoffMs: options.crashBackoffMs }),
  });
  for (const node of options.simulatedNodes) await kubelet.nodes.serveLogsOf(node);
  const ended = new AbortController();
  const watching = { clock, random, signal: ended.signal };
  startProvisioner({ client, volumesDir, logger, ...watching });
  const services = watchServices(client, watching);
  return {
    kubelet,
    services,
    async close(graceMs) {
      ended.abort();
      await kubelet.close(graceMs);
    },
  };
}

async function put({ client, clock }: InsideOptions, collection: string, object: JsonObject): Promise<void> {
  const { name } = object.metadata as { readonly name: string };
  let why = '';
  for (let tries = 0; tries < WRITE_TRIES; tries++) {
    const answer = await client.request({
      method: 'PATCH',
      path: `${collection}/${name}`,
      query: { fieldManager: 'ldc-sim', force: true },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
    if (answer.kind === 'answered' && answer.status < 300) return;
    why = answer.kind === 'answered' ? JSON.stringify(answer.body) : answer.reason;
    await clock.sleep(WRITE_PAUSE_MS);
  }
  throw new Error(`${collection}/${name} was not taken: ${why}`);
}
