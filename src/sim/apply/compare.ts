/** What changed between two versions of an object, as three sets of paths. */
import { isObject, type Json, type JsonObject, jsonEqual } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed } from './atom.ts';
import { type FieldSet, insert, newSet } from './field-set.ts';
import { type Element, fieldElement, itemElement } from './path.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

type Maybe = Json | undefined;

class Comparer {
  readonly added = newSet();
  readonly modified = newSet();
  readonly removed = newSet();
  readonly path: Element[] = [];

  compare(before: Maybe, after: Maybe, atom: Atom): void {
    if (before === undefined && after === undefined) return;
    // What is the very same needs no walk: nothing below can differ.
    if (before === after) return;
    const left = narrowed(atom, before);
    const right = narrowed(atom, after);
    if (after !== undefined && before !== undefined && left !== right && !sameForm(left, right)) {
      this.form(before, after, left);
    }
    const isLeaf = this.form(before, after, after === undefined ? left : right);
    if (isLeaf) return;
    if (before === undefined) insert(this.added, this.path);
    else if (after === undefined) insert(this.removed, this.path);
  }

  /** Compares under one form; answers whether the value is owned as a whole. */
  form(before: Maybe, after: Maybe, atom: Atom): boolean {
    return fold(atom, {
      map: (map) => this.map(before, after, map),
      scalar: () => this.leaf(before, after),
      list: (list) => this.list(before, after, list),
    });
  }

  leaf(before: Maybe, after: Maybe): true {
    if (before === undefined) insert(this.added, this.path);
    else if (after === undefined) insert(this.removed, this.path);
    else if (!jsonEqual(before, after)) insert(this.modified, this.path);
    return true;
  }

  map(before: Maybe, after: Maybe, map: MapAtom): boolean {
    const left = isObject(before) ? before : {};
    const right = isObject(after) ? after : {};
    if (map.atomic || (isEmptyMap(left) && isEmptyMap(right))) return this.leaf(before, after);
    for (const key of keysOf(left, right)) {
      const type = map.fields.get(key)?.type ?? map.element;
      if (type === undefined) continue;
      this.at(fieldElement(key), left[key], right[key], type());
    }
    return false;
  }

  list(before: Maybe, after: Maybe, list: ListAtom): boolean {
    const left: readonly Json[] = Array.isArray(before) ? before : [];
    const right: readonly Json[] = Array.isArray(after) ? after : [];
    if (list.atomic || (left.length === 0 && right.length === 0)) return this.leaf(before, after);
    const places = new Map<Element, { left: Json[]; right: Json[] }>();
    group(left, list, places, 'left');
    group(right, list, places, 'right');
    for (const [element, items] of places) this.items(element, items.left, items.right, list);
    return false;
  }

  /** Items of one key: one against one as usual; duplicates are compared together, since none of them can be told apart. */
  items(element: Element, left: readonly Json[], right: readonly Json[], list: ListAtom): void {
    if (left.length <= 1 && right.length <= 1) {
      this.at(element, left[0], right[0], list.element());
      return;
    }
    if (left.length > 1 && right.length > 1) {
      if (!jsonEqual(left, right)) insert(this.modified, [...this.path, element]);
      return;
    }
    if (left.length > 1) {
      if (right.length === 1) this.at(element, undefined, right[0], list.element());
      insert(this.removed, [...this.path, element]);
      return;
    }
    if (left.length === 1) this.at(element, left[0], undefined, list.element());
    insert(this.added, [...this.path, element]);
  }

  at(element: Element, before: Maybe, after: Maybe, atom: Atom): void {
    this.path.push(element);
    this.compare(before, after, atom);
    this.path.pop();
  }
}

function sameForm(a: Atom, b: Atom): boolean {
  return a.map === b.map && a.list === b.list && a.scalar === b.scalar;
}

function isEmptyMap(map: JsonObject): boolean {
  for (const key in map) if (map[key] !== undefined) return false;
  return true;
}

function keysOf(left: JsonObject, right: JsonObject): string[] {
  const keys = Object.keys(left);
  for (const key of Object.keys(right)) if (!Object.hasOwn(left, key)) keys.push(key);
  return keys;
}

function group(
  items: readonly Json[],
  list: ListAtom,
  into: Map<Element, { left: Json[]; right: Json[] }>,
  side: 'left' | 'right',
): void {
  for (const item of items) {
    const element = itemElement(list, item);
    if (typeof element !== 'string') continue;
    const place = into.get(element) ?? { left: [], right: [] };
    into.set(element, place);
    place[side].push(item);
  }
}

export function compare(before: Json, after: Json, atom: Atom): Comparison {
  const comparer = new Comparer();
  comparer.compare(before, after, atom);
  return { added: comparer.added, modified: comparer.modified, removed: comparer.removed };
}
