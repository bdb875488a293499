/** ResourceQuota: counts of objects and sums of what pods ask for. */
import type { Json, KubeObject } from '../../base/index.ts';
import { canonicalQuantity, parseQuantity } from '../schema/index.ts';
import { type Call, type Cluster, type Fields, part } from './cluster.ts';
import { forbidden, qualified } from './status.ts';
import { fields } from './strategy.ts';

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** @throws ApiError 403 when the write would exceed a quota of the namespace. */
export function checkQuota(cluster: Cluster, call: Call, object: KubeObject, before: KubeObject | undefined): void {
  if (call.namespace === undefined) return;
  for (const quota of cluster.store.list('resourcequotas', call.namespace))
    checkOne(cluster, call, quota, object, before);
}

function checkOne(
  cluster: Cluster,
  call: Call,
  quota: KubeObject,
  object: KubeObject,
  before: KubeObject | undefined,
): void {
  const hard = fields(part(quota, 'spec').hard);
  if (qualified(call.resource) === 'pods') checkStated(call, quota, object, Object.keys(hard));
  const added = usageOf(call, object);
  const removed = before === undefined ? {} : usageOf(call, before);
  const names = Object.keys(hard).filter((name) => (added[name] ?? 0) > (removed[name] ?? 0));
  if (names.length === 0) return;
  const used = usedOf(cluster, call, names);
  const over = names.filter(
    (name) => (used[name] ?? 0) + (added[name] ?? 0) - (removed[name] ?? 0) > amount(hard[name]),
  );
  if (over.length === 0) return;
  const shown = (values: { readonly [name: string]: number }) =>
    over.map((name) => `${name}=${text(name, values[name] ?? 0)}`).join(',');
  const limits = over.map((name) => `${name}=${String(hard[name])}`).join(',');
  const why = `exceeded quota: ${quota.metadata.name}, requested: ${shown(added)}, used: ${shown(used)}, limited: ${limits}`;
  throw forbidden(call.resource, object.metadata.name, why);
}

const STATED = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** Under a quota of cpu or memory every container says what it asks for: else nothing could be counted. @throws ApiError 403. */
function checkStated(call: Call, quota: KubeObject, pod: KubeObject, hard: readonly string[]): void {
  const spec = part(pod, 'spec');
  const containers = [...list(spec.containers), ...list(spec.initContainers)].map(fields);
  const missing = STATED.filter((name) => hard.includes(name))
    .map((name) => {
      const [kind, resource] = name.includes('.') ? name.split('.') : ['requests', name];
      const silent = containers.filter(
        (container) => fields(fields(container.resources)[String(kind)])[String(resource)] === undefined,
      );
      return { name, silent: silent.map((container) => String(container.name)) };
    })
    .filter(({ silent }) => silent.length > 0);
  if (missing.length === 0) return;
  const said = missing.map(({ name, silent }) => `${name} for: ${silent.join(',')}`).sort();
  throw forbidden(
    call.resource,
    pod.metadata.name,
    `failed quota: ${quota.metadata.name}: must specify ${said.join('; ')}`,
  );
}

function amount(value: Json | undefined): number {
  const quantity = parseQuantity(String(value ?? '0'));
  return quantity === undefined ? 0 : Number(quantity.nano) / 1e9;
}

function text(name: string, value: number): string {
  const inKibibytes = /memory|storage/.test(name) && value % 1024 === 0;
  return canonicalQuantity(inKibibytes ? `${value / 1024}Ki` : String(value));
}

type Usage = { readonly [name: string]: number };

function usageOf(call: Pick<Call, 'resource'>, object: KubeObject): Usage {
  const name = qualified(call.resource);
  const counts: Usage = { [`count/${name}`]: 1, ...(call.resource.group === '' ? { [name]: 1 } : {}) };
  if (name === 'pods') return isEnded(object) ? { [`count/${name}`]: 1 } : { ...counts, ...podUsage(object) };
  if (name === 'services') return { ...counts, ...serviceUsage(object) };
  if (name !== 'persistentvolumeclaims') return counts;
  const requests = fields(fields(part(object, 'spec').resources).requests);
  return { ...counts, 'requests.storage': amount(requests.storage) };
}

function isEnded(pod: KubeObject): boolean {
  const { phase } = part(pod, 'status');
  return phase === 'Succeeded' || phase === 'Failed';
}

function serviceUsage(service: KubeObject): Usage {
  const { type } = part(service, 'spec');
  return {
    'services.nodeports': type === 'NodePort' ? 1 : 0,
    'services.loadbalancers': type === 'LoadBalancer' ? 1 : 0,
  };
}

function podUsage(pod: KubeObject): Usage {
  const spec = part(pod, 'spec');
  const sum = (kind: 'requests' | 'limits', name: string) => {
    const of = (container: Json) => amount(fields(fields(fields(container).resources)[kind])[name]);
    const running = list(spec.containers).reduce<number>((total, container) => total + of(container), 0);
    return Math.max(running, ...list(spec.initContainers).map(of), 0);
  };
  const [cpu, memory] = [sum('requests', 'cpu'), sum('requests', 'memory')];
  return {
    cpu,
    memory,
    'requests.cpu': cpu,
    'requests.memory': memory,
    'limits.cpu': sum('limits', 'cpu'),
    'limits.memory': sum('limits', 'memory'),
  };
}

/** Counted afresh at each write: exact, and cheap at the sizes that an embedded cluster has. */
function usedOf(cluster: Cluster, call: Call, names: readonly string[]): Usage {
  const objects = cluster.store.list(cluster.registry.bucketOf(call.resource), call.namespace);
  const used: { [name: string]: number } = Object.fromEntries(names.map((name) => [name, 0]));
  for (const object of objects) {
    const usage = usageOf(call, object);
    for (const name of names) used[name] = (used[name] ?? 0) + (usage[name] ?? 0);
  }
  return used;
}

/** The status that a quota shows: what is allowed and what is used now. */
export function quotaStatus(cluster: Cluster, quota: KubeObject): Fields {
  const hard = fields(part(quota, 'spec').hard);
  const names = Object.keys(hard);
  const used: { [name: string]: number } = Object.fromEntries(names.map((name) => [name, 0]));
  for (const resource of cluster.registry.stored()) {
    if (!resource.namespaced) continue;
    for (const object of cluster.store.list(cluster.registry.bucketOf(resource), quota.metadata.namespace)) {
      const usage = usageOf({ resource }, object);
      for (const name of names) used[name] = (used[name] ?? 0) + (usage[name] ?? 0);
    }
  }
  return { hard, used: Object.fromEntries(names.map((name) => [name, text(name, used[name] ?? 0)])) };
}
