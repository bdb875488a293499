/** Objects under construction: defaults are filled into a fresh copy that nobody else holds. */
import type { Json } from '../../../base/index.ts';

export type Draft = { [key: string]: Json | undefined };

export function isDraft(value: Json | undefined): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets what is absent. */
export function fill(draft: Draft, defaults: { readonly [key: string]: Json }): void {
  for (const [key, value] of Object.entries(defaults))
    if (draft[key] === undefined || draft[key] === null) draft[key] = value;
}

/** The structure under a key; undefined: there is none. */
export function under(draft: Draft | undefined, ...keys: readonly string[]): Draft | undefined {
  let at = draft;
  for (const key of keys) {
    const next: Json | undefined = at?.[key];
    at = isDraft(next) ? next : undefined;
  }
  return at;
}

/** The structure under a key, made if it is absent. */
export function made(draft: Draft, key: string): Draft {
  const present = draft[key];
  if (isDraft(present)) return present;
  const fresh: Draft = {};
  draft[key] = fresh;
  return fresh;
}

/** The structures in the list under a key. */
export function each(draft: Draft | undefined, key: string): readonly Draft[] {
  const list = draft?.[key];
  return Array.isArray(list) ? list.filter(isDraft) : [];
}
