/** Nobody grants more than they have: writes of roles and bindings are checked against the writer's own rules. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import type { Call, Cluster } from './cluster.ts';
import { allowed, escalations, type Rule, roleRules, rulesOf } from './rbac.ts';
import { forbidden, notFound } from './status.ts';

/** @throws ApiError 403 for an escalation. */
export function checkRoles(cluster: Cluster, call: Call, object: KubeObject, before?: KubeObject): void {
  if (call.resource.group !== GROUP || call.user.groups.includes('system:masters')) return;
  if (before !== undefined && sameForCollector(before, object)) return;
  switch (call.resource.plural) {
    case 'roles':
    case 'clusterroles':
      checkRole(cluster, call, object, before);
      break;
    case 'rolebindings':
    case 'clusterrolebindings':
      if (!mayBind(cluster, call, object)) check(cluster, call, object, boundRules(cluster, call, object));
      break;
  }
}

const GROUP = 'rbac.authorization.k8s.io';

function boundRole(binding: KubeObject): { readonly plural: string; readonly name: string } {
  const ref = isObject(binding.roleRef) ? binding.roleRef : {};
  return { plural: ref.kind === 'Role' ? 'roles' : 'clusterroles', name: String(ref.name) };
}

/** Whether nothing but what garbage collection needs has changed: everybody who may write may do that. */
function sameForCollector(before: KubeObject, after: KubeObject): boolean {
  const rest = ({ metadata, ...others }: KubeObject) => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...kept } = metadata;
    return { ...others, metadata: kept };
  };
  return jsonEqual(rest(before) as Json, rest(after) as Json);
}

const EVERYTHING: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
  { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
];

function checkRole(cluster: Cluster, call: Call, role: KubeObject, before: KubeObject | undefined): void {
  const { user, resource, namespace = '' } = call;
  // a request that creates names no object in its path, and so no rule for names holds for it
  const name = before === undefined ? '' : role.metadata.name;
  const right = {
    kind: 'resource',
    verb: 'escalate',
    group: GROUP,
    resource: resource.plural,
    subresource: '',
  } as const;
  if (allowed(cluster, user, { ...right, namespace, name })) return;
  const gathers = [before, role].some((one) => isObject(one?.aggregationRule));
  if (gathers && escalations(rulesOf(cluster, user, namespace), EVERYTHING).length > 0) {
    throw forbidden(resource, role.metadata.name, 'must have cluster-admin privileges to use the aggregationRule');
  }
  check(cluster, call, role, roleRules(role));
}

/** The right to `bind` that role takes the place of having its rights. */
function mayBind(cluster: Cluster, { user, namespace = '' }: Call, binding: KubeObject): boolean {
  const { plural: resource, name } = boundRole(binding);
  const right = { kind: 'resource', verb: 'bind', group: GROUP, resource, subresource: '' } as const;
  return allowed(cluster, user, { ...right, namespace, name });
}

/** @throws ApiError 404 when the role is not there: what it would grant cannot be judged. */
function boundRules(cluster: Cluster, { resource }: Call, binding: KubeObject): readonly Rule[] {
  const { plural, name } = boundRole(binding);
  const namespace = plural === 'roles' ? binding.metadata.namespace : undefined;
  const role = cluster.store.get(`${plural}.${GROUP}`, namespace, name);
  if (role === undefined) throw notFound(resource, name); // it is the binding's resource that a real server names
  return roleRules(role);
}

function check(cluster: Cluster, call: Call, object: KubeObject, wanted: readonly Rule[]): void {
  const { resource, namespace = '', user } = call;
  const missing = escalations(rulesOf(cluster, user, namespace), wanted);
  if (missing.length === 0) return;
  const shown = [...new Set(missing.map(ruleText))].sort().join('\n');
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ');
  throw forbidden(
    resource,
    object.metadata.name,
    `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${shown}`,
  );
}

function ruleText(rule: Rule): string {
  const shown = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
  const parts = [
    ...(rule.nonResourceURLs.length > 0 ? [`NonResourceURLs:${shown(rule.nonResourceURLs)}`] : []),
    ...(rule.apiGroups.length > 0 ? [`APIGroups:${shown(rule.apiGroups)}`] : []),
    ...(rule.resources.length > 0 ? [`Resources:${shown(rule.resources)}`] : []),
    ...(rule.resourceNames.length > 0 ? [`ResourceNames:${shown(rule.resourceNames)}`] : []),
    `Verbs:${shown(rule.verbs)}`,
  ];
  return `{${parts.join(', ')}}`;
}
