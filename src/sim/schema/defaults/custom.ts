/** Defaults of custom resources: those that their schema declares, laid in from the outside in. */
import { isObject, type Json } from '../../../base/index.ts';
import type { TypeSchema } from '../../types.ts';
import { propertySchema } from '../openapi.ts';
import { type Draft, isDraft } from './draft.ts';

/** A copy with defaults; a null that may not be one gives way to its default, or vanishes. */
export function withSchemaDefaults(value: Json, schema: TypeSchema): Json {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? value : value.map((item: Json) => withSchemaDefaults(item, items));
  }
  if (!isObject(value)) return value;
  const out: Draft = { ...value };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const given = out[name];
    const isMissing = given === undefined || (given === null && property.nullable !== true);
    if (isMissing && property.default !== undefined) out[name] = structuredClone(property.default) as Json;
  }
  for (const [key, item] of Object.entries(out)) {
    const property = propertySchema(schema, key);
    if (item === null && property !== undefined && property.nullable !== true && property.ref === undefined) {
      delete out[key];
      continue;
    }
    const isMetadata = property?.ref !== undefined;
    if (property !== undefined && !isMetadata && item !== undefined && (isDraft(item) || Array.isArray(item))) {
      out[key] = withSchemaDefaults(item, property);
    }
  }
  return out as Json;
}
