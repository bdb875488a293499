/** A person edits or deletes an owned object: from the answer to that until it is read as it was. Each sample is another set. */
import { isObject } from '../../../src/base/index.ts';
import type { ApiRequest } from '../../../src/kubernetes/index.ts';
import { spread } from '../figures.ts';
import type { RealFleet } from './fleet.ts';
import type { BenchSet } from './sets.ts';
import { eventually } from './wait.ts';

const MERGE = 'application/merge-patch+json';

export async function drifts(fleet: RealFleet, sets: readonly BenchSet[]) {
  const edited: number[] = [];
  const deleted: number[] = [];
  for (const set of sets) {
    const configMap = `/api/v1/namespaces/${set.namespace}/configmaps/${set.name}`;
    const edit = { method: 'PATCH', path: configMap, body: { data: { mode: 'bad' } }, contentType: MERGE } as const;
    edited.push(await repair(fleet, set, edit, (body) => isObject(body.data) && body.data.mode === 'good'));
    const service = `/api/v1/namespaces/${set.namespace}/services/${set.name}`;
    deleted.push(await repair(fleet, set, { method: 'DELETE', path: service }, () => true));
  }
  return { editedToRepairedMs: spread(edited), deletedToRepairedMs: spread(deleted) };
}

async function repair(
  { kube, presence }: RealFleet,
  { name }: BenchSet,
  harm: ApiRequest,
  isWhole: (body: { readonly [field: string]: unknown }) => boolean,
): Promise<number> {
  const client = kube.get(presence.clustersOf(name)[0] ?? '');
  const done = await client?.request(harm);
  if (done?.kind !== 'answered' || done.status !== 200) throw new Error(`${harm.path}: ${JSON.stringify(done)}`);
  const startedMs = performance.now();
  await eventually(`${harm.path} is repaired`, async () => {
    const answer = await client?.request({ method: 'GET', path: harm.path });
    if (answer?.kind !== 'answered' || answer.status !== 200 || !isObject(answer.body)) return undefined;
    return isWhole(answer.body) || undefined;
  });
  return performance.now() - startedMs;
}
