/** The surface of the schema room: what kinds there are, and what their objects may and do look like. */
export { publishedSchemasOfCrd, resourcesOfCrd } from './crd.ts';
export type { Decoded } from './decode.ts';
export { decodeStrict } from './decode.ts';
export { applyDefaults } from './defaults/index.ts';
export { propertySchema, resolve } from './openapi.ts';
export { prepareForCreate } from './prepare.ts';
export { publishedSchemas } from './published.ts';
export type { Quantity } from './quantity.ts';
export { canonicalQuantity, parseQuantity } from './quantity.ts';
export { builtinResources } from './resources.ts';
export { conversionProblem, decodeProblem } from './types-fit.ts';
export { dropUnknown, unknownFields } from './unknown.ts';
export { compile as compileCel } from './validate/cel.ts';
export { validate } from './validate/index.ts';
export { isGrown } from './validate/storage.ts';
export { throughWire } from './wire.ts';
