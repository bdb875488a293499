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

function find(value: Json, declared: TypeSchema, owner: string, path: string): string | undefined {
  if (value === null || (declared.ref !== undefined && READ_BY_ITSELF.test(declared.ref))) return undefined;
  const schema = resolve(declared);
  if (!fits(value, schema.type)) {
    const what = typeof value === 'number' ? `number ${value}` : given(value);
    const shown = schema.type === 'integer' || typeof value !== 'number' ? what : 'number';
    return `json: cannot unmarshal ${shown} into Go struct field ${owner}.${path} of type ${goType(declared)}`;
  }
  const struct = declared.ref?.split('.').at(-1) ?? owner;
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? undefined : first(value as readonly Json[], (item) => find(item, items, struct, path));
  }
  if (!isObject(value)) return undefined;
  return first(Object.entries(value as JsonObject), ([key, item]) => {
    const property = propertySchema(schema, key);
    if (property === undefined || item === undefined) return undefined;
    return find(item, property, struct, path === '' ? key : `${path}.${key}`);
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
  return schema.ref === undefined ? undefined : find(object, schema, '', '');
}
