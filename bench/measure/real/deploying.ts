/** One set into a cluster: by ldc as a transaction, or plainly by server-side apply (the baseline). */
import { routes } from '../../../src/api/client/index.ts';
import { limits } from '../../../src/base/index.ts';
import { createSlots } from '../../../src/kubernetes/index.ts';
import type { StackSource } from '../../../src/stacks/index.ts';
import type { RealFleet } from './fleet.ts';
import { type BenchSet, objectsOf, sourceOf } from './sets.ts';
import { within } from './wait.ts';

const APPLY = 'application/apply-patch+yaml';
/**
 * Calls of `apply` under way at once: as many as the baseline has requests under way, which its clients bound by cluster.
 * Hundreds of TLS handshakes in one moment would be measured otherwise.
 */
export const CALLS_AT_ONCE = 3 * limits.clusterRequestsAtOnceMax;
const calls = createSlots(CALLS_AT_ONCE);
const PLURALS: { readonly [kind: string]: string } = {
  ConfigMap: 'configmaps',
  Service: 'services',
  Deployment: 'deployments',
};

/** Moments (`performance.now`); `acceptedMs` is when ldc had answered, the baseline has no such moment. */
export interface Deployed {
  readonly calledMs: number;
  readonly acceptedMs: number | undefined;
  readonly existsMs: number;
  readonly readyMs: number;
  /** ldc: the transaction is sealed. Baseline: the last request is answered. */
  readonly endedMs: number;
}

/** @throws Error when the transaction ends otherwise than committed */
export async function submit({ client, ends }: RealFleet, body: StackSource) {
  const calledMs = performance.now();
  await calls.take();
  const submitted = await client.call(routes.stacks.apply, { body }).finally(() => calls.give());
  const acceptedMs = performance.now();
  if (submitted.kind === 'nothing') throw new Error(submitted.message);
  const { id } = submitted.transaction;
  const ended = ends.of(id).then(async ({ atMs, outcome }) => {
    if (outcome === 'committed') return atMs;
    const { cause } = await client.call(routes.transactions.get, { params: { id } });
    throw new Error(`${id} ended ${outcome}: ${JSON.stringify(cause)}`);
  });
  return { calledMs, acceptedMs, endedMs: await within(`${id} ends`, ended) };
}

export async function deploy(fleet: RealFleet, set: BenchSet): Promise<Deployed> {
  return { ...(await submit(fleet, sourceOf(set))), ...(await seen(fleet, set)) };
}

/** Namespace (if it is the set's own), ConfigMap, Service, Deployment: one request each, one after the other. */
export async function applyPlainly(fleet: RealFleet, set: BenchSet, cluster: string): Promise<Deployed> {
  const { name, namespace } = set;
  const calledMs = performance.now();
  if (name === namespace)
    await apply(fleet, cluster, `/api/v1/namespaces/${name}`, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    });
  for (const object of objectsOf(set)) {
    const group = object.apiVersion === 'v1' ? '/api/v1' : `/apis/${object.apiVersion}`;
    await apply(fleet, cluster, `${group}/namespaces/${namespace}/${PLURALS[object.kind]}/${name}`, object);
  }
  const endedMs = performance.now();
  return { calledMs, acceptedMs: undefined, endedMs, ...(await seen(fleet, set)) };
}

/** @throws Error with the server's words when it is refused */
export async function apply({ kube }: RealFleet, cluster: string, path: string, body: object): Promise<void> {
  const query = { fieldManager: 'bench', force: true };
  const request = { method: 'PATCH', path, query, body: body as never, contentType: APPLY } as const;
  const answer = await kube.get(cluster)?.request(request);
  if (answer?.kind !== 'answered' || answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer)}`);
}

async function seen({ presence }: RealFleet, { name }: BenchSet) {
  const existsMs = await within(`${name} exists`, presence.seen(name, 'exists'));
  return { existsMs, readyMs: await within(`${name} is ready`, presence.seen(name, 'ready')) };
}
