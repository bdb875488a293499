/** The paths that a value sets: what an applied configuration takes ownership of. */
import { isObject, type Json } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed } from './atom.ts';
import { type FieldSet, insert, newSet } from './field-set.ts';
import { type Element, fieldElement, itemElement } from './path.ts';

type Set = ReturnType<typeof newSet>;

/** An item without a key, as pruning may leave one (null): its list counts as set, itself it cannot be owned. */
const NAMELESS: Element = '';

function collect(value: Json, atom: Atom, path: Element[], set: Set): void {
  fold(narrowed(atom, value), {
    map: (map) => collectMap(value, map, path, set),
    scalar: () => insert(set, path),
    list: (list) => collectList(value, list, path, set),
  });
}

function collectMap(value: Json, map: MapAtom, path: Element[], set: Set): void {
  if (map.atomic) insert(set, path);
  if (map.atomic || !isObject(value)) return;
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const field = map.fields.get(key);
    const type = field?.type ?? map.element;
    path.push(fieldElement(key));
    if (type !== undefined) collect(item, type(), path, set);
    const empty = item === null || (isObject(item) && Object.keys(item).length === 0);
    if (field === undefined || empty) insert(set, path);
    path.pop();
  }
}

function collectList(value: Json, list: ListAtom, path: Element[], set: Set): void {
  if (list.atomic) insert(set, path);
  if (list.atomic || !Array.isArray(value)) return;
  const elements = value.map((item: Json) => {
    const element = itemElement(list, item);
    return typeof element === 'string' ? element : NAMELESS;
  });
  const count = new Map<Element, number>();
  for (const element of elements) count.set(element, (count.get(element) ?? 0) + 1);
  for (const [index, element] of elements.entries()) {
    path.push(element);
    // Of duplicates only the place is owned: nobody can say which of them is meant.
    if (count.get(element) === 1) collect(value[index] as Json, list.element(), path, set);
    insert(set, path);
    path.pop();
  }
}

export function fieldsOf(value: Json, atom: Atom): FieldSet {
  const set = newSet();
  collect(value, atom, [], set);
  return set;
}
