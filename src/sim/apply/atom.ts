/**
 * Schemas as server-side apply sees them: an atom is what a value may be (scalar, list, map), and whether a list or map
 * is owned as a whole or by its items. Unlike in validation, lists are owned as a whole unless their schema says more.
 */
import type { Json } from '../../base/index.ts';
import { resolve } from '../schema/index.ts';
import type { TypeSchema } from '../types.ts';

export type ScalarKind = 'numeric' | 'string' | 'boolean' | 'untyped';

export interface ListAtom {
  readonly atomic: boolean;
  /** Keys of the items of an associative list; none: a set. */
  readonly keys: readonly string[];
  readonly element: () => Atom;
}

export interface FieldAtom {
  readonly type: () => Atom;
  readonly default?: Json;
}

export interface MapAtom {
  readonly atomic: boolean;
  /** Whether the schema says that it is to be merged by keys, rather than saying nothing. */
  readonly fields: ReadonlyMap<string, FieldAtom>;
  /** The type of undeclared keys; absent: there may be none. */
  readonly element?: () => Atom;
}

export interface Atom {
  readonly scalar?: ScalarKind;
  readonly list?: ListAtom;
  readonly map?: MapAtom;
}

const NO_FIELDS: ReadonlyMap<string, FieldAtom> = new Map();

/** Anything, owned as a whole. */
const untyped: Atom = {
  scalar: 'untyped',
  list: { atomic: true, keys: [], element: () => untyped },
  map: { atomic: true, fields: NO_FIELDS, element: () => untyped },
};

/** Anything, maps owned key by key: fields that a schema leaves open. */
export const deduced: Atom = {
  scalar: 'untyped',
  list: { atomic: true, keys: [], element: () => untyped },
  map: { atomic: false, fields: NO_FIELDS, element: () => deduced },
};

const quantity: Atom = { scalar: 'untyped' };

/** Definitions whose published schema is not what their values look like. */
const BY_DEFINITION: ReadonlyMap<string, Atom> = new Map([
  ['io.k8s.apimachinery.pkg.api.resource.Quantity', quantity],
  ['io.k8s.apimachinery.pkg.runtime.RawExtension', untyped],
]);

const closed = new WeakMap<TypeSchema, Atom>();
const open = new WeakMap<TypeSchema, Atom>();

/** The atom of a schema; cached. `inherited`: an enclosing schema keeps unknown fields. */
export function atomOf(schema: TypeSchema, inherited = false): Atom {
  const special = schema.ref === undefined ? undefined : BY_DEFINITION.get(schema.ref);
  if (special !== undefined) return special;
  const own = resolve(schema);
  const opened = (inherited && schema.ref === undefined) || own.preserveUnknownFields === true;
  const cache = opened ? open : closed;
  const known = cache.get(own);
  if (known !== undefined) return known;
  const atom = build(own, opened);
  cache.set(own, atom);
  return atom;
}

function build(schema: TypeSchema, opened: boolean): Atom {
  switch (schema.type) {
    case 'object':
      return { map: mapOf(schema, opened) };
    case 'array':
      return { list: listOf(schema, opened) };
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'string': {
      const format = schema.keywords?.format;
      return { scalar: format === undefined || format === '' || format === 'byte' ? 'string' : 'untyped' };
    }
    case undefined:
      return { scalar: 'untyped', list: listOf(schema, opened), map: mapOf(schema, opened) };
  }
}

function listOf(schema: TypeSchema, opened: boolean): ListAtom {
  const items = schema.items;
  const element = items === undefined ? () => untyped : () => atomOf(items, opened);
  if (schema.listType !== undefined) {
    return {
      atomic: schema.listType === 'atomic',
      keys: schema.listType === 'map' ? (schema.listMapKeys ?? []) : [],
      element,
    };
  }
  if (schema.patchStrategy?.includes('merge') === true) {
    return { atomic: false, keys: schema.patchMergeKey === undefined ? [] : [schema.patchMergeKey], element };
  }
  return { atomic: true, keys: [], element };
}

function mapOf(schema: TypeSchema, opened: boolean): MapAtom {
  const fields = new Map<string, FieldAtom>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const type = () => atomOf(property, opened);
    const fallback = property.default;
    fields.set(name, fallback === undefined ? { type } : { type, default: fallback });
  }
  const atomic = schema.mapType === 'atomic';
  const element = elementOf(schema, opened);
  return element === undefined ? { atomic, fields } : { atomic, fields, element };
}

function elementOf(schema: TypeSchema, opened: boolean): (() => Atom) | undefined {
  const additional = schema.additionalProperties;
  if (typeof additional === 'object') return () => atomOf(additional, opened);
  if (additional === true) return () => deduced;
  if (additional === false) return undefined;
  return opened || schema.properties === undefined ? () => deduced : undefined;
}

/** Of what a value may be, what this one is; everything, if it is null, absent, or of no allowed form. */
export function narrowed(atom: Atom, value: Json | undefined): Atom {
  if (value === undefined || value === null) return atom;
  if (Array.isArray(value)) return atom.list === undefined ? atom : listOnly(atom, atom.list);
  if (typeof value === 'object') return atom.map === undefined ? atom : mapOnly(atom, atom.map);
  return atom.scalar === undefined ? atom : scalarOnly(atom, atom.scalar);
}

function listOnly(atom: Atom, list: ListAtom): Atom {
  return atom.map === undefined && atom.scalar === undefined ? atom : { list };
}
function mapOnly(atom: Atom, map: MapAtom): Atom {
  return atom.list === undefined && atom.scalar === undefined ? atom : { map };
}
function scalarOnly(atom: Atom, scalar: ScalarKind): Atom {
  return atom.map === undefined && atom.list === undefined ? atom : { scalar };
}

/** Calls the first that applies, maps before scalars before lists: the order in which an unclear value is read. */
export function fold<T>(
  atom: Atom,
  on: { map: (map: MapAtom) => T; scalar: (scalar: ScalarKind) => T; list: (list: ListAtom) => T },
): T {
  if (atom.map !== undefined) return on.map(atom.map);
  if (atom.scalar !== undefined) return on.scalar(atom.scalar);
  return on.list(atom.list ?? { atomic: true, keys: [], element: () => untyped });
}
