/**
 * The core of server-side apply (KEP-555): who owns which paths after an update or an apply, which conflicts stand in
 * the way, and which fields an applier takes with it when it no longer applies them.
 */
import { type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import type { TypeSchema } from '../types.ts';
import { type Atom, atomOf, deduced } from './atom.ts';
import { problemOf } from './check.ts';
import { type Comparison, compare } from './compare.ts';
import {
  difference,
  differenceBelow,
  emptySet,
  type FieldSet,
  intersection,
  isEmptySet,
  union,
  withNamedFields,
} from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { type Manager, type Managers, managerId } from './managers.ts';
import { merge } from './merge.ts';
import { reconcile } from './reconcile.ts';
import { without } from './remove.ts';

/** What a manager wrote in another version is compared in that version. `undefined`: the version is served no more. */
export interface Versions {
  readonly atomOf: (apiVersion: string) => Atom | undefined;
  /** Paths that a request to this endpoint cannot change, and so cannot own. */
  readonly reset: FieldSet;
  /** Paths that an update wrote, whether or not the stored object shows it. */
  readonly rewritten?: FieldSet;
}

export function atomOfResource(schema: TypeSchema | undefined): Atom {
  return schema === undefined ? deduced : atomOf(schema);
}

export interface Conflict {
  readonly manager: Manager;
  readonly fields: FieldSet;
}

export type Settled =
  | { readonly kind: 'settled'; readonly managers: Map<string, Manager>; readonly comparison: Comparison }
  | { readonly kind: 'conflicts'; readonly conflicts: readonly Conflict[] };

/** An object that does not fit another version in which somebody owns a part of it. */
export class Unconvertible extends Error {}

function mustFit(object: Json, atom: Atom, doing: string): void {
  const problem = problemOf(object, atom);
  if (problem !== undefined) throw new Unconvertible(`${doing}${problem}`);
}

/** Drops managers of versions that are gone, and fits the others to the schemas of today. */
function present(live: Json, managers: Managers, apiVersion: string, versions: Versions): Map<string, Manager> {
  const out = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    const atom = versions.atomOf(manager.apiVersion);
    if (atom === undefined) continue;
    if (manager.apiVersion !== apiVersion) mustFit(live, atom, '');
    const fields = reconcile(manager.fields, atom);
    out.set(id, fields === manager.fields ? manager : { ...manager, fields });
  }
  return out;
}

function withRewritten(comparison: Comparison, { rewritten }: Versions): Comparison {
  if (rewritten === undefined || isEmptySet(rewritten)) return comparison;
  return { ...comparison, modified: union(comparison.modified, rewritten) };
}

function filtered(comparison: Comparison, reset: FieldSet): Comparison {
  if (isEmptySet(reset)) return comparison;
  return {
    added: differenceBelow(comparison.added, reset),
    modified: differenceBelow(comparison.modified, reset),
    removed: differenceBelow(comparison.removed, reset),
  };
}

/** Takes from everyone but `self` what changed hands or vanished between `before` and `after`. */
function settle(
  before: Json,
  after: Json,
  managers: Managers,
  self: string,
  force: boolean,
  apiVersion: string,
  versions: Versions,
): Settled {
  const comparisons = new Map<string, Comparison>();
  const comparisonAt = (version: string): Comparison => {
    const known = comparisons.get(version);
    if (known !== undefined) return known;
    // Entries of an unserved version were dropped before; the answer for them would be empty.
    const atom = versions.atomOf(version) ?? deduced;
    if (version !== apiVersion) mustFit(after, atom, 'failed to convert new object: ');
    const made = compare(before, after, atom);
    const fresh = version === apiVersion ? filtered(withRewritten(made, versions), versions.reset) : made;
    comparisons.set(version, fresh);
    return fresh;
  };
  const comparison = comparisonAt(apiVersion);
  const conflicts: Conflict[] = [];
  const out = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    if (id === self) {
      if (!isEmptySet(manager.fields)) out.set(id, manager);
      continue;
    }
    const { added, modified, removed } = comparisonAt(manager.apiVersion);
    const taken = intersection(manager.fields, union(modified, added));
    if (!isEmptySet(taken)) conflicts.push({ manager, fields: taken });
    const fields = difference(difference(manager.fields, taken), removed);
    if (!isEmptySet(fields)) out.set(id, fields === manager.fields ? manager : { ...manager, fields });
  }
  if (!force && conflicts.length > 0) return { kind: 'conflicts', conflicts };
  return { kind: 'settled', managers: out, comparison };
}

/**
 * Ownership after an ordinary write: whoever changes a field owns it. `managers` without the writer's new fields, `changed`
 * are these. @throws Unconvertible
 */
export function afterUpdate(
  before: KubeObject,
  after: KubeObject,
  managers: Managers,
  apiVersion: string,
  versions: Versions,
): { readonly managers: Map<string, Manager>; readonly changed: FieldSet } {
  const known = present(before as Json, managers, apiVersion, versions);
  const settled = settle(before as Json, after as Json, known, '', true, apiVersion, versions);
  if (settled.kind === 'conflicts') return { managers: new Map(managers), changed: emptySet };
  const { added, modified } = settled.comparison;
  return { managers: settled.managers, changed: differenceBelow(union(modified, added), versions.reset) };
}

export type Applied =
  | {
      readonly kind: 'applied';
      /** Absent: the live object already is what was asked for. */
      readonly object?: Json;
      readonly managers: Map<string, Manager>;
    }
  | { readonly kind: 'conflicts'; readonly conflicts: readonly Conflict[] };

/** Lays `config` over `live` for one applier. `config` fits its schema (check.ts). @throws Unconvertible */
export function afterApply(
  live: Json,
  config: Json,
  managers: Managers,
  applier: Omit<Manager, 'fields'>,
  force: boolean,
  versions: Versions,
): Applied {
  const atom = versions.atomOf(applier.apiVersion) ?? deduced;
  const known = present(live, managers, applier.apiVersion, versions);
  const id = managerId(applier);
  const last = known.get(id);
  const fields = differenceBelow(fieldsOf(config, atom), versions.reset);
  known.set(id, { ...applier, ...(last?.time === undefined ? {} : { time: last.time }), fields });
  const merged = merge(live, config, atom) ?? null;
  const pruned =
    last === undefined || isEmptySet(last.fields) ? merged : prune(merged, known, last, applier.apiVersion, versions);
  const settled = settle(live, pruned, known, id, force, applier.apiVersion, versions);
  if (settled.kind === 'conflicts') return settled;
  if (jsonEqual(live, pruned)) return { kind: 'applied', managers: settled.managers };
  return { kind: 'applied', object: pruned, managers: settled.managers };
}

/**
 * Takes out what the applier applied last time and no more, unless another manager owns it. An item vanishes as a whole
 * only if nobody owns anything in it; what nobody ever applied stays.
 */
function prune(merged: Json, managers: Managers, last: Manager, apiVersion: string, versions: Versions): Json {
  const atom = versions.atomOf(last.apiVersion) ?? deduced;
  if (last.apiVersion !== apiVersion) {
    mustFit(merged, atom, 'failed to prune fields: failed to convert merged object to last applied version: ');
  }
  let pruned = without(merged, withNamedFields(last.fields, atom), atom);
  const byVersion = new Map<string, FieldSet>();
  for (const manager of managers.values()) {
    byVersion.set(manager.apiVersion, union(byVersion.get(manager.apiVersion) ?? emptySet, manager.fields));
  }
  const inOrder = [...byVersion].sort(([a], [b]) => Number(b === last.apiVersion) - Number(a === last.apiVersion));
  for (const [version, owned] of inOrder) {
    const other = versions.atomOf(version) ?? deduced;
    const doing = `failed to convert merged object at version ${version}: `;
    if (version !== last.apiVersion)
      mustFit(merged, other, `failed to prune fields: failed add back owned items: ${doing}`);
    pruned = withOwned(merged, pruned, owned, other);
  }
  const gone = difference(namedFieldsOf(merged, atom), namedFieldsOf(pruned, atom));
  return without(merged, intersection(gone, withNamedFields(last.fields, atom)), atom);
}

function namedFieldsOf(value: Json, atom: Atom): FieldSet {
  return withNamedFields(fieldsOf(value, atom), atom);
}

/** Puts back what pruning took though somebody owns it. */
function withOwned(merged: Json, pruned: Json, owned: FieldSet, atom: Atom): Json {
  const keep = union(namedFieldsOf(pruned, atom), withNamedFields(owned, atom));
  return without(merged, difference(namedFieldsOf(merged, atom), keep), atom);
}
