/**
 * What an update wrote although the stored object looks the same. A real server compares lists that are owned as a whole
 * as the structures they are in its memory, where an empty list or map is not an absent one, nor `0.5` the quantity `500m`.
 */
import { isObject, type Json } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed } from './atom.ts';
import { type FieldSet, insert, newSet } from './field-set.ts';
import { type Element, fieldElement, itemElement } from './path.ts';

type Maybe = Json | undefined;

const TIME = /^\d{4}-\d\d-\d\dT/;

class Walk {
  readonly found = newSet();
  readonly path: Element[] = [];

  value(sent: Json, stored: Maybe, atom: Atom): void {
    if (sent === stored || stored === undefined) return;
    fold(narrowed(atom, stored), {
      map: (map) => this.map(sent, stored, map),
      scalar: () => {},
      list: (list) => this.list(sent, stored, list),
    });
  }

  map(sent: Json, stored: Json, map: MapAtom): void {
    if (!isObject(sent) || !isObject(stored)) return;
    if (map.atomic) {
      if (listsDiffer(sent as Json, stored as Json)) insert(this.found, this.path);
      return;
    }
    for (const [key, item] of Object.entries(sent)) {
      const type = map.fields.get(key)?.type ?? map.element;
      if (type !== undefined) this.at(fieldElement(key), item as Json, stored[key], type());
    }
  }

  list(sent: Json, stored: Json, list: ListAtom): void {
    if (!Array.isArray(sent) || !Array.isArray(stored)) return;
    if (list.atomic) {
      if (differ(sent, stored)) insert(this.found, this.path);
      return;
    }
    const elements = stored.map((item) => itemElement(list, item as Json));
    for (const [index, element] of elements.entries()) {
      // Duplicates are owned as places, whatever is in them.
      const single = elements.indexOf(element) === elements.lastIndexOf(element);
      if (typeof element !== 'string' || !single) continue;
      this.at(element, sent[index] as Json, stored[index] as Json, list.element());
    }
  }

  at(element: Element, sent: Json, stored: Maybe, atom: Atom): void {
    this.path.push(element);
    this.value(sent, stored, atom);
    this.path.pop();
  }
}

/** Whether two forms of one value differ in a server's memory. */
function differ(sent: Maybe, stored: Maybe): boolean {
  if (sent === stored || sent === undefined || sent === null) return false;
  if (Array.isArray(sent)) {
    if (!Array.isArray(stored)) return sent.length === 0;
    return sent.some((item, index) => differ(item as Json, stored[index] as Json));
  }
  if (isObject(sent)) {
    if (!isObject(stored)) return Object.keys(sent).length === 0;
    return Object.entries(sent).some(([key, item]) => differ(item as Json, stored[key]));
  }
  return typeof stored === 'string' && String(sent) !== stored && !TIME.test(stored);
}

/** The same of a structure that is owned as a whole: only what is in a list of it is compared that closely. */
function listsDiffer(sent: Maybe, stored: Maybe): boolean {
  if (Array.isArray(sent)) return Array.isArray(stored) && differ(sent, stored);
  if (!isObject(sent) || !isObject(stored)) return false;
  return Object.entries(sent).some(([key, item]) => listsDiffer(item as Json, stored[key]));
}

/** The paths of values owned as a whole that were not sent as they are stored. `stored`: the wire form of `sent`. */
export function rewritten(sent: Json, stored: Json, atom: Atom): FieldSet {
  const walk = new Walk();
  walk.value(sent, stored, atom);
  return walk.found;
}
