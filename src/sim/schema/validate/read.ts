/** Reading parts of an object under validation without trusting its shape. */
import { isObject, type Json, type JsonObject } from '../../../base/index.ts';

export function part(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const key of keys) at = isObject(at) ? at[key] : undefined;
  return at;
}

export function fields(value: Json | undefined, ...keys: readonly string[]): JsonObject {
  const found = part(value, ...keys);
  return isObject(found) ? found : {};
}

export function list(value: Json | undefined, ...keys: readonly string[]): readonly Json[] {
  const found = part(value, ...keys);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

export function text(value: Json | undefined, ...keys: readonly string[]): string {
  const found = part(value, ...keys);
  return typeof found === 'string' ? found : '';
}
