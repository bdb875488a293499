/** JSON merge patch (RFC 7396). */
import { isObject, type Json } from '../../base/index.ts';
import { badPatch, type PatchOutcome } from './outcome.ts';

function merged(document: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const out: { [key: string]: Json | undefined } = isObject(document) ? { ...document } : {};
  for (const [key, item] of Object.entries(patch)) {
    if (item === null || item === undefined) delete out[key];
    else out[key] = merged(out[key], item);
  }
  return out;
}

/** A null deletes, an object is merged, everything else replaces. The document is not changed. */
export function mergePatch(document: Json, patch: Json): PatchOutcome {
  if (!isObject(patch))
    return badPatch('error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}');
  return { kind: 'patched', value: merged(document, patch) };
}
