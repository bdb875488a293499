/** Rules about CustomResourceDefinitions and the structural schemas in them. */
import { isObject, type Json, type KubeObject } from '../../../base/index.ts';
import { compile } from './cel.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

const SCOPES = ['Cluster', 'Namespaced'];
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

export function definition(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const [group, plural] = [text(spec, 'group'), text(spec, 'names', 'plural')];
  const versions = list(spec, 'versions');
  if (object.metadata.name !== `${plural}.${group}`) {
    report.invalid('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group');
  }
  if (group === '') report.required('spec.group');
  report.oneOf('spec.scope', part(spec, 'scope'), SCOPES);
  checkVersions(report, versions);
  checkStored(report, versions, list(object.status as Json | undefined, 'storedVersions'));
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    if (text(spec, 'names', key) === '') report.required(`spec.names.${key}`);
  }
  checkSchemas(report, versions);
}

/** A version as messages show it: by the names of its type's fields. */
function shownVersion(version: Json): Json {
  return {
    Name: text(version, 'name'),
    Served: part(version, 'served') === true,
    Storage: part(version, 'storage') === true,
    Deprecated: part(version, 'deprecated') === true,
    DeprecationWarning: part(version, 'deprecationWarning') ?? null,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  };
}

function checkVersions(report: Report, versions: readonly Json[]): void {
  const names = new Set(versions.map((version) => text(version, 'name')));
  const shown = versions.map(shownVersion);
  if (names.size < versions.length) report.invalid('spec.versions', shown, 'must contain unique version names');
  const stored = versions.filter((version) => part(version, 'storage') === true);
  if (stored.length !== 1) {
    report.invalid('spec.versions', shown, 'must have exactly one version marked as storage version');
  }
}

const NOT_MIGRATED = (name: string) =>
  `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;

/** Objects may still be stored in any version that was a storage version once. */
function checkStored(report: Report, versions: readonly Json[], stored: readonly Json[]): void {
  const at = 'status.storedVersions';
  if (stored.length === 0) report.invalid(at, null, 'must have at least one stored version');
  const names = versions.map((version) => text(version, 'name'));
  for (const version of versions) {
    const name = text(version, 'name');
    const isMissing = part(version, 'storage') === true && stored.length > 0 && !stored.includes(name);
    if (isMissing) report.invalid(at, stored as Json, `must have the storage version ${name}`);
  }
  for (const [index, name] of stored.entries()) {
    if (!names.includes(String(name))) report.invalid(`${at}[${index}]`, name, NOT_MIGRATED(String(name)));
  }
}

/** One schema for all versions is shown as if it stood at the top. */
function checkSchemas(report: Report, versions: readonly Json[]): void {
  const schemas = versions.map((version) => part(version, 'schema', 'openAPIV3Schema'));
  const isShared = schemas.every((schema) => JSON.stringify(schema) === JSON.stringify(schemas[0]));
  for (const [index, schema] of schemas.entries()) {
    if (schema === undefined) report.required(`spec.versions[${index}].schema.openAPIV3Schema`);
    else if (!isShared) checkRoot(report, `spec.versions[${index}].schema.openAPIV3Schema`, schema);
  }
  const [first] = schemas;
  if (isShared && first !== undefined) checkRoot(report, 'spec.validation.openAPIV3Schema', first);
}

function checkRoot(report: Report, at: string, schema: Json): void {
  const type = text(schema, 'type');
  if (type === '') report.required(`${at}.type`, 'must not be empty at the root');
  else if (type !== 'object') report.invalid(`${at}.type`, type, 'must be object at the root');
  checkBelow(report, at, schema);
}

function checkBelow(report: Report, at: string, schema: Json): void {
  for (const [name, property] of Object.entries(fields(schema, 'properties'))) {
    if (property !== undefined) checkSchema(report, `${at}.properties[${name}]`, property, 'object fields');
  }
  const items = part(schema, 'items');
  if (isObject(items)) checkSchema(report, `${at}.items`, items, 'array items');
  const rest = part(schema, 'additionalProperties');
  if (isObject(rest)) checkSchema(report, `${at}.additionalProperties`, rest, 'map values');
  checkRules(report, at, schema);
}

function checkSchema(report: Report, at: string, schema: Json, place: string): void {
  const type = text(schema, 'type');
  const isFree = part(schema, 'x-kubernetes-preserve-unknown-fields') === true;
  const isEither = part(schema, 'x-kubernetes-int-or-string') === true;
  if (type === '' && !isFree && !isEither) report.required(`${at}.type`, `must not be empty for specified ${place}`);
  else if (type !== '' && !TYPES.includes(type)) report.notSupported(`${at}.type`, type, TYPES);
  if (type === 'array' && part(schema, 'items') === undefined) report.required(`${at}.items`, 'must be specified');
  if (part(schema, 'uniqueItems') === true) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    report.forbidden(`${at}.uniqueItems`, why);
  }
  const keys = list(schema, 'x-kubernetes-list-map-keys');
  if (part(schema, 'x-kubernetes-list-type') === 'map' && keys.length === 0) {
    report.required(`${at}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map');
  }
  checkPattern(report, at, schema);
  checkDefault(report, at, schema, type);
  checkBelow(report, at, schema);
}

function checkPattern(report: Report, at: string, schema: Json): void {
  const pattern = text(schema, 'pattern');
  try {
    new RegExp(pattern);
  } catch {
    const why = `must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`${pattern}\``;
    report.invalid(`${at}.pattern`, pattern, why);
  }
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function checkDefault(report: Report, at: string, schema: Json, type: string): void {
  const given = part(schema, 'default');
  if (given === undefined || !TYPES.includes(type)) return;
  const actual = typeOf(given);
  if (actual === type || (type === 'number' && actual === 'integer')) return;
  if (actual === 'null' && part(schema, 'nullable') === true) return;
  const message = `Invalid value: "${actual}":  in body must be of type ${type}: "${actual}"`;
  report.add('FieldValueTypeInvalid', `${at}.default`, message);
}

function checkRules(report: Report, at: string, schema: Json): void {
  for (const [index, rule] of list(schema, 'x-kubernetes-validations').entries()) {
    const field = `${at}.x-kubernetes-validations[${index}].rule`;
    const source = text(rule, 'rule');
    if (source.trim() === '') report.required(field, 'rule is not specified');
    else if (compile(source) === undefined) {
      const shape = {
        Rule: source,
        Message: text(rule, 'message'),
        MessageExpression: text(rule, 'messageExpression'),
        Reason: part(rule, 'reason') ?? null,
        FieldPath: text(rule, 'fieldPath'),
        OptionalOldSelf: part(rule, 'optionalOldSelf') ?? null,
      };
      report.invalid(field, shape, 'compilation failed');
    }
  }
}
