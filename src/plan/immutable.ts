import { isObject, type Json, type KubeObject } from '../base/index.ts';
import { groupKind } from '../ldc/index.ts';
import { changedFields, isWithin } from './fields.ts';
import kinds from './kinds.json' with { type: 'json' };

const immutable: { readonly [kind: string]: readonly string[] } = kinds.immutable;
const mutableWithin: { readonly [kind: string]: readonly string[] } = kinds.mutableWithin;

/** The changed places that no server would let change; empty when the change can be applied. */
export function immutableChanges(before: KubeObject, after: KubeObject): readonly string[] {
  const kind = groupKind(after);
  const fixed = immutable[kind] ?? [];
  const free = mutableWithin[kind] ?? [];
  const sealed = before.immutable === true ? ['.data', '.binaryData', '.immutable'] : [];
  return changedFields(strip(before), strip(after), Number.MAX_SAFE_INTEGER).filter((path) => {
    if (free.some((outer) => isWithin(path, outer))) return false;
    const outer = [...fixed, ...sealed].find((one) => isWithin(path, one));
    if (outer === undefined) return false;
    // a field added to a whole spec may only state what the server had set by default: the dry run judges that
    return valueAt(before, path) !== undefined || (outer !== '.spec' && valueAt(before, outer) !== undefined);
  });
}

/** Whether the object says that it may be deleted and made anew. */
export function mayRecreate(object: KubeObject): boolean {
  return object.metadata.annotations?.['ldc.dev/replace'] === 'recreate';
}

function strip(object: KubeObject): Json {
  const { metadata: _, ...rest } = object;
  return rest as Json;
}

function valueAt(object: KubeObject, path: string): Json | undefined {
  let here: Json | undefined = object as unknown as Json;
  for (const [, word, index, quoted] of path.matchAll(/\.([A-Za-z0-9_-]+)|\[(\d+)\]|\["([^"]+)"\]/g)) {
    const key = word ?? quoted;
    if (key !== undefined) here = isObject(here) ? here[key] : undefined;
    else here = Array.isArray(here) ? here[Number(index)] : undefined;
  }
  return here;
}
