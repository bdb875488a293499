/** Which webhooks of admission a write concerns, as their configurations say. */
import { errorText, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { type LabelSelector, matchesSelector } from '../kinds/index.ts';
import { compileCel } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { Call, Cluster, Fields } from './cluster.ts';
import { forbidden } from './status.ts';
import { fields } from './strategy.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** One write on its way through admission. */
export interface Attempt {
  readonly call: Call;
  readonly operation: Operation;
  /** What is to be; absent when something is deleted. */
  readonly object?: KubeObject;
  /** What was. */
  readonly before?: KubeObject;
  /** The options as the review shows them. */
  readonly options: JsonObject;
}

export type Role = 'mutating' | 'validating';

export interface Webhook {
  readonly role: Role;
  readonly configuration: string;
  readonly name: string;
  readonly said: Fields;
}

/** A webhook that is to be asked, and the resource in whose version it wants to be. */
export interface Concern {
  readonly webhook: Webhook;
  readonly resource: ResourceInfo;
}

const GROUP = 'admissionregistration.k8s.io';
const BUCKETS: { readonly [role in Role]: string } = {
  mutating: `mutatingwebhookconfigurations.${GROUP}`,
  validating: `validatingwebhookconfigurations.${GROUP}`,
};

export function hasWebhooks({ store }: Cluster): boolean {
  return store.count(BUCKETS.mutating) + store.count(BUCKETS.validating) > 0;
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** Those whose rules and selectors fit, by the names of their configurations; conditions are asked by `isMeant`. */
export function concerns(cluster: Cluster, role: Role, attempt: Attempt): readonly Concern[] {
  if (attempt.call.resource.group === GROUP) return []; // or one could keep itself from being removed
  const configurations = [...cluster.store.list(BUCKETS[role])].sort((a, b) =>
    a.metadata.name < b.metadata.name ? -1 : 1,
  );
  return configurations.flatMap((configuration) =>
    list(configuration.webhooks as Json | undefined)
      .map(fields)
      .flatMap((said) => {
        const webhook = { role, configuration: configuration.metadata.name, name: String(said.name), said };
        const fits = inNamespace(cluster, said, attempt) && ofObject(said, attempt);
        const resource = fits ? ruled(cluster, said, attempt) : undefined;
        return resource === undefined ? [] : [{ webhook, resource }];
      }),
  );
}

function selects(selector: Json | undefined, labels: KubeObject['metadata']['labels']): boolean {
  return matchesSelector((selector ?? {}) as LabelSelector, labels);
}

/** What belongs to no namespace passes every selector of namespaces; a namespace is judged by its own labels. */
function inNamespace(cluster: Cluster, { namespaceSelector }: Fields, { call, operation, object }: Attempt): boolean {
  const isNamespace = call.resource.plural === 'namespaces' && call.resource.group === '';
  if (isNamespace) {
    const fresh = operation !== 'DELETE' && call.subresource === '' ? object : undefined;
    return selects(namespaceSelector, (fresh ?? namespaceOf(cluster, call.name))?.metadata.labels);
  }
  if (!call.resource.namespaced || call.namespace === undefined) return true;
  return selects(namespaceSelector, namespaceOf(cluster, call.namespace)?.metadata.labels);
}

function namespaceOf({ store }: Cluster, name: string): KubeObject | undefined {
  return store.get('namespaces', undefined, name);
}

function ofObject({ objectSelector }: Fields, { object, before }: Attempt): boolean {
  const selector = fields(objectSelector);
  if (Object.keys(selector).length === 0) return true;
  return [object, before].some((one) => one !== undefined && selects(selector, one.metadata.labels));
}

/** The resource that a rule names: the one of the call, or with `matchPolicy: Equivalent` another version of the same. */
function ruled(cluster: Cluster, said: Fields, { call, operation }: Attempt): ResourceInfo | undefined {
  const rules = list(said.rules).map(fields);
  const isRuled = (resource: ResourceInfo) => rules.some((rule) => fitsRule(rule, resource, call, operation));
  if (isRuled(call.resource)) return call.resource;
  if (said.matchPolicy !== 'Equivalent') return undefined;
  return cluster.registry.sameAs(call.resource).find(isRuled);
}

function fitsRule(rule: Fields, resource: ResourceInfo, { subresource, namespace }: Call, operation: Operation) {
  const has = (value: Json | undefined, wanted: string) => list(value).some((one) => one === '*' || one === wanted);
  const isNamespaced = namespace !== undefined && resource.namespaced;
  const inScope = rule.scope === '*' || rule.scope === undefined || (rule.scope === 'Namespaced') === isNamespaced;
  return (
    inScope &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, resource.group) &&
    has(rule.apiVersions, resource.version) &&
    list(rule.resources).some((one) => fitsResource(String(one), resource.plural, subresource))
  );
}

/** `pods`, `pods/*`, all `/scale`, `*`: without a slash none of the subresources is meant. */
function fitsResource(pattern: string, plural: string, subresource: string): boolean {
  const [resource = '', sub = ''] = pattern.split('/');
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}

/**
 * Whether all conditions of the webhook hold. One that is false decides even if another has no value.
 * @throws ApiError 403 when one has no value and the webhook's failures count.
 */
export function isMeant({ said }: Webhook, { call, object, before }: Attempt, request: JsonObject): boolean {
  const scope = { object: asJson(object), oldObject: asJson(before), request };
  let failure: string | undefined;
  for (const { expression } of list(said.matchConditions).map(fields)) {
    try {
      if (compileCel(String(expression))?.(scope) !== true) return false;
    } catch (error) {
      failure ??= `expression '${String(expression)}' resulted in error: ${errorText(error)}`;
    }
  }
  if (failure === undefined) return true;
  if (said.failurePolicy === 'Ignore') return false;
  throw forbidden(call.resource, call.name, failure);
}

function asJson(object: KubeObject | undefined): Json {
  return (object ?? null) as unknown as Json;
}
