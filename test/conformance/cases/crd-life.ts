/** Installing a definition in a case, and taking it away with the case. */
import { type Json, type JsonObject, jsonEqual, type KubeObject } from '../../../src/base/index.ts';
import { accepted, at } from '../caller.ts';
import type { Trial } from '../judge.ts';

export const CRDS = 'apiextensions.k8s.io/v1/customresourcedefinitions';

export function crdPath(trial: Trial, definition: KubeObject | string): string {
  return trial.global(CRDS, typeof definition === 'string' ? definition : definition.metadata.name);
}

export function condition(object: KubeObject, type: string): JsonObject | undefined {
  const conditions = at(object, 'status', 'conditions');
  return Array.isArray(conditions) ? (conditions as readonly JsonObject[]).find((one) => one.type === type) : undefined;
}

/** Creates the definition; it goes with the case. */
export async function install(trial: Trial, definition: KubeObject): Promise<KubeObject> {
  const made = accepted(await trial.post(trial.global(CRDS), definition), 201);
  trial.later(() => trial.remove(crdPath(trial, definition)));
  return made;
}

/** Creates it and waits until its kind is served: Established, and in discovery. */
export async function establish(trial: Trial, definition: KubeObject): Promise<KubeObject> {
  await install(trial, definition);
  const found = await trial.eventually(`${definition.metadata.name} to be Established`, async () => {
    const live = accepted(await trial.get(crdPath(trial, definition)));
    return condition(live, 'Established')?.status === 'True' ? live : undefined;
  });
  for (const version of servedVersions(definition)) await inDiscovery(trial, definition, version);
  return found;
}

/** The names of a definition's served versions. */
function servedVersions(definition: KubeObject): readonly string[] {
  const versions = at(definition, 'spec', 'versions') as readonly JsonObject[];
  return versions.filter(({ served }) => jsonEqual(served as Json, true)).map(({ name }) => String(name));
}

async function inDiscovery(trial: Trial, definition: KubeObject, version: string): Promise<void> {
  const path = `/apis/${String(at(definition, 'spec', 'group'))}/${version}`;
  const plural = at(definition, 'spec', 'names', 'plural');
  await trial.eventually(`${path} to list ${String(plural)}`, async () => {
    const answer = await trial.get(path);
    const listed = answer.status === 200 ? at(answer.body as JsonObject, 'resources') : [];
    return (listed as readonly JsonObject[]).some(({ name }) => name === plural);
  });
}
