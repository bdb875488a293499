/** Reads `kept.metadata.uid` from what earlier steps have left. */
import { isObject, type Json } from '../../src/base/index.ts';

/** @throws Error when nothing is there: a script that refers to nothing is wrong. */
export function readPath(known: ReadonlyMap<string, Json>, path: string): Json {
  const [name = '', ...rest] = path.split('.');
  let value: Json | undefined = known.get(name);
  for (const part of rest) value = Array.isArray(value) ? (value[Number(part)] as Json) : fieldOf(value, part);
  if (value === undefined) throw new Error(`nothing is known as {{${path}}}`);
  return value;
}

function fieldOf(value: Json | undefined, field: string): Json | undefined {
  return isObject(value) ? (value[field] as Json | undefined) : undefined;
}
