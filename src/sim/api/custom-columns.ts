/** The columns that a CRD names for its kind (`additionalPrinterColumns`). */
import { isObject, type Json, type KubeObject } from '../../base/index.ts';
import { age } from './age.ts';
import { part } from './cluster.ts';
import { AGE, type Column, NAME } from './columns.ts';
import { fields } from './strategy.ts';

export function customColumns(crd: KubeObject, versionName: string): readonly Column[] {
  const { versions } = part(crd, 'spec');
  const version = (Array.isArray(versions) ? versions.map(fields) : []).find(({ name }) => name === versionName);
  const named = Array.isArray(version?.additionalPrinterColumns) ? version.additionalPrinterColumns.map(fields) : [];
  if (named.length === 0) return [NAME, AGE];
  return [NAME, ...named.map(customColumn)];
}

function customColumn(column: { readonly [field: string]: Json | undefined }): Column {
  const path = String(column.jsonPath ?? '');
  const type = String(column.type ?? 'string');
  const description =
    typeof column.description === 'string' && column.description !== ''
      ? column.description
      : `Custom resource definition column (in JSONPath format): ${path}`;
  return {
    name: String(column.name ?? ''),
    type,
    format: String(column.format ?? ''),
    description,
    priority: typeof column.priority === 'number' ? column.priority : 0,
    cell: (object, nowMs) => cellOf(valuesAt(object as unknown as Json, path), type, nowMs),
  };
}

function cellOf(values: readonly Json[], type: string, nowMs: number): Json {
  const [value] = values;
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? age(value, nowMs) : null;
    default:
      return values.map(text).join(',');
  }
}

function text(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const STEP =
  /\.([A-Za-z0-9_$-]+)|\['([^']+)'\]|\["([^"]+)"\]|\[(\*|-?\d+)\]|\[\?\(@\.([A-Za-z0-9_.]+)\s*==\s*(?:"([^"]*)"|'([^']*)'|([^)]+))\)\]/y;

/** What a JSONPath of printer columns finds: names, quoted names, indexes, `[*]` and `[?(@.type=="Ready")]`. */
export function valuesAt(root: Json, path: string): readonly Json[] {
  let values: readonly Json[] = [root];
  STEP.lastIndex = 0;
  const whole = path.startsWith('.') || path.startsWith('[') ? path : `.${path}`;
  while (STEP.lastIndex < whole.length) {
    const match = STEP.exec(whole.replaceAll('\\.', '\u0001'));
    if (match === null) return [];
    const [, plain, single, double, index, filter, a, b, c] = match;
    const name = (plain ?? single ?? double)?.replaceAll('\u0001', '.');
    if (name !== undefined) values = values.flatMap((value) => present(isObject(value) ? value[name] : undefined));
    else if (index !== undefined) values = values.flatMap((value) => items(value, index));
    else if (filter !== undefined) values = values.flatMap((value) => filtered(value, filter, a ?? b ?? c ?? ''));
  }
  return values;
}

function present(value: Json | undefined): readonly Json[] {
  return value === undefined ? [] : [value];
}

function items(value: Json, index: string): readonly Json[] {
  if (!Array.isArray(value)) return index === '*' && isObject(value) ? Object.values(value).flatMap(present) : [];
  return index === '*' ? value : present(value.at(Number(index)));
}

function filtered(value: Json, field: string, wanted: string): readonly Json[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item: Json) => valuesAt(item, `.${field}`).some((found) => text(found) === wanted));
}
