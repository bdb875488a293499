/**
 * Path elements: how fieldsV1 writes one step (`f:spec`, `k:{"name":"c"}`, `v:"x"`, `i:0`). That text, in canonical form,
 * is also our key for it. A path is a list of elements.
 */
import { isObject, type Json } from '../../base/index.ts';
import type { ListAtom } from './atom.ts';

export type Element = string;

/** Go's JSON writer escapes these so that JSON may stand in HTML; keys of fieldsV1 show it. */
const HTML = /[<>&\u2028\u2029]/g;
const escapeOne = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

export function goJson(value: Json): string {
  const text = JSON.stringify(value);
  return /[<>&\u2028\u2029]/.test(text) ? text.replace(HTML, escapeOne) : text;
}

export function fieldElement(name: string): Element {
  return `f:${name}`;
}

export function valueElement(value: Json): Element {
  return `v:${goJson(value)}`;
}

/** Key fields, sorted by name. */
function keyElement(pairs: [string, Json][]): Element {
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return `k:{${pairs.map(([name, value]) => `${goJson(name)}:${goJson(value)}`).join(',')}}`;
}

/** The canonical form of an element read from fieldsV1. @throws Error when it is none. */
export function parseElement(text: string): Element {
  const body = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'f:':
      return text;
    case 'v:':
      return valueElement(JSON.parse(body) as Json);
    case 'k:': {
      const fields = JSON.parse(body) as Json;
      if (!isObject(fields)) throw new Error(`invalid path element ${text}`);
      return keyElement(Object.entries(fields).map(([name, value]) => [name, value ?? null]));
    }
    case 'i:':
      if (/^-?\d+$/.test(body)) return text;
      break;
    default:
      break;
  }
  throw new Error(`invalid path element ${text}`);
}

/** The element of an item of an associative list, or why it has none. */
export function itemElement(list: ListAtom, item: Json): Element | { readonly problem: string } {
  return list.keys.length > 0 ? keyedItem(list, item) : setItem(item);
}

function keyedItem(list: ListAtom, item: Json): Element | { readonly problem: string } {
  if (item === null) return { problem: 'associative list with keys may not have a null element' };
  if (!isObject(item)) return { problem: 'associative list with keys may not have non-map elements' };
  const fields = list.element().map?.fields;
  const pairs: [string, Json][] = [];
  for (const name of list.keys) {
    const value = item[name] ?? (item[name] === undefined ? fields?.get(name)?.default : null);
    if (value !== undefined) pairs.push([name, value]);
  }
  if (pairs.length > 0) return keyElement(pairs);
  const keys = list.keys.map((key) => JSON.stringify(key)).join(' ');
  return {
    problem: `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`,
  };
}

function setItem(item: Json): Element | { readonly problem: string } {
  if (item === null) return { problem: "associative list without keys has an element that's an explicit null" };
  if (Array.isArray(item)) return { problem: 'not supported: associative list with lists as elements' };
  if (isObject(item)) return { problem: "associative list without keys has an element that's a map type" };
  return valueElement(item);
}

const RANK: { readonly [kind: string]: number } = { f: 0, k: 1, v: 2, i: 3 };

/** The order of elements in which a real server lists them. */
export function compareElements(a: Element, b: Element): number {
  const rank = (RANK[a[0] ?? ''] ?? 4) - (RANK[b[0] ?? ''] ?? 4);
  if (rank !== 0) return rank;
  if (a[0] === 'f' || a === b) return a < b ? -1 : a > b ? 1 : 0;
  return compareJson(JSON.parse(a.slice(2)) as Json, JSON.parse(b.slice(2)) as Json);
}

const TYPE_RANK: { readonly [type: string]: number } = { number: 0, string: 1, boolean: 2, object: 3 };

function compareJson(a: Json, b: Json): number {
  if (isObject(a) && isObject(b)) return compareKeys(Object.entries(a), Object.entries(b));
  const rank = (TYPE_RANK[typeof a] ?? 4) - (TYPE_RANK[typeof b] ?? 4);
  if (rank !== 0) return rank;
  return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0;
}

function compareKeys(a: [string, Json | undefined][], b: [string, Json | undefined][]): number {
  for (const [index, [name, value]] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    if (name !== other[0]) return name < other[0] ? -1 : 1;
    const order = compareJson(value ?? null, other[1] ?? null);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** One element as messages show it: `.spec`, `[name="c"]`, `[="x"]`, `[0]`. */
export function elementText(element: Element): string {
  const body = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${body}`;
    case 'k': {
      const fields = JSON.parse(body) as { [name: string]: Json };
      return `[${Object.entries(fields)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`;
    }
    case 'v':
      return `[=${JSON.stringify(JSON.parse(body))}]`;
    default:
      return `[${body}]`;
  }
}

export function pathText(path: readonly Element[]): string {
  return path.map(elementText).join('');
}
