/** `x-kubernetes-validations`: the CEL rules of a schema, asked of every value that they stand at. */
import { errorText, isObject, type Json, type JsonObject, jsonEqual } from '../../../base/index.ts';
import type { TypeSchema } from '../../types.ts';
import { propertySchema } from '../openapi.ts';
import { compile } from './cel.ts';
import { list, text } from './read.ts';
import type { Report } from './report.ts';

const KEYWORD = 'x-kubernetes-validations';

/** Whether a schema has rules anywhere. */
export function hasRules(schema: TypeSchema): boolean {
  if (schema.ref !== undefined) return false;
  if (schema.keywords?.[KEYWORD] !== undefined) return true;
  const below = [...Object.values(schema.properties ?? {})];
  if (schema.items !== undefined) below.push(schema.items);
  if (typeof schema.additionalProperties === 'object') below.push(schema.additionalProperties);
  return below.some(hasRules);
}

function typeName(value: Json, schema: TypeSchema): string {
  return schema.type ?? (typeof value === 'number' ? 'integer' : typeof value);
}

function ask(report: Report, at: string, rule: Json, value: Json, before: Json | undefined, schema: TypeSchema): void {
  const source = text(rule, 'rule');
  const isTransition = /\boldSelf\b/.test(source);
  if (isTransition && before === undefined) return;
  const evaluate = compile(source);
  if (evaluate === undefined) return;
  const scope = before === undefined ? { self: value } : { self: value, oldSelf: before };
  const place = `${at}${text(rule, 'fieldPath')}`.replace(/^\./, '');
  const type = JSON.stringify(typeName(value, schema));
  try {
    if (evaluate(scope) === true) return;
  } catch (error) {
    report.add(
      'FieldValueInvalid',
      place,
      `Invalid value: ${type}: ${errorText(error)} evaluating rule: ${messageOf(rule, source)}`,
    );
    return;
  }
  const message = spoken(rule, scope) ?? messageOf(rule, source);
  report.add(text(rule, 'reason') || 'FieldValueInvalid', place, `Invalid value: ${type}: ${message}`);
}

/** What `messageExpression` makes of the value; undefined: nothing that could be shown. */
function spoken(rule: Json, scope: JsonObject): string | undefined {
  const expression = text(rule, 'messageExpression');
  const evaluate = expression === '' ? undefined : compile(expression);
  try {
    const said = evaluate?.(scope);
    return typeof said === 'string' && said.trim() !== '' && !said.includes('\n') ? said : undefined;
  } catch {
    return undefined;
  }
}

function messageOf(rule: Json, source: string): string {
  return text(rule, 'message') || `failed rule: ${source.trim()}`;
}

/** Values of list-map items are compared with the item of the same key before. */
function itemBefore(item: Json, before: Json | undefined, schema: TypeSchema): Json | undefined {
  const keys = schema.listType === 'map' ? (schema.listMapKeys ?? []) : [];
  if (keys.length === 0 || !Array.isArray(before) || !isObject(item)) return undefined;
  return (before as readonly Json[]).find(
    (other) => isObject(other) && keys.every((key) => jsonEqual(other[key], item[key])),
  );
}

/** Asks the rules at this value, then those below it. `before`: the value on an update. */
export function checkRules(
  report: Report,
  at: string,
  value: Json,
  before: Json | undefined,
  schema: TypeSchema,
): void {
  if (schema.ref !== undefined || (value === null && schema.nullable === true)) return;
  for (const rule of list(schema.keywords as JsonObject | undefined, KEYWORD))
    ask(report, at, rule, value, before, schema);
  if (Array.isArray(value)) {
    const elements = schema.items;
    if (elements === undefined) return;
    for (const [index, item] of (value as readonly Json[]).entries()) {
      checkRules(report, `${at}[${index}]`, item, itemBefore(item, before, schema), elements);
    }
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const property = propertySchema(schema, key);
      if (property === undefined || item === undefined) continue;
      checkRules(report, at === '' ? key : `${at}.${key}`, item, isObject(before) ? before[key] : undefined, property);
    }
  }
}
