/** LimitRanges: what containers are given that ask for nothing, and what is refused as too little or too much. */
import type { Json, KubeObject } from '../../base/index.ts';
import { parseQuantity } from '../schema/index.ts';
import { type Call, type Cluster, type Fields, part } from './cluster.ts';
import { forbidden, qualified } from './status.ts';
import { fields, qosClass } from './strategy.ts';

const NOTE = 'kubernetes.io/limit-ranger';

/** One entry of a LimitRange. */
interface Limits {
  readonly type: string;
  readonly fields: Fields;
}

function limitsOf(cluster: Cluster, namespace: string | undefined): readonly Limits[] {
  const ranges = cluster.store.list('limitranges', namespace);
  return ranges
    .flatMap((range) => list(part(range, 'spec').limits))
    .map((item) => ({ type: String(fields(item).type), fields: fields(item) }));
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The pod with the default requests and limits of its namespace, and a note of what it was given. */
export function withDefaultLimits(cluster: Cluster, pod: KubeObject): KubeObject {
  const items = limitsOf(cluster, pod.metadata.namespace).filter(({ type }) => type === 'Container');
  if (items.length === 0) return pod;
  const defaults = {
    limits: merged(items, 'default'),
    requests: merged(items, 'defaultRequest'),
  };
  const notes: string[] = [];
  const spec = part(pod, 'spec');
  const given = (kind: string) => (container: Json) => withDefaults(fields(container), kind, defaults, notes);
  const containers = list(spec.containers).map(given('container'));
  const init =
    spec.initContainers === undefined ? {} : { initContainers: list(spec.initContainers).map(given('init container')) };
  if (notes.length === 0) return pod;
  const annotations = { ...pod.metadata.annotations, [NOTE]: `LimitRanger plugin set: ${notes.join('; ')}` };
  const next: Fields = { ...spec, containers, ...init };
  const status = { ...part(pod, 'status'), qosClass: qosClass(next) };
  return { ...pod, metadata: { ...pod.metadata, annotations }, spec: next, status } as KubeObject;
}

function merged(items: readonly Limits[], name: 'default' | 'defaultRequest'): Fields {
  return Object.assign({}, ...items.map((item) => fields(item.fields[name])));
}

function withDefaults(
  container: Fields,
  kind: string,
  defaults: { readonly limits: Fields; readonly requests: Fields },
  notes: string[],
): Json {
  const resources = fields(container.resources);
  const next: { [name: string]: Json } = { ...(resources as { readonly [name: string]: Json }) };
  for (const name of ['requests', 'limits'] as const) {
    const own = fields(resources[name]);
    const added = Object.keys(defaults[name]).filter((resource) => own[resource] === undefined);
    if (added.length === 0) continue;
    notes.push(`${added.sort().join(', ')} ${name.slice(0, -1)} for ${kind} ${String(container.name)}`);
    next[name] = { ...defaults[name], ...own } as Json;
  }
  return { ...container, resources: next } as Json;
}

/** @throws ApiError 403 with everything that is outside the limits of the namespace. */
export function checkLimits(cluster: Cluster, call: Call, object: KubeObject): void {
  const problems = limitsOf(cluster, object.metadata.namespace).flatMap(({ type, fields: limits }) =>
    subjects(type, call, object).flatMap((asked) => problemsOf(type, limits, asked)),
  );
  if (problems.length === 0) return;
  const why = problems.length === 1 ? String(problems[0]) : `[${problems.join(', ')}]`;
  throw forbidden(call.resource, object.metadata.name, why);
}

/** What one subject asks for. A claim has no limits. */
interface Asked {
  readonly requests: Fields;
  readonly limits: Fields | undefined;
}

/** What of an object is under limits of that type. */
function subjects(type: string, call: Call, object: KubeObject): readonly Asked[] {
  const spec = part(object, 'spec');
  const resource = qualified(call.resource);
  if (type === 'PersistentVolumeClaim' && resource === 'persistentvolumeclaims') {
    return [{ requests: fields(fields(spec.resources).requests), limits: undefined }];
  }
  if (resource !== 'pods') return [];
  const main = list(spec.containers).map(askedBy);
  const init = list(spec.initContainers).map(askedBy);
  if (type === 'Container') return [...main, ...init];
  return type === 'Pod' ? [{ requests: whole(main, init, 'requests'), limits: whole(main, init, 'limits') }] : [];
}

function askedBy(container: Json): Asked & { readonly limits: Fields } {
  const resources = fields(fields(container).resources);
  return { requests: fields(resources.requests), limits: fields(resources.limits) };
}

/** What a pod takes: all containers together, or the greatest init container. */
function whole(main: readonly Asked[], init: readonly Asked[], name: 'requests' | 'limits'): Fields {
  const resources = new Set([...main, ...init].flatMap((one) => Object.keys(one[name] ?? {})));
  const of = (one: Asked, resource: string) => nano(one[name]?.[resource]);
  return Object.fromEntries(
    [...resources].map((resource) => {
      const sum = main.reduce((total, one) => total + of(one, resource), 0n);
      const most = init.map((one) => of(one, resource)).reduce((a, b) => (b > a ? b : a), sum);
      return [resource, nanoText(most)];
    }),
  );
}

const MILLI = 1_000_000n;

function nanoText(value: bigint): string {
  return value % (1_000n * MILLI) === 0n ? String(value / (1_000n * MILLI)) : `${(value + MILLI - 1n) / MILLI}m`;
}

function nano(value: Json | undefined): bigint {
  return parseQuantity(String(value ?? '0'))?.nano ?? 0n;
}

function problemsOf(type: string, limits: Fields, { requests, limits: asked }: Asked): readonly string[] {
  const each = (name: string, check: (resource: string, bound: Json, says: string) => string | undefined) =>
    Object.entries(fields(limits[name]))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([resource, bound]) =>
        check(resource, bound as Json, `${resource} ${USAGE[name]} per ${type} is ${String(bound)}`),
      )
      .filter((problem) => problem !== undefined);
  return [
    ...each('min', (resource, bound, says) =>
      tooLittle(requests[resource], asked?.[resource], bound, `minimum ${says}`),
    ),
    ...each('max', (resource, bound, says) =>
      asked === undefined
        ? above(requests[resource], bound, `maximum ${says}`, 'request')
        : tooMuch(requests[resource], asked[resource], bound, `maximum ${says}`),
    ),
    ...each('maxLimitRequestRatio', (resource, bound, says) =>
      tooWide(requests[resource], asked?.[resource], bound, says),
    ),
  ];
}

const USAGE: { readonly [name: string]: string } = {
  min: 'usage',
  max: 'usage',
  maxLimitRequestRatio: 'max limit to request ratio',
};

function tooLittle(request: Json | undefined, limit: Json | undefined, bound: Json, says: string): string | undefined {
  if (request === undefined) return `${says}.  No request is specified`;
  if (nano(request) < nano(bound)) return `${says}, but request is ${String(request)}`;
  return limit !== undefined && nano(limit) < nano(bound) ? `${says}, but limit is ${String(limit)}` : undefined;
}

function tooMuch(request: Json | undefined, limit: Json | undefined, bound: Json, says: string): string | undefined {
  const excess = above(limit, bound, says, 'limit');
  if (excess !== undefined) return excess;
  return request === undefined ? undefined : above(request, bound, says, 'request');
}

function above(value: Json | undefined, bound: Json, says: string, what: 'limit' | 'request'): string | undefined {
  if (value === undefined) return `${says}.  No ${what} is specified`;
  return nano(value) > nano(bound) ? `${says}, but ${what} is ${String(value)}` : undefined;
}

function tooWide(request: Json | undefined, limit: Json | undefined, bound: Json, says: string): string | undefined {
  if (nano(request) === 0n) return `${says}, but no request is specified or request is 0`;
  if (nano(limit) === 0n) return `${says}, but no limit is specified or limit is 0`;
  const ratio = Number(nano(limit)) / Number(nano(request));
  return ratio > Number(nano(bound)) / 1e9 ? `${says}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
