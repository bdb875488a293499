/** Whether a value fits its schema closely enough to be applied. Only what apply needs; validation proper comes later. */
import { isObject, type Json } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed, type ScalarKind } from './atom.ts';
import { elementText, fieldElement, itemElement } from './path.ts';

/** Go's spelling of a value in a message (`%v` of the decoded JSON). */
function goText(value: Json): string {
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

function check(value: Json, atom: Atom, at: string, report: (problem: string) => void): void {
  fold(narrowed(atom, value), {
    map: (map) => checkMap(value, map, at, report),
    scalar: (kind) => {
      const problem = scalarProblem(kind, value);
      if (problem !== undefined) report(`${at}: ${problem}`);
    },
    list: (list) => checkList(value, list, at, report),
  });
}

function checkMap(value: Json, map: MapAtom, at: string, report: (problem: string) => void): void {
  if (value === null) return;
  if (!isObject(value)) return report(`${at}: expected map, got &{${goText(value)}}`);
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const type = map.fields.get(key)?.type ?? map.element;
    const place = at + elementText(fieldElement(key));
    if (type === undefined) return report(`${place}: field not declared in schema`);
    check(item, type(), place, report);
  }
}

function checkList(value: Json, list: ListAtom, at: string, report: (problem: string) => void): void {
  if (value === null) return;
  if (!Array.isArray(value)) return report(`${at}: expected list, got &{${goText(value)}}`);
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const element = list.atomic ? `i:${index}` : itemElement(list, item as Json);
    if (typeof element !== 'string') return report(`${at}: element ${index}: ${element.problem}`);
    if (seen.has(element)) report(`${at}: duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(item as Json, list.element(), at + elementText(element), report);
  }
}

/** Why a configuration cannot be applied, in a real server's words; undefined: it can. */
export function problemOf(value: Json, atom: Atom): string | undefined {
  const found: string[] = [];
  check(value, atom, '', (problem) => found.push(problem));
  if (found.length <= 1) return found[0];
  return ['errors:', ...found.map((problem) => `  ${problem}`)].join('\n');
}
