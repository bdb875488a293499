/** Rules about quotas and limit ranges. */
import type { Json, KubeObject } from '../../../base/index.ts';
import { canonicalQuantity, parseQuantity } from '../quantity.ts';
import { qualifiedName } from './names.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

const nano = (value: Json | undefined): bigint | undefined =>
  value === undefined ? undefined : parseQuantity(String(value))?.nano;
const shown = (value: Json | undefined): string => canonicalQuantity(String(value));

const LIMITS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;
/** Each pair: the first may not be greater than the second; `shows` is the one that a refusal names. */
const ORDER = [
  { low: 'min', high: 'max', field: 'min', shows: 'min' },
  { low: 'defaultRequest', high: 'max', field: 'defaultRequest', shows: 'defaultRequest' },
  { low: 'min', high: 'defaultRequest', field: 'defaultRequest', shows: 'defaultRequest' },
  { low: 'defaultRequest', high: 'default', field: 'defaultRequest', shows: 'defaultRequest' },
  { low: 'min', high: 'default', field: 'default', shows: 'min' },
  { low: 'default', high: 'max', field: 'default', shows: 'max' },
] as const;
const LOW_WORDS = { min: 'min', default: 'default', defaultRequest: 'default request' } as const;

function highWord(low: string, high: string): string {
  if (high === 'defaultRequest') return 'default request';
  return high === 'default' && low === 'defaultRequest' ? 'default limit' : high;
}

const RATIO_MIN_NANO = 1_000_000_000n;

export function limitRange(report: Report, object: KubeObject): void {
  const types = new Set<string>();
  for (const [index, limit] of list(object.spec as Json | undefined, 'limits').entries()) {
    const at = `spec.limits[${index}]`;
    const type = text(limit, 'type');
    if (types.has(type)) report.duplicate(`${at}.type`, type);
    types.add(type);
    checkLimit(report, at, limit, type);
  }
}

function checkLimit(report: Report, at: string, limit: Json, type: string): void {
  if (type === 'Pod') {
    for (const key of ['default', 'defaultRequest']) {
      if (Object.keys(fields(limit, key)).length > 0) {
        report.forbidden(`${at}.${key}`, "may not be specified when `type` is 'Pod'");
      }
    }
  }
  if (type === 'PersistentVolumeClaim') {
    const bounds = [part(limit, 'min', 'storage'), part(limit, 'max', 'storage')];
    if (bounds.every((bound) => bound === undefined)) {
      const why = 'either minimum or maximum storage value is required, but neither was provided';
      report.required(`${at}.limits`, why);
    }
  }
  const resources = new Set(LIMITS.flatMap((key) => Object.keys(fields(limit, key))));
  for (const resource of [...resources].sort()) checkBounds(report, at, limit, resource);
}

function checkBounds(report: Report, at: string, limit: Json, resource: string): void {
  for (const { low, high, field, shows } of ORDER) {
    const [least, most] = [part(limit, low, resource), part(limit, high, resource)];
    const [lower, upper] = [nano(least), nano(most)];
    if (lower === undefined || upper === undefined || lower <= upper) continue;
    const words = [LOW_WORDS[low], highWord(low, high)];
    const why = `${words[0]} value ${shown(least)} is greater than ${words[1]} value ${shown(most)}`;
    report.invalid(`${at}.${field}[${resource}]`, shown(part(limit, shows, resource)), why);
  }
  const ratio = part(limit, 'maxLimitRequestRatio', resource);
  const amount = nano(ratio);
  if (amount !== undefined && amount < RATIO_MIN_NANO) {
    report.invalid(`${at}.maxLimitRequestRatio[${resource}]`, shown(ratio), `ratio ${shown(ratio)} is less than 1`);
  }
}

const SCOPES = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
];
const OPPOSITES = [
  ['Terminating', 'NotTerminating'],
  ['BestEffort', 'NotBestEffort'],
] as const;
const POD_RESOURCES = new Set([
  'pods',
  'count/pods',
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
  'ephemeral-storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
]);
const WHOLE =
  /^(?:count\/.*|pods|services|services\..*|replicationcontrollers|resourcequotas|secrets|configmaps|persistentvolumeclaims)$/;
const STANDARD =
  /^(?:count\/.*|pods|services|services\.(?:loadbalancers|nodeports)|replicationcontrollers|resourcequotas|secrets|configmaps|persistentvolumeclaims|cpu|memory|storage|ephemeral-storage|(?:requests|limits)\.(?:cpu|memory|storage|ephemeral-storage)|hugepages-.*)$/;

export function resourceQuota(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const hard = fields(spec, 'hard');
  for (const resource of Object.keys(hard).sort()) {
    const at = `spec.hard[${resource}]`;
    checkResourceName(report, at, resource);
    const amount = nano(hard[resource]);
    if (amount === undefined) continue;
    if (amount < 0n) report.invalid(at, shown(hard[resource]), 'must be greater than or equal to 0');
    if (WHOLE.test(resource) && amount % RATIO_MIN_NANO !== 0n) {
      report.invalid(at, shown(hard[resource]), 'must be an integer');
    }
  }
  checkScopes(report, list(spec, 'scopes').map(String), Object.keys(hard));
}

function checkResourceName(report: Report, at: string, resource: string): void {
  const complaints = qualifiedName(resource);
  report.each(at, resource, complaints);
  if (resource.includes('/') || STANDARD.test(resource)) return;
  if (complaints.length === 0) report.invalid(at, resource, 'must be a standard resource type or fully qualified');
  report.invalid(at, resource, 'must be a standard resource for quota');
}

function checkScopes(report: Report, scopes: readonly string[], resources: readonly string[]): void {
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) {
      report.invalid('spec.scopes', [...scopes], 'unsupported scope');
      continue;
    }
    const isPods = scope !== 'VolumeAttributesClass';
    const allowed = (name: string) =>
      scope === 'BestEffort' ? name === 'pods' || name === 'count/pods' : POD_RESOURCES.has(name);
    for (const name of isPods ? resources : []) {
      if (name.includes('/') || allowed(name)) continue;
      report.invalid('spec.scopes', [...scopes], 'unsupported scope applied to resource');
    }
  }
  for (const pair of OPPOSITES) {
    if (pair.every((scope) => scopes.includes(scope))) report.invalid('spec.scopes', [...scopes], 'conflicting scopes');
  }
}
