import { isObject, type Json } from '../base/index.ts';
import type { Path } from './types.ts';

/** A text of a definition, and where it stands. */
export interface Word {
  readonly text: string;
  readonly path: Path;
}

/** A function or database as far as it can be read. */
export interface PartOutline {
  readonly kind: 'function' | 'database';
  readonly path: Path;
  readonly name?: Word;
  readonly needs: readonly Word[];
  readonly manifests: readonly Word[];
  readonly raw: { readonly [field: string]: Json | undefined };
}

/** What rules over a whole definition read, however broken the rest is: so one problem never hides another. */
export interface Outline {
  readonly namespace?: string;
  readonly parts: readonly PartOutline[];
  readonly spec: { readonly [field: string]: Json | undefined };
}

export function outlineOf(value: Json): Outline {
  const spec = isObject(value) && isObject(value.spec) ? value.spec : {};
  const parts = [...partsOf(spec.functions, 'function'), ...partsOf(spec.databases, 'database')];
  return typeof spec.namespace === 'string' ? { namespace: spec.namespace, parts, spec } : { parts, spec };
}

function partsOf(list: Json | undefined, kind: 'function' | 'database'): PartOutline[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((raw: Json, index) => {
    if (!isObject(raw)) return [];
    const path = ['spec', `${kind}s`, index];
    const name = wordsOf(raw.name, [...path, 'name'])[0];
    const part = {
      kind,
      path,
      needs: wordsOf(raw.needs, [...path, 'needs']),
      manifests: wordsOf(raw.manifests, [...path, 'manifests']),
      raw,
    };
    return [name === undefined ? part : { ...part, name }];
  });
}

function wordsOf(value: Json | undefined, path: Path): Word[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (!Array.isArray(value)) return [];
  return value.flatMap((text: Json, index) => (typeof text === 'string' ? [{ text, path: [...path, index] }] : []));
}

/** The entries of every `manifests` list: what a caller has to read from disk before anything else. */
export function manifestEntries(value: Json): readonly string[] {
  return [...new Set(outlineOf(value).parts.flatMap((part) => part.manifests.map((word) => word.text)))];
}
