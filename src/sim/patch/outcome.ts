import type { Json } from '../../base/index.ts';

/** What came of a patch: the new value, or the Status fields of the refusal. */
export type PatchOutcome =
  | { readonly kind: 'patched'; readonly value: Json }
  | { readonly kind: 'invalid'; readonly status: number; readonly reason?: string; readonly message: string };

export function badPatch(message: string): PatchOutcome {
  return { kind: 'invalid', status: 400, reason: 'BadRequest', message };
}
