/** Rules of custom resources: those that their schema declares, and its CEL expressions. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../../base/index.ts';
import type { FieldError, TypeSchema } from '../../types.ts';
import { propertySchema } from '../openapi.ts';
import { checkRules, hasRules } from './cel-rules.ts';
import { checkCombined } from './combined.ts';
import { Report } from './report.ts';

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function fits(value: Json, schema: TypeSchema): boolean {
  if (schema.intOrString === true) return typeof value === 'string' || Number.isInteger(value);
  if (schema.type === undefined) return true;
  const type = typeOf(value);
  return type === schema.type || (schema.type === 'number' && type === 'integer');
}

/** Formats that are checked; a server knows more, and lets the unknown pass. */
const FORMATS: { readonly [format: string]: RegExp } = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i,
  date: /^\d{4}-\d\d-\d\d$/,
  email: /^[^@\s]+@[^@\s]+$/,
  ipv4: /^(?:\d{1,3}\.){3}\d{1,3}$/,
  uuid: /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i,
};

function checkString(report: Report, at: string, value: string, words: JsonObject): void {
  const length = [...value].length;
  if (typeof words.maxLength === 'number' && length > words.maxLength) {
    report.add('FieldValueTooLong', at, `Too long: may not be more than ${words.maxLength} bytes`);
  }
  if (typeof words.minLength === 'number' && length < words.minLength) {
    report.invalid(at, value, `${at} in body should be at least ${words.minLength} chars long`);
  }
  if (typeof words.pattern === 'string' && !new RegExp(words.pattern, 'u').test(value)) {
    report.invalid(at, value, `${at} in body should match '${words.pattern}'`);
  }
  const format = typeof words.format === 'string' ? FORMATS[words.format] : undefined;
  if (format !== undefined && !format.test(value)) {
    report.invalid(at, value, `${at} in body must be of type ${String(words.format)}: ${JSON.stringify(value)}`);
  }
}

function checkNumber(report: Report, at: string, value: number, words: JsonObject): void {
  const { minimum, maximum, multipleOf } = words;
  if (typeof maximum === 'number' && (words.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    const how = words.exclusiveMaximum === true ? 'less than' : 'less than or equal to';
    report.invalid(at, value, `${at} in body should be ${how} ${maximum}`);
  }
  if (typeof minimum === 'number' && (words.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    const how = words.exclusiveMinimum === true ? 'greater than' : 'greater than or equal to';
    report.invalid(at, value, `${at} in body should be ${how} ${minimum}`);
  }
  if (typeof multipleOf === 'number' && value % multipleOf !== 0) {
    report.invalid(at, value, `${at} in body should be a multiple of ${multipleOf}`);
  }
}

function checkList(report: Report, at: string, value: readonly Json[], schema: TypeSchema, words: JsonObject): void {
  if (typeof words.minItems === 'number' && value.length < words.minItems) {
    report.invalid(at, value.length, `${at} in body should have at least ${words.minItems} items`);
  }
  if (typeof words.maxItems === 'number' && value.length > words.maxItems) {
    report.add('FieldValueTooMany', at, `Too many: ${value.length}: must have at most ${words.maxItems} items`);
  }
  if (schema.listType === 'map' || schema.listType === 'set') checkUnique(report, at, value, schema);
  const items = schema.items;
  if (items === undefined) return;
  for (const [index, item] of value.entries()) check(report, `${at}[${index}]`, item, items);
}

function checkUnique(report: Report, at: string, value: readonly Json[], schema: TypeSchema): void {
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const keys = schema.listMapKeys ?? [];
    const id: Json =
      schema.listType === 'map' && isObject(item)
        ? Object.fromEntries(keys.map((key) => [key, item[key] ?? null]))
        : item;
    const text = JSON.stringify(id);
    if (seen.has(text)) report.duplicate(`${at}[${index}]`, id);
    seen.add(text);
  }
}

function checkMap(report: Report, at: string, value: JsonObject, schema: TypeSchema, words: JsonObject): void {
  const count = Object.keys(value).length;
  if (typeof words.minProperties === 'number' && count < words.minProperties) {
    report.invalid(at, count, `${at} in body should have at least ${words.minProperties} properties`);
  }
  if (typeof words.maxProperties === 'number' && count > words.maxProperties) {
    report.add('FieldValueTooMany', at, `Too many: ${count}: must have at most ${words.maxProperties} items`);
  }
  for (const name of Array.isArray(words.required) ? (words.required as readonly string[]) : []) {
    if (value[name] === undefined) report.required(at === '' ? name : `${at}.${name}`);
  }
  for (const [key, item] of Object.entries(value)) {
    const property = propertySchema(schema, key);
    // metadata has rules of its own.
    if (property === undefined || property.ref !== undefined || item === undefined) continue;
    const isDeclared = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    check(report, isDeclared || at === '' ? (at === '' ? key : `${at}.${key}`) : `${at}.${key}`, item, property);
  }
}

/** A whole object inside another says what it is. */
function checkEmbedded(report: Report, at: string, value: JsonObject): void {
  for (const key of ['apiVersion', 'kind']) {
    if (typeof value[key] !== 'string' || value[key] === '') report.required(`${at}.${key}`);
  }
}

function check(report: Report, at: string, value: Json, schema: TypeSchema): void {
  if (value === null && schema.nullable === true) return;
  const words = schema.keywords ?? {};
  if (!fits(value, schema)) {
    const wanted = schema.intOrString === true ? 'integer,string' : schema.type;
    const given = JSON.stringify(typeOf(value));
    const message = `Invalid value: ${given}: ${at} in body must be of type ${wanted}: ${given}`;
    report.add('FieldValueTypeInvalid', at, message);
    return;
  }
  if (schema.embeddedResource === true && isObject(value)) checkEmbedded(report, at, value);
  checkCombined(report, at, words, (part) => errorsOf(at, value, part));
  if (typeof value === 'string') checkString(report, at, value, words);
  if (typeof value === 'number') checkNumber(report, at, value, words);
  if (Array.isArray(value)) checkList(report, at, value as readonly Json[], schema, words);
  if (isObject(value)) checkMap(report, at, value, schema, words);
  if (Array.isArray(words.enum) && !words.enum.some((item) => JSON.stringify(item) === JSON.stringify(value))) {
    report.notSupported(at, value, words.enum.map(String));
  }
}

function errorsOf(at: string, value: Json, schema: TypeSchema): readonly FieldError[] {
  const found = new Report();
  check(found, at, value, schema);
  return found.errors;
}

/** Errors after which no rule is asked: the rules could meet values of other types than they were written for. */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** Checks an object against its schema; its CEL rules are asked only of an object that is otherwise valid. */
export function custom(report: Report, object: KubeObject, schema: TypeSchema, before?: KubeObject): void {
  const found = new Report();
  check(found, '', object as Json, schema);
  report.errors.push(...found.errors);
  if (!hasRules(schema)) return;
  if (found.errors.some(({ reason }) => BLOCKING.has(reason))) {
    const why =
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
    report.invalid('<nil>', null, why);
    return;
  }
  checkRules(report, '', object as Json, before as Json | undefined, schema);
}
