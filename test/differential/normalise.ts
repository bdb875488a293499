/** What legitimately differs between two servers, replaced. */
import { isObject, type Json, type JsonObject } from '../../src/base/index.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const SUFFIX = /-[bcdfghjklmnpqrstvwxz2456789]{5}\b/;
const OPAQUE: { readonly [key: string]: string } = {
  resourceVersion: '<revision>',
  continue: '<token>',
  token: '<token>',
  certificate: '<certificate>',
  'ca.crt': '<certificate>',
  caBundle: '<certificate>',
  serverAddress: '<address>',
  serverAddressByClientCIDRs: '<address>',
  gitCommit: '<build>',
  buildDate: '<build>',
  goVersion: '<build>',
  storageVersionHash: '<hash>',
};

const NODE_PORTS = new Set(['nodePort', 'healthCheckNodePort']);

/** @param own the names that the run gave: `{'<run>': 'r1abc'}` */
export function normalise(value: Json, own: { readonly [shown: string]: string }, key = ''): Json {
  if (typeof value === 'string') return OPAQUE[key] ?? text(value, own, key);
  if (typeof value === 'number') return NODE_PORTS.has(key) && value >= 30_000 ? '<port>' : value;
  if (Array.isArray(value)) return list(value as readonly Json[], own, key);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, item]) => [
    text(name, own, ''),
    normalise(item as Json, own, generated(value, name) ? 'generated' : name),
  ]);
  return sortedCauses(Object.fromEntries(entries) as JsonObject);
}

function generated(value: JsonObject, name: string): boolean {
  return name === 'name' && typeof value.generateName === 'string';
}

function list(items: readonly Json[], own: { readonly [shown: string]: string }, key: string): Json {
  const inner = key === 'cells' ? 'cell' : key === 'clusterIPs' ? 'clusterIP' : '';
  const all = items.map((item) => normalise(item, own, inner));
  return key === 'managedFields' ? all.sort((a, b) => (managerKey(a) < managerKey(b) ? -1 : 1)) : all;
}

/** Entries are sorted by whole seconds, which two servers do not share. */
function managerKey(entry: Json): string {
  if (!isObject(entry)) return '';
  const { operation, manager, subresource, apiVersion } = entry;
  return [operation, manager, subresource, apiVersion].map(String).join(' ');
}

function text(value: string, own: { readonly [shown: string]: string }, key: string): string {
  let out = value
    .replace(/^kubernetes-admin$/, 'admin')
    .replace(UUID, '<uid>')
    .replace(TIME, '<time>');
  for (const [shown, given] of Object.entries(own)) out = out.replaceAll(given, shown);
  if (key === 'generated') return out.replace(SUFFIX, '-<suffix>');
  if (key === 'clusterIP') return out.replace(/^10\.\d+\.\d+\.\d+$/, '<ip>');
  if (key === 'cell') return cell(out);
  return out
    .replace(
      /(clusterIPs: Invalid value: |^Invalid value: )\["10\.[\d.]+"\]: failed to allocate IP 10\.[\d.]+:/,
      '$1<ip>: failed:',
    )
    .replace(
      /(nodePort: Invalid value: |^Invalid value: )3\d{4}: provided port is already/,
      '$1<port>: provided port is already',
    )
    .replace(/The range of valid IPs is 10\.[\d.]+\/16/, 'The range of valid IPs is <range>')
    .replace(/patch: Invalid value: "\{.*\}": strict/, 'patch: Invalid value: <object>: strict')
    .replace(/^Invalid value: "\{.*\}": strict/, 'Invalid value: <object>: strict')
    .replace(/\b(kube-api-access)-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '$1-<suffix>')
    .replace(/too old resource version: (\d+) \(\d+\)/, 'too old resource version: $1 (<revision>)')
    .replace(/ResourceVersion in record \(\d+\)/, 'ResourceVersion in record (<revision>)')
    .replace(/(Too large resource version: \d+, current:) \d+/, '$1 <revision>')
    .replace(/hash=[0-9A-F]+/g, 'hash=<hash>')
    .replace(/X509SHA256=[0-9a-f]{64}/, 'X509SHA256=<digest>');
}

function cell(value: string): string {
  if (/^(\d+[smhdy])+$/.test(value)) return '<age>';
  return value.replace(/^10\.\d+\.\d+\.\d+$/, '<ip>').replace(/:3\d{4}\//g, ':<port>/');
}

/** Of several problems Go names some in the order of a hash map. */
function sortedCauses(value: JsonObject): JsonObject {
  const { details, message } = value;
  if (value.kind !== 'Status' || !isObject(details) || !Array.isArray(details.causes)) return value;
  const causes = details.causes as readonly Json[];
  if (causes.length < 2) return value;
  const order = (cause: Json) => JSON.stringify(cause, ['field', 'reason', 'message']);
  const sorted = [...causes].sort((a, b) => (order(a) < order(b) ? -1 : 1));
  const words =
    typeof message === 'string'
      ? message
          .split(/[\s,[\]]+/)
          .sort()
          .join(' ')
      : (message ?? null);
  return { ...value, message: words, details: { ...details, causes: sorted } };
}
