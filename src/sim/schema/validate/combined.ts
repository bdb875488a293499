/** `anyOf`, `oneOf`, `allOf` and `not` of a custom schema, in the order and words of a real server. */
import { isObject, type Json, type JsonObject } from '../../../base/index.ts';
import type { FieldError, TypeSchema } from '../../types.ts';
import { toTypeSchema } from '../openapi.ts';
import type { Report } from './report.ts';

/** What is wrong with the value by one of the schemas alone. */
type Check = (schema: TypeSchema) => readonly FieldError[];

/** Raw schemas are read once: they live as long as their definition. */
const read = new WeakMap<JsonObject, TypeSchema>();

function schemasOf(words: JsonObject, name: string): readonly TypeSchema[] {
  const raw = words[name];
  return (Array.isArray(raw) ? (raw as readonly Json[]) : []).filter(isObject).map(schemaOf);
}

function schemaOf(raw: JsonObject): TypeSchema {
  const known = read.get(raw) ?? toTypeSchema(raw);
  read.set(raw, known);
  return known;
}

/** Adds what the combinations of a schema have against the value at `at`. */
export function checkCombined(report: Report, at: string, words: JsonObject, check: Check): void {
  // such an error is about the whole object to a real server: it has a place in its text only
  const refuse = (why: string) =>
    report.add('FieldValueInvalid', '<nil>', `Invalid value: "": ${JSON.stringify(at)} must ${why}`);
  const failures = (name: string) => schemasOf(words, name).map(check);
  const any = failures('anyOf');
  if (any.length > 0 && any.every((errors) => errors.length > 0)) {
    refuse('validate at least one schema (anyOf)');
    report.errors.push(...(any[0] ?? []));
  }
  const one = failures('oneOf');
  const valid = one.filter((errors) => errors.length === 0).length;
  if (one.length > 0 && valid !== 1) {
    refuse(
      `validate one and only one schema (oneOf). Found ${valid === 0 ? 'none valid' : `${valid} valid alternatives`}`,
    );
    if (valid === 0) report.errors.push(...(one[0] ?? []));
  }
  const failed = failures('allOf');
  const wrong = failed.filter((errors) => errors.length > 0);
  if (wrong.length > 0) {
    report.errors.push(...wrong.flat());
    refuse(`validate all the schemas (allOf)${wrong.length === failed.length ? '. None validated' : ''}`);
  }
  if (isObject(words.not) && check(schemaOf(words.not)).length === 0) refuse('not validate the schema (not)');
}
