/**
 * Sets of paths, the currency of field ownership: `members` are the paths that end here, `children` lead on.
 * Sets are immutable once built (only a builder inside one function inserts) and share their parts freely.
 */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import type { Atom } from './atom.ts';
import { compareElements, type Element, parseElement } from './path.ts';

export interface FieldSet {
  readonly members: ReadonlySet<Element>;
  readonly children: ReadonlyMap<Element, FieldSet>;
}

interface Builder {
  readonly members: Set<Element>;
  readonly children: Map<Element, Builder>;
}

export const emptySet: FieldSet = { members: new Set(), children: new Map() };

/** A set under construction: insert paths, then use it as a FieldSet. */
export function newSet(): Builder {
  return { members: new Set(), children: new Map() };
}

/** Adds one path; the empty path names the object itself and is never owned. */
export function insert(set: Builder, path: readonly Element[]): void {
  const last = path.length - 1;
  if (last < 0) return;
  let at = set;
  for (let index = 0; index < last; index++) {
    const element = path[index] as Element;
    let next = at.children.get(element);
    if (next === undefined) {
      next = newSet();
      at.children.set(element, next);
    }
    at = next;
  }
  at.members.add(path[last] as Element);
}

export function isEmptySet(set: FieldSet): boolean {
  return set.members.size === 0 && set.children.size === 0;
}

function sized(members: Set<Element>, children: Map<Element, FieldSet>): FieldSet {
  return members.size === 0 && children.size === 0 ? emptySet : { members, children };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const children = new Map(a.children);
  for (const [element, other] of b.children) {
    const own = children.get(element);
    children.set(element, own === undefined ? other : union(own, other));
  }
  return sized(new Set([...a.members, ...b.members]), children);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const members = new Set<Element>();
  for (const element of a.members) if (b.members.has(element)) members.add(element);
  const children = new Map<Element, FieldSet>();
  for (const [element, own] of a.children) {
    const other = b.children.get(element);
    const both = other === undefined ? emptySet : intersection(own, other);
    if (!isEmptySet(both)) children.set(element, both);
  }
  return sized(members, children);
}

/** The paths of `a` that are not in `b`, path by path: a removed parent leaves its children. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  const members = new Set<Element>();
  for (const element of a.members) if (!b.members.has(element)) members.add(element);
  const children = new Map<Element, FieldSet>();
  for (const [element, own] of a.children) {
    const other = b.children.get(element);
    const rest = other === undefined ? own : difference(own, other);
    if (!isEmptySet(rest)) children.set(element, rest);
  }
  return sized(members, children);
}

/** As difference, but a path of `b` takes everything below it along. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  const members = new Set<Element>();
  for (const element of a.members) if (!b.members.has(element)) members.add(element);
  const children = new Map<Element, FieldSet>();
  for (const [element, own] of a.children) {
    if (b.members.has(element)) continue;
    const other = b.children.get(element);
    const rest = other === undefined ? own : differenceBelow(own, other);
    if (!isEmptySet(rest)) children.set(element, rest);
  }
  return sized(members, children);
}

/** Adds the declared fields that the set only passes through: who owns `spec.replicas` also stands on `spec`. */
export function withNamedFields(set: FieldSet, atom: Atom): FieldSet {
  const members = new Set(set.members);
  const children = new Map<Element, FieldSet>();
  for (const [element, child] of set.children) {
    const isField = element.startsWith('f:');
    const field = isField ? atom.map?.fields.get(element.slice(2)) : undefined;
    if (field !== undefined) members.add(element);
    const type = isField ? (field?.type ?? atom.map?.element) : atom.list?.element;
    children.set(element, type === undefined ? child : withNamedFields(child, type()));
  }
  return sized(members, children);
}

/** Every path, in the order of a real server's listings: what ends at a level before what leads on. */
export function paths(set: FieldSet, prefix: readonly Element[] = []): (readonly Element[])[] {
  const out: (readonly Element[])[] = [];
  for (const element of [...set.members].sort(compareElements)) out.push([...prefix, element]);
  for (const element of [...set.children.keys()].sort(compareElements)) {
    out.push(...paths(set.children.get(element) ?? emptySet, [...prefix, element]));
  }
  return out;
}

/** fieldsV1: a tree of elements; `.` says that the path that leads here is itself a member. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const out: { [element: string]: Json } = {};
  for (const element of [...set.members, ...set.children.keys()].sort(compareElements)) {
    if (out[element] !== undefined) continue;
    const child = set.children.get(element);
    const below = child === undefined ? {} : toFieldsV1(child);
    out[element] = child !== undefined && set.members.has(element) ? { '.': {}, ...below } : below;
  }
  return out;
}

/** @throws Error when an element is not one of fieldsV1. */
export function fromFieldsV1(fields: Json | undefined): FieldSet {
  const members = new Set<Element>();
  const children = new Map<Element, FieldSet>();
  if (!isObject(fields)) return emptySet;
  for (const [key, below] of Object.entries(fields)) {
    if (key === '.') continue;
    const element = parseElement(key);
    const child = fromFieldsV1(below);
    const isLeaf = isObject(below) && (below['.'] !== undefined || Object.keys(below).length === 0);
    if (isLeaf) members.add(element);
    if (!isEmptySet(child)) children.set(element, child);
  }
  return sized(members, children);
}
