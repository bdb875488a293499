/** What stands in the cells of Tables. */
import type { Json, KubeObject } from '../../base/index.ts';
import { age, humanDuration } from './age.ts';
import { type Fields, part } from './cluster.ts';
import { fields } from './strategy.ts';

type Value = Json | undefined;

export const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
export const shown = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
export const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
export const length = (value: unknown): number => list(value).length;
export const truth = (value: unknown): string => (value === true ? 'True' : 'False');
const or = (missing: string) => (value: unknown) =>
  value === undefined || value === null || value === '' ? missing : String(value);
export const orNone = or('<none>');
export const orUnknown = or('<unknown>');
export const orUnset = or('<unset>');
export const orNotAvailable = or('N/A');

export function since(value: unknown, nowMs: number, missing: string): string {
  return typeof value === 'string' && value !== '' ? age(value, nowMs) : missing;
}

function podSpec(object: KubeObject): Fields {
  const spec = part(object, 'spec');
  const { template } = spec.jobTemplate === undefined ? spec : fields(fields(spec.jobTemplate).spec);
  return fields(fields((template ?? object.template) as Value).spec);
}

export const containers = (object: KubeObject) => names(podSpec(object).containers, 'name');
export const images = (object: KubeObject) => names(podSpec(object).containers, 'image');

function names(value: Value, field: string): string {
  return list(value)
    .map((one) => shown(fields(one)[field]))
    .join(',');
}

/** A label selector object as text; `<none>` for none. */
export function selectorText(value: Value): string {
  const { matchLabels, matchExpressions } = fields(value);
  const labels = Object.entries(fields(matchLabels)).map(([key, wanted]) => `${key}=${shown(wanted)}`);
  const expressions = list(matchExpressions).map(fields).map(expressionText);
  return [...labels, ...expressions].join(',') || '<none>';
}

function expressionText({ key, operator, values }: Fields): string {
  switch (operator) {
    case 'In':
      return `${shown(key)} in (${list(values).join(',')})`;
    case 'NotIn':
      return `${shown(key)} notin (${list(values).join(',')})`;
    case 'DoesNotExist':
      return `!${shown(key)}`;
    default:
      return shown(key);
  }
}

export const selector = (object: KubeObject) => selectorText(part(object, 'spec').selector);
/** A CronJob's jobs choose their pods by themselves. */
export const jobSelector = (object: KubeObject) =>
  selectorText(fields(fields(part(object, 'spec').jobTemplate).spec).selector);
export const templateLabels = (object: KubeObject) => pairs(fields(fields(object.template as Value).metadata).labels);
export const podSelector = (object: KubeObject) => selectorText(part(object, 'spec').podSelector);
export const serviceSelector = (object: KubeObject) => pairs(part(object, 'spec').selector);
export const nodeSelector = (object: KubeObject) => pairs(podSpec(object).nodeSelector);

function pairs(value: Value): string {
  return (
    Object.entries(fields(value))
      .map(([key, wanted]) => `${key}=${shown(wanted)}`)
      .join(',') || '<none>'
  );
}

export function readyOf(object: KubeObject): string {
  return `${number(part(object, 'status').readyReplicas)}/${number(part(object, 'spec').replicas)}`;
}

export function readinessGates(pod: KubeObject): string {
  const gates = list(part(pod, 'spec').readinessGates).map(fields);
  if (gates.length === 0) return '<none>';
  const conditions = list(part(pod, 'status').conditions).map(fields);
  const met = gates.filter((gate) =>
    conditions.some((one) => one.type === gate.conditionType && one.status === 'True'),
  );
  return `${met.length}/${gates.length}`;
}

export function controller(object: KubeObject): string {
  const owner = list(object.metadata.ownerReferences)
    .map(fields)
    .find((one) => one.controller === true);
  if (owner === undefined) return '<none>';
  const group = shown(owner.apiVersion).split('/').slice(0, -1).join('');
  return `${shown(owner.kind).toLowerCase()}${group === '' ? '' : `.${group}`}/${shown(owner.name)}`;
}

export function jobStatus(job: KubeObject): string {
  const conditions = list(part(job, 'status').conditions).map(fields);
  const has = (type: string) => conditions.some((one) => one.type === type && one.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  return has('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

export function jobCompletions(job: KubeObject): string {
  const { completions, parallelism } = part(job, 'spec');
  const succeeded = number(part(job, 'status').succeeded);
  if (completions !== undefined) return `${succeeded}/${shown(completions)}`;
  return number(parallelism) > 1 ? `${succeeded}/1 of ${number(parallelism)}` : `${succeeded}/1`;
}

export function jobDuration(job: KubeObject, nowMs: number): string {
  const { startTime, completionTime } = part(job, 'status');
  if (typeof startTime !== 'string') return '';
  const end = typeof completionTime === 'string' ? Date.parse(completionTime) : nowMs;
  return humanDuration(end - Date.parse(startTime));
}

export function externalAddress(service: KubeObject): string {
  const spec = part(service, 'spec');
  const external = list(spec.externalIPs).map(shown);
  if (spec.type === 'ExternalName') return shown(spec.externalName);
  if (spec.type !== 'LoadBalancer') return external.join(',') || '<none>';
  const ingress = list(fields(part(service, 'status').loadBalancer).ingress).map(fields);
  return [...ingress.map(({ ip, hostname }) => shown(ip ?? hostname)), ...external].join(',') || '<pending>';
}

export function servicePorts(service: KubeObject): string {
  const ports = list(part(service, 'spec').ports).map(fields);
  const text = ({ port, nodePort, protocol }: Fields) =>
    `${shown(port)}${number(nodePort) > 0 ? `:${shown(nodePort)}` : ''}/${shown(protocol ?? 'TCP')}`;
  return ports.map(text).join(',') || '<none>';
}

const SHOWN_MAX = 3;

function firstOf(values: readonly string[]): string {
  if (values.length === 0) return '<none>';
  const rest = values.length - SHOWN_MAX;
  return `${values.slice(0, SHOWN_MAX).join(',')}${rest > 0 ? ` + ${rest} more...` : ''}`;
}

export function endpoints(object: KubeObject): string {
  const all = list(object.subsets)
    .map(fields)
    .flatMap(({ addresses, ports }) => {
      const hosts = list(addresses).map((one) => shown(fields(one).ip));
      const numbers = list(ports).map((one) => shown(fields(one).port));
      return numbers.length === 0 ? hosts : hosts.flatMap((host) => numbers.map((port) => `${host}:${port}`));
    });
  return firstOf(all);
}

export const slicePorts = (slice: KubeObject) =>
  list(slice.ports).length === 0 ? '<unset>' : firstOf(list(slice.ports).map((one) => shown(fields(one).port)));
export const sliceEndpoints = (slice: KubeObject) =>
  list(slice.endpoints).length === 0
    ? '<unset>'
    : firstOf(list(slice.endpoints).flatMap((one) => list(fields(one).addresses).map(shown)));

export function ingressHosts(ingress: KubeObject): string {
  const hosts = list(part(ingress, 'spec').rules)
    .map((rule) => shown(fields(rule).host))
    .filter((host) => host !== '');
  return hosts.length === 0 ? '*' : firstOf(hosts);
}

export function ingressAddress(ingress: KubeObject): string {
  const found = list(fields(part(ingress, 'status').loadBalancer).ingress).map(fields);
  return found.map(({ ip, hostname }) => shown(ip ?? hostname)).join(',');
}

export const nodeInfo = (node: KubeObject) => fields(part(node, 'status').nodeInfo);

export function nodeStatus(node: KubeObject): string {
  const ready = list(part(node, 'status').conditions)
    .map(fields)
    .find((one) => one.type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return part(node, 'spec').unschedulable === true ? `${state},SchedulingDisabled` : state;
}

export function nodeRoles(node: KubeObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(prefix)) return [key.slice(prefix.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return roles.sort().join(',') || '<none>';
}

export function nodeAddress(node: KubeObject, type: string): string {
  const found = list(part(node, 'status').addresses)
    .map(fields)
    .find((one) => one.type === type);
  return orNone(found?.address);
}

export const dataKeys = (object: KubeObject) =>
  Object.keys(fields(object.data as Value)).length + Object.keys(fields(object.binaryData as Value)).length;

export const involved = (event: KubeObject) => fields((event.involvedObject ?? event.regarding) as Value);

export function eventObject(event: KubeObject): string {
  const { kind, name } = involved(event);
  return `${shown(kind).toLowerCase()}/${shown(name)}`;
}

export function eventSource(event: KubeObject): string {
  const { component, host } = fields((event.source ?? event.deprecatedSource) as Value);
  const who = shown(component) || shown(event.reportingComponent ?? event.reportingController);
  const where = shown(host) || (shown(component) === '' ? shown(event.reportingInstance) : '');
  return where === '' ? who : `${who}, ${where}`;
}

export function eventLastSeen(event: KubeObject, nowMs: number): string {
  const series = fields(event.series as Value).lastObservedTime;
  return since(series ?? event.lastTimestamp ?? event.deprecatedLastTimestamp ?? event.eventTime, nowMs, '<unknown>');
}

export function eventFirstSeen(event: KubeObject, nowMs: number): string {
  return since(event.firstTimestamp ?? event.deprecatedFirstTimestamp ?? event.eventTime, nowMs, '<unknown>');
}

export const storage = (value: Value) => fields(value).storage;

const MODES: { readonly [mode: string]: string } = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

export const accessModes = (value: Value) =>
  list(value)
    .map((mode) => MODES[shown(mode)] ?? shown(mode))
    .join(',');

export function volumeClaim(volume: KubeObject): string {
  const { namespace, name } = fields(part(volume, 'spec').claimRef);
  return name === undefined ? '' : `${shown(namespace)}/${shown(name)}`;
}

export function roleRef(binding: KubeObject): string {
  const { kind, name } = fields(binding.roleRef as Value);
  return `${shown(kind)}/${shown(name)}`;
}

export function subjects(binding: KubeObject, kind: string): string {
  const found = list(binding.subjects)
    .map(fields)
    .filter((one) => one.kind === kind);
  return found
    .map(({ namespace, name }) => (namespace === undefined ? shown(name) : `${shown(namespace)}/${shown(name)}`))
    .join(', ');
}

export function requestedDuration(request: KubeObject): string {
  const seconds = part(request, 'spec').expirationSeconds;
  return typeof seconds === 'number' ? humanDuration(seconds * 1000) : '<none>';
}

export function requestCondition(request: KubeObject): string {
  const status = part(request, 'status');
  const types = list(status.conditions).map((one) => shown(fields(one).type));
  const verdict = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  const failed = types.includes('Failed') ? ',Failed' : '';
  return `${verdict}${failed}${status.certificate === undefined ? '' : ',Issued'}`;
}

export function scaleTarget(scaler: KubeObject): string {
  const { kind, name } = fields(part(scaler, 'spec').scaleTargetRef);
  return `${shown(kind)}/${shown(name)}`;
}

export function scaleMetrics(scaler: KubeObject): string {
  const metrics = list(part(scaler, 'spec').metrics).map(fields);
  const texts = metrics.map((metric) => {
    const { name, target } = fields(metric.resource);
    const { averageUtilization, averageValue } = fields(target);
    return `${shown(name)}: <unknown>/${averageUtilization === undefined ? shown(averageValue) : `${shown(averageUtilization)}%`}`;
  });
  return texts.join(', ') || '<none>';
}

export const quotaRequests = (quota: KubeObject) => quotaCells(quota, (name) => !name.startsWith('limits.'));
export const quotaLimits = (quota: KubeObject) => quotaCells(quota, (name) => name.startsWith('limits.'));

function quotaCells(quota: KubeObject, wanted: (name: string) => boolean): string {
  const status = part(quota, 'status');
  const [hard, used] = [fields(status.hard), fields(status.used)];
  return Object.keys(hard)
    .filter(wanted)
    .sort()
    .map((name) => `${name}: ${shown(used[name])}/${shown(hard[name])}`)
    .join(', ');
}

export function paramReference(value: Value): string {
  const { namespace, name } = fields(value);
  if (typeof name !== 'string' || name === '') return '<unset>';
  return typeof namespace === 'string' && namespace !== '' ? `${namespace}/${name}` : `*/${name}`;
}

export function paramKind(value: Value): string {
  const { apiVersion, kind } = fields(value);
  return kind === undefined ? '<unset>' : `${shown(apiVersion)}/${shown(kind)}`;
}

export const attachedVolume = (attachment: KubeObject) =>
  shown(fields(part(attachment, 'spec').source).persistentVolumeName);
