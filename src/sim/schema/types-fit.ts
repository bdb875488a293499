/** Whether the values of a built-in object have the types of its fields at all: what a server's decoder refuses with 400. */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import type { TypeSchema } from '../types.ts';
import { propertySchema, resolve } from './openapi.ts';

/** Types whose text or number is read by a reader of its own. */
const READ_BY_ITSELF =
  /\.(?:Quantity|IntOrString|Time|MicroTime|Duration|FieldsV1|RawExtension|JSON|JSONSchemaPropsOr\w+)$/;

function given(value: Json): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** The Go type of a field as the decoder names it. */
function goType(declared: TypeSchema): string {
  const schema = resolve(declared);
  if (declared.ref !== undefined) return `${declared.ref.split('.').at(-2)}.${declared.ref.split('.').at(-1)}`;
  switch (schema.type) {
    case 'integer':
      return String(schema.keywords?.format ?? 'int64');
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'array':
      return schema.keywords?.format === 'byte' || schema.items === undefined ? '[]uint8' : `[]${goType(schema.items)}`;
    case 'object':
      return typeof schema.additionalProperties === 'object'
        ? `map[string]${goType(schema.additionalProperties)}`
        : 'map[string]interface {}';
    default:
      return schema.keywords?.format === 'byte' ? '[]uint8' : 'string';
  }
}

function fits(value: Json, type: TypeSchema['type']): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case undefined:
      return true;
    default:
      return typeof value === type;
  }
}

const QUANTITY = /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/;
const NO_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** What the readers of such types say of text that they cannot read. */
function unread(value: Json, ref: string): string | undefined {
  const type = ref.split('.').at(-1);
  if (type === 'Quantity') return QUANTITY.test(String(value)) ? undefined : NO_QUANTITY;
  if (typeof value !== 'string') return undefined;
  if (type === 'Time') return timeProblem(value, '');
  return type === 'MicroTime' ? timeProblem(value, '.000000') : undefined;
}

/** Go's parser names the first part of the layout that the text does not go on with. */
function timeProblem(text: string, fraction: string): string | undefined {
  const layout = `2006-01-02T15:04:05${fraction}Z07:00`;
  let rest = text;
  for (const [shown, pattern] of [
    ['2006', /^\d{4}/],
    ['-', /^-/],
    ['01', /^\d\d/],
    ['-', /^-/],
    ['02', /^\d\d/],
    ['T', /^T/],
    ['15', /^\d\d/],
    [':', /^:/],
    ['04', /^\d\d/],
    [':', /^:/],
    ['05', /^\d\d/],
    ...(fraction === '' ? [] : ([[fraction, /^\.\d{6}/]] as const)),
    ['Z07:00', fraction === '' ? /^(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/ : /^(?:Z|[+-]\d\d:\d\d)$/],
  ] as const) {
    const found = pattern.exec(rest);
    if (found === null) {
      return `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse ${JSON.stringify(rest)} as "${shown}"`;
    }
    rest = rest.slice(found[0].length);
  }
  return undefined;
}

const BASE64_QUANTUM = 4;

function base64Problem(text: string): string | undefined {
  const bare = text.replaceAll(/[\r\n]/g, '');
  if (bare.length % BASE64_QUANTUM === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare)) return undefined;
  const bad = bare.search(/[^A-Za-z0-9+/]/);
  const at = bad < 0 || bare[bad] === '=' ? bare.length - (bare.length % BASE64_QUANTUM) : bad;
  return `illegal base64 data at input byte ${at}`;
}

/** How one reader words that a value is not of its field's type. */
type Wording = (value: Json, declared: TypeSchema, owner: string, path: string) => string;

const decoding: Wording = (value, declared, owner, path) => {
  const what = typeof value === 'number' ? `number ${value}` : given(value);
  const shown = resolve(declared).type === 'integer' || typeof value !== 'number' ? what : 'number';
  return `json: cannot unmarshal ${shown} into Go struct field ${owner}.${path} of type ${goType(declared)}`;
};

/** Maps are turned into objects by another reader than text is. */
const converting: Wording = (value, declared) => {
  const schema = resolve(declared);
  const kind = Array.isArray(value) ? 'slice' : isObject(value) ? 'map' : given(value);
  const number = Number.isInteger(value) ? 'int64' : 'float64';
  switch (schema.type) {
    case 'object':
      return schema.properties === undefined
        ? `cannot restore map from ${kind === 'number' ? number : kind}`
        : `cannot restore struct from: ${kind === 'number' ? number : kind}`;
    case 'array':
      return `cannot restore slice from ${kind === 'number' ? number : kind}`;
    default:
      return kind === 'number'
        ? `cannot convert ${number} to ${goType(declared)}`
        : `unrecognized type: ${goType(declared)}`;
  }
};

function find(value: Json, declared: TypeSchema, owner: string, path: string, wording: Wording): string | undefined {
  if (value === null) return undefined;
  if (declared.ref !== undefined && READ_BY_ITSELF.test(declared.ref)) return unread(value, declared.ref);
  const schema = resolve(declared);
  if (!fits(value, schema.type)) return wording(value, declared, owner, path);
  if (typeof value === 'string' && schema.keywords?.format === 'byte') return base64Problem(value);
  const struct = declared.ref?.split('.').at(-1) ?? owner;
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined
      ? undefined
      : first(value as readonly Json[], (item) => find(item, items, struct, path, wording));
  }
  if (!isObject(value)) return undefined;
  return first(Object.entries(value as JsonObject), ([key, item]) => {
    const property = propertySchema(schema, key);
    if (property === undefined || item === undefined) return undefined;
    const isField = schema.properties?.[key] !== undefined;
    return find(item, property, struct, !isField ? path : path === '' ? key : `${path}.${key}`, wording);
  });
}

function first<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Why a built-in object cannot be decoded, such as `json: cannot unmarshal string into Go struct field
 * DeploymentSpec.spec.replicas of type int32`; undefined: it can. Custom resources have no such types (their schema's
 * answer is a 422, see `validate`).
 */
export function decodeProblem(object: Json, schema: TypeSchema): string | undefined {
  return schema.ref === undefined ? undefined : find(object, schema, '', '', decoding);
}

/** The same for what a strategic merge patch made: `unrecognized type: int32`. */
export function conversionProblem(object: Json, schema: TypeSchema): string | undefined {
  return schema.ref === undefined ? undefined : find(object, schema, '', '', converting);
}
