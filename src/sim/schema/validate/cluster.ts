/** Rules about what administers a cluster: nodes, priorities, requests for certificates, webhooks, events, revisions. */
import { type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { checkRange } from './addresses.ts';
import { compile } from './cel.ts';
import { qualifiedName } from './names.ts';
import { list, part, text } from './read.ts';
import type { Report } from './report.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function node(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const seen = new Set<string>();
  for (const [index, taint] of list(spec, 'taints').entries()) {
    const at = `metadata.taints[${index}]`;
    const [key, effect] = [text(taint, 'key'), text(taint, 'effect')];
    report.each(`${at}.key`, key, qualifiedName(key));
    if (effect === '') report.required(`${at}.effect`);
    else if (!EFFECTS.includes(effect)) report.notSupported(`${at}.effect`, effect, EFFECTS);
    if (seen.has(`${key} ${effect}`)) {
      const shape = {
        Key: key,
        Value: text(taint, 'value'),
        Effect: effect,
        TimeAdded: part(taint, 'timeAdded') ?? null,
      };
      const shown = `Duplicate value: ${JSON.stringify(shape)}: taints must be unique by key and effect pair`;
      report.add('FieldValueDuplicate', at, shown);
    }
    seen.add(`${key} ${effect}`);
  }
  for (const [index, range] of list(spec, 'podCIDRs').entries()) checkRange(report, `spec.podCIDRs[${index}]`, range);
}

export function fixedNode(report: Report, object: KubeObject, before: KubeObject): void {
  const ranges = (node: KubeObject) =>
    [text(node.spec as Json, 'podCIDR'), list(node.spec as Json, 'podCIDRs')] as Json;
  if (list(before.spec as Json, 'podCIDRs').length > 0 && !jsonEqual(ranges(object), ranges(before))) {
    report.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid');
  }
  const [id, oldId] = [text(object.spec as Json, 'providerID'), text(before.spec as Json, 'providerID')];
  if (oldId !== '' && id !== oldId) {
    report.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid');
  }
}

/** A namespace that nobody deletes stays Active. */
export function namespaceStatus(report: Report, object: KubeObject): void {
  const phase = text(object.status as Json | undefined, 'phase');
  const isGoing = object.metadata.deletionTimestamp !== undefined;
  if (isGoing && phase !== 'Terminating') {
    report.invalid('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  } else if (!isGoing && phase !== 'Active') {
    report.invalid('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty");
  }
}

const PRIORITY_MAX = 1_000_000_000;
const SYSTEM_PRIORITIES = new Set(['system-cluster-critical', 'system-node-critical']);

export function priorityClass(report: Report, object: KubeObject): void {
  const { name } = object.metadata;
  const value = object.value as Json | undefined;
  if (name.startsWith('system-')) {
    if (SYSTEM_PRIORITIES.has(name)) return;
    const why = `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`;
    report.forbidden('metadata.name', why);
  } else if (typeof value === 'number' && value > PRIORITY_MAX) {
    report.forbidden('value', `maximum allowed value of a user defined priority is ${PRIORITY_MAX}`);
  }
  const policy = object.preemptionPolicy as Json | undefined;
  if (policy !== undefined) report.oneOf('preemptionPolicy', policy, ['PreemptLowerPriority', 'Never']);
}

export function fixedPriorityClass(report: Report, object: KubeObject, before: KubeObject): void {
  if (object.value !== before.value) report.forbidden('value', 'may not be changed in an update.');
  if (object.preemptionPolicy !== before.preemptionPolicy) {
    report.invalid('preemptionPolicy', object.preemptionPolicy as Json, 'field is immutable');
  }
}

export function controllerRevision(report: Report, object: KubeObject): void {
  if (object.data === undefined || object.data === null) report.required('data', 'data is mandatory');
  report.notNegative('revision', object.revision as Json | undefined);
}

export function fixedRevision(report: Report, object: KubeObject, before: KubeObject): void {
  const data = object.data as Json | undefined;
  if (!jsonEqual(data ?? null, (before.data as Json | undefined) ?? null)) {
    report.invalid('data', data, 'field is immutable');
  }
}

const PEM_REQUEST = /^\s*-----BEGIN CERTIFICATE REQUEST-----/;

export function certificateRequest(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const request = part(spec, 'request');
  if (!PEM_REQUEST.test(Buffer.from(text(spec, 'request'), 'base64').toString('utf8'))) {
    report.invalid('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST');
  }
  if (list(spec, 'usages').length === 0) report.required('spec.usages');
  const signer = text(spec, 'signerName');
  if (signer === '') report.required('spec.signerName');
  else if (!/^[^/]+\.[^/]+\/./.test(signer)) {
    const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    report.invalid('spec.signerName', signer, why);
  }
}

/** Approved and Denied are last words: neither goes away, and there is only one of them. */
export function fixedVerdict(report: Report, object: KubeObject, before: KubeObject): void {
  const types = (request: KubeObject) =>
    list(request.status as Json | undefined, 'conditions').map((condition) => text(condition, 'type'));
  const now = types(object);
  for (const [index, type] of now.entries()) {
    if (now.indexOf(type) < index) report.duplicate(`status.conditions[${index}].type`, type);
  }
  for (const type of new Set(types(before))) {
    if (['Approved', 'Denied'].includes(type) && !now.includes(type)) {
      report.forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`);
    }
  }
  if (now.includes('Approved') && now.includes('Denied')) {
    const last = now.findLast((type) => type === 'Approved' || type === 'Denied');
    report.invalid('status.conditions', last, 'Approved and Denied conditions are mutually exclusive');
  }
}

/** An expression that uses more of CEL than is known here is refused: it could only be passed over. */
function checkConditions(report: Report, at: string, conditions: readonly Json[]): void {
  const names = new Set<string>();
  for (const [index, condition] of conditions.entries()) {
    const [name, expression] = [text(condition, 'name'), text(condition, 'expression')];
    if (name === '') report.required(`${at}[${index}].name`);
    if (names.has(name)) report.duplicate(`${at}[${index}].name`, name);
    names.add(name);
    if (expression.trim() === '') report.required(`${at}[${index}].expression`);
    else if (compile(expression) === undefined) {
      report.invalid(`${at}[${index}].expression`, expression.trim(), 'compilation failed');
    }
  }
}

function checkWebhookUrl(report: Report, at: string, value: string): void {
  const form = 'desired format: https://host[/path]';
  const none = { protocol: '', host: '', username: '', password: '', hash: '', search: '' };
  const { protocol, host, username, password, hash, search } = URL.canParse(value) ? new URL(value) : none;
  const scheme = protocol.slice(0, -1);
  if (scheme !== 'https') report.invalid(at, scheme, `'https' is the only allowed URL scheme; ${form}`);
  if (host === '') report.invalid(at, host, `host must be specified; ${form}`);
  if (username !== '' || password !== '') {
    report.invalid(
      at,
      `${username}${password === '' ? '' : `:${password}`}`,
      'user information is not permitted in the URL',
    );
  }
  if (hash !== '') report.invalid(at, hash.slice(1), 'fragments are not permitted in the URL');
  if (search !== '') report.invalid(at, search.slice(1), 'query parameters are not permitted in the URL');
}

/** Webhooks of either kind. */
export function webhooks(report: Report, object: KubeObject): void {
  for (const [index, webhook] of list(object as unknown as Json, 'webhooks').entries()) {
    const at = `webhooks[${index}]`;
    const name = text(webhook, 'name');
    if (name === '') report.required(`${at}.name`);
    else if (name.split('.').length < 3) {
      report.invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots');
    }
    if (text(webhook, 'sideEffects') === '') {
      report.required(`${at}.sideEffects`, 'must specify one of None, NoneOnDryRun');
    }
    if (list(webhook, 'admissionReviewVersions').length === 0) {
      report.required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1');
    }
    checkConditions(report, `${at}.matchConditions`, list(webhook, 'matchConditions'));
    const client = part(webhook, 'clientConfig');
    const [url, target] = [part(client, 'url'), part(client, 'service')];
    if ((url === undefined) === (target === undefined)) {
      report.required(`${at}.clientConfig`, 'exactly one of url or service is required');
    } else if (url !== undefined) checkWebhookUrl(report, `${at}.clientConfig.url`, String(url));
  }
}
