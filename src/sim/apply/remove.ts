/** Takes paths out of an object. */
import { isObject, type Json } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed } from './atom.ts';
import { emptySet, type FieldSet, isEmptySet } from './field-set.ts';
import { fieldElement, itemElement } from './path.ts';

/** The value without the paths of `set`; what loses its last item becomes null. */
export function without(value: Json, set: FieldSet, atom: Atom): Json {
  if (isEmptySet(set)) return value;
  return fold(narrowed(atom, value), {
    map: (map) => fromMap(value, set, map),
    scalar: () => value,
    list: (list) => fromList(value, set, list),
  });
}

function fromMap(value: Json, set: FieldSet, map: MapAtom): Json {
  if (!isObject(value) || map.atomic) return null;
  const out: { [key: string]: Json } = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const element = fieldElement(key);
    if (set.members.has(element)) continue;
    const below = set.children.get(element) ?? emptySet;
    const type = map.fields.get(key)?.type ?? map.element;
    out[key] = type === undefined ? item : without(item, below, type());
  }
  return Object.keys(out).length === 0 ? null : out;
}

function fromList(value: Json, set: FieldSet, list: ListAtom): Json {
  if (!Array.isArray(value) || list.atomic) return null;
  const out: Json[] = [];
  for (const item of value as readonly Json[]) {
    const element = itemElement(list, item);
    if (typeof element !== 'string') {
      out.push(item);
      continue;
    }
    if (!set.members.has(element)) out.push(without(item, set.children.get(element) ?? emptySet, list.element()));
  }
  return out.length === 0 ? null : out;
}
