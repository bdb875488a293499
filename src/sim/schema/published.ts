/** What /openapi/v3 serves of one group-version: the definitions reachable from its kinds, as published. */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import { definition } from './documents.ts';
import { builtinResources } from './resources.ts';

const REF_PREFIX = '#/components/schemas/';
const OURS = 'x-ldc-wire';

/** A copy without our own annotations; calls `onRef` for each definition that is pointed to. */
function published(node: Json, onRef: (name: string) => void): Json {
  if (Array.isArray(node)) return node.map((item) => published(item, onRef));
  if (!isObject(node)) return node;
  const out: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === OURS || value === undefined) continue;
    if (key === '$ref' && typeof value === 'string' && value.startsWith(REF_PREFIX))
      onRef(value.slice(REF_PREFIX.length));
    out[key] = published(value, onRef);
  }
  return out;
}

/**
 * `components.schemas` of a built-in group-version, with descriptions (kubectl explain reads them).
 * An unknown group-version has none.
 */
export function publishedSchemas(group: string, version: string): JsonObject {
  const queue = builtinResources()
    .filter((resource) => resource.group === group && resource.version === version)
    .flatMap((resource) => (resource.schema?.ref === undefined ? [] : [resource.schema.ref]));
  const out: { [name: string]: Json } = {};
  while (queue.length > 0) {
    const name = queue.pop() as string;
    if (out[name] === undefined) out[name] = published(definition(name), (ref) => queue.push(ref));
  }
  return out;
}

/** The published definitions that a custom resource's document refers to (ObjectMeta and what it is made of). */
export function publishedDefinitions(names: readonly string[]): JsonObject {
  const queue = [...names];
  const out: { [name: string]: Json } = {};
  while (queue.length > 0) {
    const name = queue.pop() as string;
    if (out[name] === undefined) out[name] = published(definition(name), (ref) => queue.push(ref));
  }
  return out;
}
