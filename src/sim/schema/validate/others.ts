import { type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { checkSelector } from './metadata.ts';
import { configKey, percent } from './names.ts';
import { fields, part, text } from './read.ts';
import type { Report } from './report.ts';

const DATA_BYTES_MAX = 1024 * 1024;

function checkKeys(report: Report, field: string, data: Json | undefined): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(fields(data))) {
    report.each(`${field}[${key}]`, key, configKey(key));
    if (typeof value === 'string') bytes += field === 'data' ? Buffer.byteLength(value) : (value.length * 3) / 4;
  }
  return bytes;
}

export function configMap(report: Report, object: KubeObject): void {
  const bytes =
    checkKeys(report, 'data', object.data as Json) + checkKeys(report, 'binaryData', object.binaryData as Json);
  for (const key of Object.keys(fields(object.data as Json))) {
    if (part(object.binaryData as Json, key) === undefined) continue;
    report.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
  }
  if (bytes > DATA_BYTES_MAX)
    report.add('FieldValueTooLong', '[]', `Too long: may not be more than ${DATA_BYTES_MAX} bytes`);
}

const SECRET_KEYS: { readonly [type: string]: readonly string[] } = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export function secret(report: Report, object: KubeObject): void {
  const bytes = checkKeys(report, 'data', object.data as Json);
  if (bytes > DATA_BYTES_MAX)
    report.add('FieldValueTooLong', 'data', `Too long: may not be more than ${DATA_BYTES_MAX} bytes`);
  for (const key of SECRET_KEYS[text(object.type as Json)] ?? []) {
    if (part(object.data as Json, key) === undefined) report.required(`data[${key}]`);
  }
  checkSecretType(report, object);
}

function checkSecretType(report: Report, object: KubeObject): void {
  const data = fields(object.data as Json);
  switch (object.type) {
    case 'kubernetes.io/basic-auth':
      if (data.username !== undefined || data.password !== undefined) return;
      report.required('data[username]');
      report.required('data[password]');
      return;
    case 'kubernetes.io/service-account-token':
      if (object.metadata.annotations?.[ACCOUNT_NAME] !== undefined) return;
      report.required(`metadata.annotations[${ACCOUNT_NAME}]`);
      return;
    case 'kubernetes.io/dockerconfigjson':
    case 'kubernetes.io/dockercfg': {
      const key = object.type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '.dockerconfigjson';
      const problem = jsonProblem(data[key]);
      if (problem !== undefined) report.invalid(`data[${key}]`, '<secret contents redacted>', problem);
      return;
    }
    default:
  }
}

/** What Go's JSON parser says about a value that is none. */
function jsonProblem(encoded: Json | undefined): string | undefined {
  if (typeof encoded !== 'string') return undefined;
  const content = Buffer.from(encoded, 'base64').toString('utf8');
  try {
    JSON.parse(content);
    return undefined;
  } catch {
    const first = content.trimStart().slice(0, 1);
    if (first === '' || '{["'.includes(first)) return 'unexpected end of JSON input';
    return `invalid character '${first}' looking for beginning of value`;
  }
}

const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const SEALED = 'field is immutable when `immutable` is set';

/** A ConfigMap or Secret that was declared immutable. */
export function fixedData(report: Report, object: KubeObject, before: KubeObject): void {
  if (object.kind === 'Secret' && object.type !== before.type) {
    report.invalid('type', object.type as Json, 'field is immutable');
  }
  if (before.immutable !== true) return;
  if (object.immutable !== true) report.forbidden('immutable', SEALED);
  for (const key of ['data', 'binaryData']) {
    if (!jsonEqual(object[key] as Json, before[key] as Json)) report.forbidden(key, SEALED);
  }
}

export function podDisruptionBudget(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const least = part(spec, 'minAvailable');
  const most = part(spec, 'maxUnavailable');
  if (least !== undefined && most !== undefined) {
    const shape = { MinAvailable: least, Selector: part(spec, 'selector') ?? null, MaxUnavailable: most };
    const why = 'minAvailable and maxUnavailable cannot be both set';
    report.invalid(
      'spec',
      { ...shape, UnhealthyPodEvictionPolicy: part(spec, 'unhealthyPodEvictionPolicy') ?? null },
      why,
    );
  }
  for (const [key, value] of [
    ['minAvailable', least],
    ['maxUnavailable', most],
  ] as const) {
    if (typeof value === 'string') {
      const complaints = percent(value);
      report.each(`spec.${key}`, value, complaints);
      if (complaints.length === 0 && Number.parseInt(value, 10) > 100) {
        report.invalid(`spec.${key}`, value, 'must not be greater than 100%');
      }
    } else report.notNegative(`spec.${key}`, value);
  }
  checkSelector(report, 'spec.selector', part(spec, 'selector'));
  const policy = part(spec, 'unhealthyPodEvictionPolicy');
  if (policy !== undefined) {
    report.oneOf('spec.unhealthyPodEvictionPolicy', policy, ['AlwaysAllow', 'IfHealthyBudget']);
  }
}

export function lease(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const duration = part(spec, 'leaseDurationSeconds');
  if (typeof duration === 'number' && duration <= 0) {
    report.invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0');
  }
  report.notNegative('spec.leaseTransitions', part(spec, 'leaseTransitions'));
}
