/** Label and field selectors in their text form, parsed to predicates. */
import type { Json, KubeObject } from '../../base/index.ts';
import { isObject } from '../../base/index.ts';
import { badRequest, type Named, qualified } from './status.ts';

export type Predicate = (object: KubeObject) => boolean;

type Requirement =
  | { readonly kind: 'exists' | 'absent'; readonly key: string }
  | { readonly kind: 'in' | 'notIn'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: 'above' | 'below'; readonly key: string; readonly bound: number };

const TOKEN = /\s*(==|!=|[=!,()<>]|[^\s=!,()<>]+)/y;

/**
 * A label selector (`a=b,c!=d,e in (x,y),!f,g>1`).
 * @throws ApiError 400 in the words of the real parser.
 */
export function labelSelector(text: string): Predicate | undefined {
  const tokens = tokensOf(text);
  if (tokens.length === 0) return undefined;
  const first = tokens[0];
  if (first !== '!' && isSymbol(first))
    throw badRequest(`found '${first}', expected: !, identifier, or 'end of string'`);
  const requirements: Requirement[] = [];
  const reader = { tokens, at: 0 };
  for (;;) {
    requirements.push(requirement(reader));
    const separator = reader.tokens[reader.at++];
    if (separator === undefined) break;
    if (separator !== ',') throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
    const next = reader.tokens[reader.at];
    if (next !== '!' && isSymbol(next)) throw badRequest(`found '${next ?? ''}', expected: identifier after ','`);
  }
  return (object) => requirements.every((one) => matches(one, object.metadata.labels ?? {}));
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) tokens.push(match[1] ?? '');
  return tokens;
}

const isSymbol = (token: string | undefined) => token === undefined || /^(==|!=|[=!,()<>])$/.test(token);

const parseError = (why: string) => badRequest(`unable to parse requirement: ${why}`);

function identifier(reader: Reader): string {
  const token = reader.tokens[reader.at++];
  if (token === undefined || isSymbol(token)) throw parseError(`found '${token ?? ''}', expected: identifier`);
  return token;
}

function requirement(reader: Reader): Requirement {
  if (reader.tokens[reader.at] === '!') {
    reader.at++;
    return { kind: 'absent', key: identifier(reader) };
  }
  const key = identifier(reader);
  const operator = reader.tokens[reader.at];
  if (operator === undefined || operator === ',') return { kind: 'exists', key };
  reader.at++;
  switch (operator) {
    case '=':
    case '==':
      return { kind: 'in', key, values: [value(reader)] };
    case '!=':
      return { kind: 'notIn', key, values: [value(reader)] };
    case '<':
    case '>':
      return { kind: operator === '<' ? 'below' : 'above', key, bound: Number(identifier(reader)) };
    case 'in':
    case 'notin':
      return { kind: operator === 'in' ? 'in' : 'notIn', key, values: valueList(reader) };
    default:
      throw parseError(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

/** The value after `=`; nothing there means the empty value. */
function value(reader: Reader): string {
  const token = reader.tokens[reader.at];
  if (token === undefined || token === ',') return '';
  return identifier(reader);
}

function valueList(reader: Reader): string[] {
  if (reader.tokens[reader.at++] !== '(')
    throw parseError(`found '${reader.tokens[reader.at - 1] ?? ''}' expected: '('`);
  const values: string[] = [];
  for (;;) {
    const token = reader.tokens[reader.at];
    if (token === ')') break;
    values.push(token === ',' ? '' : identifier(reader));
    if (reader.tokens[reader.at] === ',') reader.at++;
    else if (reader.tokens[reader.at] !== ')') {
      throw parseError(`found '${reader.tokens[reader.at] ?? ''}', expected: ',' or ')'`);
    }
  }
  reader.at++;
  return values;
}

function matches(one: Requirement, labels: { readonly [key: string]: string }): boolean {
  const found = labels[one.key];
  switch (one.kind) {
    case 'exists':
      return found !== undefined;
    case 'absent':
      return found === undefined;
    case 'in':
      return found !== undefined && one.values.includes(found);
    case 'notIn':
      return found === undefined || !one.values.includes(found);
    case 'above':
      return found !== undefined && Number(found) > one.bound;
    case 'below':
      return found !== undefined && Number(found) < one.bound;
  }
}

/** Fields beyond metadata.name and metadata.namespace that a kind can be selected by; CRDs bring theirs (selectableFields). */
const SELECTABLE: { readonly [resource: string]: readonly string[] } = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'events.events.k8s.io': [
    'regarding.kind',
    'regarding.namespace',
    'regarding.name',
    'regarding.uid',
    'reason',
    'reportingController',
    'type',
  ],
  secrets: ['type'],
  namespaces: ['status.phase'],
  nodes: ['spec.unschedulable'],
  services: ['spec.clusterIP', 'spec.type'],
  'replicasets.apps': ['status.replicas'],
  replicationcontrollers: ['status.replicas'],
  'jobs.batch': ['status.successful'],
  'certificatesigningrequests.certificates.k8s.io': ['spec.signerName'],
};

/**
 * A field selector (`metadata.name=a,status.phase!=Running`).
 * @throws ApiError 400 for a field that the kind cannot be selected by.
 */
export function fieldSelector(text: string, resource: Named, custom?: readonly string[]): Predicate | undefined {
  const terms = text.split(',').filter((term) => term.trim() !== '');
  if (terms.length === 0) return undefined;
  const known = ['metadata.name', 'metadata.namespace', ...(SELECTABLE[qualified(resource)] ?? []), ...(custom ?? [])];
  const tests = terms.map((term) => fieldTerm(term.trim(), resource, known, custom !== undefined));
  return (object) => tests.every((test) => test(object));
}

function fieldTerm(term: string, resource: Named, known: readonly string[], isCustom: boolean): Predicate {
  const match = /^(.*?)(==|!=|=)(.*)$/.exec(term);
  if (match === null) throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
  const [, field = '', operator, wanted = ''] = match;
  if (!known.includes(field)) throw badRequest(unknownField(field, resource, known, isCustom));
  const negated = operator === '!=';
  return (object) => (fieldValue(object, field) === wanted) !== negated;
}

function unknownField(field: string, resource: Named, known: readonly string[], isCustom: boolean): string {
  if (isCustom || SELECTABLE[qualified(resource)] !== undefined) return `field label not supported: ${field}`;
  return `"${field}" is not a known field selector: only ${known.map((name) => `"${name}"`).join(', ')}`;
}

function fieldValue(object: KubeObject, field: string): string {
  if (field === 'source') return fieldValue(object, 'source.component') || fieldValue(object, 'reportingComponent');
  if (field === 'status.successful') return fieldValue(object, 'status.succeeded') || '0';
  let value: Json | undefined = object as unknown as Json;
  for (const part of field.split('.')) value = isObject(value) ? value[part] : undefined;
  if (value === undefined || value === null)
    return field === 'spec.unschedulable' || field === 'spec.hostNetwork' ? 'false' : '';
  return typeof value === 'object' ? '' : String(value);
}
