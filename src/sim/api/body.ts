/** Request bodies: decoded, checked against the resource that was asked for, and stripped of what it does not know. */
import { parseDocument } from 'yaml';
import { isObject, type Json, type KubeObject } from '../../base/index.ts';
import { builtinResources, decodeProblem, decodeStrict, dropUnknown, unknownFields } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { Call } from './cluster.ts';
import { decodeProtobuf } from './protobuf.ts';
import { groupVersionText, type ResourceRegistry } from './resources.ts';
import { type ApiError, badRequest, unsupportedMediaType } from './status.ts';

export interface Body {
  /** Lower case, without parameters. */
  readonly type: string;
  readonly bytes: Buffer;
}

const WRITE_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

interface Decoded {
  readonly value: Json;
  readonly duplicates: readonly string[];
}

/**
 * The object in a body of POST or PUT, as the resource knows it. Unknown and repeated fields are refused, warned of or
 * ignored as the call asks.
 * @throws ApiError 400 or 415.
 */
export function decodeObject(
  registry: ResourceRegistry,
  call: Pick<Call, 'fieldValidation' | 'warn'>,
  resource: ResourceInfo,
  body: Body,
): KubeObject {
  const { value, duplicates } = decodeAny(registry, body, resource.kind);
  if (value === null && body.bytes.length > 0) return strictly(call, resource, withType({}, resource), duplicates);
  if (!isObject(value))
    throw badRequest(unrecognized(resource.kind, `json parse error: ${noObject(value, body.bytes)}`, body.bytes));
  const object = withType(value, resource);
  return strictly(call, resource, object, duplicates);
}

const GO_HEAD =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function noObject(value: Json, bytes: Buffer): string {
  if (bytes.length === 0) return 'unexpected end of JSON input';
  return `json: cannot unmarshal ${goForm(value)} into Go value of type ${GO_HEAD}`;
}

function goForm(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
}

/** How an object came about: what looks for values of the wrong type in it, and how it is refused. */
export interface Origin {
  readonly problem: typeof decodeProblem;
  readonly refuse: (why: string) => ApiError;
}

/** Applies the field validation of the call to an object of any origin (a body or the result of a patch). */
export function strictly(
  call: Pick<Call, 'fieldValidation' | 'warn'>,
  resource: ResourceInfo,
  object: KubeObject,
  duplicates: readonly string[] = [],
  origin: Origin = { problem: decodeProblem, refuse: (why) => badRequest(cannotBeHandled(resource, why)) },
): KubeObject {
  const misfit = resource.schema === undefined ? undefined : origin.problem(object as unknown as Json, resource.schema);
  if (misfit !== undefined) throw origin.refuse(misfit);
  if (call.fieldValidation !== 'Ignore') {
    const unknown = resource.schema === undefined ? [] : unknownFields(object, resource.schema);
    const problems = [
      ...duplicates.map((field) => `duplicate field ${JSON.stringify(field)}`),
      ...unknown.map((field) => `unknown field ${JSON.stringify(field)}`),
    ];
    if (problems.length > 0 && call.fieldValidation === 'Strict') {
      throw origin.refuse(`strict decoding error: ${problems.join(', ')}`);
    }
    for (const problem of problems) call.warn(problem);
  }
  return resource.schema === undefined ? object : dropUnknown(object, resource.schema);
}

function cannotBeHandled(resource: ResourceInfo, why: string): string {
  return `${resource.kind} in version ${JSON.stringify(resource.version)} cannot be handled as a ${resource.kind}: ${why}`;
}

/** Any JSON, YAML or protobuf body as a JSON value. */
export function decodeAny(registry: ResourceRegistry, body: Body, kind: string): Decoded {
  switch (body.type) {
    case '':
    case 'application/json':
      return decodeJson(body.bytes, kind);
    case 'application/yaml':
      return decodeYaml(body.bytes, kind);
    case 'application/vnd.kubernetes.protobuf':
      return { value: decodeProtobuf(registry, body.bytes), duplicates: [] };
    default:
      throw unsupportedMediaType(WRITE_TYPES);
  }
}

export function decodeJson(bytes: Buffer, kind: string): Decoded {
  try {
    return decodeStrict(bytes.toString('utf8'));
  } catch (error) {
    throw badRequest(unrecognized(kind, `json parse error: ${goSyntaxError(error)}`, bytes));
  }
}

/** YAML 1.1 as the real server reads it: `y` and `on` are booleans. */
function yamlValue(bytes: Buffer): unknown {
  const document = parseDocument(bytes.toString('utf8'), { version: '1.1', uniqueKeys: false });
  const problem = document.errors[0];
  if (problem !== undefined) throw badRequest(`error decoding YAML: yaml: ${problem.message}`);
  return document.toJS({ maxAliasCount: 100 });
}

function decodeYaml(bytes: Buffer, kind: string): Decoded {
  const value = yamlValue(bytes);
  if (!isObject(value)) throw badRequest(unrecognized(kind, 'not an object', bytes));
  return { value, duplicates: [] };
}

/** What is applied: one object, as YAML or JSON. @throws ApiError 400. */
export function decodeApplied(bytes: Buffer): Json {
  const value = yamlValue(bytes);
  if (value === null || value === undefined) return {};
  if (isObject(value)) return value;
  const form = goForm(value);
  const why = `json: cannot unmarshal ${form} into Go value of type map[string]interface {}`;
  throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${why}`);
}

function withType(value: { readonly [key: string]: Json | undefined }, resource: ResourceInfo): KubeObject {
  const expected = groupVersionText(resource);
  const apiVersion = typeof value.apiVersion === 'string' && value.apiVersion !== '' ? value.apiVersion : expected;
  const kind = typeof value.kind === 'string' && value.kind !== '' ? value.kind : resource.kind;
  if ((apiVersion !== expected || kind !== resource.kind) && resource.schema?.ref !== undefined)
    throw badRequest(otherKind(apiVersion, kind, resource));
  if (apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  if (kind !== resource.kind) throw badRequest(otherKind(apiVersion, kind, resource));
  const metadata = isObject(value.metadata) ? value.metadata : {};
  return { ...value, apiVersion, kind, metadata } as unknown as KubeObject;
}

function otherKind(apiVersion: string, kind: string, resource: ResourceInfo): string {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const handled = `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${resource.kind}: `;
  if (resource.schema?.ref !== undefined && !isBuiltIn(group, version, kind)) {
    const unknown = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`;
    return `${handled}${unknown} in scheme "pkg/runtime/scheme.go:110"`;
  }
  const internal = resource.group === '' ? 'core' : resource.group.split('.')[0];
  return `${handled}converting (${version}.${kind}) to (${internal}.${resource.kind}): unknown conversion`;
}

function isBuiltIn(group: string, version: string, kind: string): boolean {
  return builtinResources().some((one) => one.group === group && one.version === version && one.kind === kind);
}

function unrecognized(kind: string, why: string, bytes: Buffer): string {
  return `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; ${why} (${summary(bytes)})`;
}

const SUMMARY_BYTES = 30;

function summary(bytes: Buffer): string {
  if (bytes.length === 0) return '<empty>';
  const text = bytes.toString('utf8');
  if (!text.startsWith('{')) return bytes.subarray(0, SUMMARY_BYTES).toString('hex');
  return text.length > SUMMARY_BYTES ? `${text.slice(0, SUMMARY_BYTES)} ...` : text;
}

/** The words of Go's JSON parser for what JavaScript's says. */
export function goSyntaxError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/end of JSON|Unterminated|end of data/i.test(message)) return 'unexpected end of JSON input';
  const token = /token '?(.)'?|character '(.)'/i.exec(message);
  const character = token?.[1] ?? token?.[2];
  return character === undefined ? message : `invalid character '${character}' looking for beginning of value`;
}
