/** Whether a value fits its schema closely enough to be applied. Only what apply needs; validation proper comes later. */
import { isObject, type Json } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed, type ScalarKind } from './atom.ts';
import { elementText, fieldElement, itemElement } from './path.ts';

/** Go's spelling of a value in a message (`%v` of the decoded JSON). */
export function goText(value: Json): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goText(value[key] ?? null)}`).join(' ')}]`;
}

function goType(value: Json): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

function scalarProblem(kind: ScalarKind, value: Json): string | undefined {
  if (value === null) return undefined;
  const type = typeof value;
  switch (kind) {
    case 'numeric':
      return type === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      return type === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goText(value)}}`;
    case 'boolean':
      return type === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    case 'untyped':
      return type === 'object' ? `expected any scalar, got &{${goText(value)}}` : undefined;
  }
}

type Report = (problem: string) => void;

/** Duplicates in a list are a problem in a configuration, but not in what is stored. */
interface Mode {
  readonly report: Report;
  readonly duplicates: boolean;
}

function check(value: Json, atom: Atom, at: string, mode: Mode): void {
  fold(narrowed(atom, value), {
    map: (map) => checkMap(value, map, at, mode),
    scalar: (kind) => {
      const problem = scalarProblem(kind, value);
      if (problem !== undefined) mode.report(`${at}: ${problem}`);
    },
    list: (list) => checkList(value, list, at, mode),
  });
}

function checkMap(value: Json, map: MapAtom, at: string, mode: Mode): void {
  if (value === null) return;
  if (!isObject(value)) {
    mode.report(`${at}: expected map, got &{${goText(value)}}`);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const type = map.fields.get(key)?.type ?? map.element;
    const place = at + elementText(fieldElement(key));
    if (type === undefined) {
      mode.report(`${place}: field not declared in schema`);
      return;
    }
    check(item, type(), place, mode);
  }
}

function checkList(value: Json, list: ListAtom, at: string, mode: Mode): void {
  if (value === null) return;
  if (!Array.isArray(value)) {
    mode.report(`${at}: expected list, got &{${goText(value)}}`);
    return;
  }
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const element = list.atomic ? `i:${index}` : itemElement(list, item as Json);
    if (typeof element !== 'string') {
      mode.report(`${at}: element ${index}: ${element.problem}`);
      return;
    }
    if (seen.has(element) && !mode.duplicates) mode.report(`${at}: duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(item as Json, list.element(), at + elementText(element), mode);
  }
}

/** Why a configuration cannot be applied, or (with duplicates allowed) a stored object not be read; undefined: it can. */
export function problemOf(value: Json, atom: Atom, duplicates = false): string | undefined {
  const found: string[] = [];
  check(value, atom, '', { report: (problem) => found.push(problem), duplicates });
  if (found.length <= 1) return found[0];
  return ['errors:', ...found.map((problem) => `  ${problem}`)].join('\n');
}
