/** The reduced published OpenAPI documents (`data/`), read one package at a time when a definition of it is first asked for. */
import { readFileSync } from 'node:fs';
import { invariant, type Json, type JsonObject } from '../../base/index.ts';

const packages = new Map<string, JsonObject>();

export function readData(name: string): Json {
  return JSON.parse(readFileSync(new URL(`./data/${name}.json`, import.meta.url), 'utf8')) as Json;
}

/** The published schema of one definition, such as `io.k8s.api.apps.v1.Deployment`, with our `x-ldc-wire` beside properties. */
export function definition(name: string): JsonObject {
  const packageName = name.slice(0, name.lastIndexOf('.'));
  let definitions = packages.get(packageName);
  if (definitions === undefined) {
    definitions = readData(packageName) as JsonObject;
    packages.set(packageName, definitions);
  }
  const found = definitions[name];
  invariant(found !== undefined, `no published definition ${name}`);
  return found as JsonObject;
}
