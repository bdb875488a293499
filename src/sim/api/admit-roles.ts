/** Nobody grants more than they have: writes of roles and bindings are checked against the writer's own rules. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import type { Call, Cluster } from './cluster.ts';
import { allowed, escalations, type Rule, roleRules, rulesOf } from './rbac.ts';
import { forbidden, notFound, qualified } from './status.ts';

/** @throws ApiError 403 for an escalation. */
export function checkRoles(cluster: Cluster, call: Call, object: KubeObject, before?: KubeObject): void {
  if (call.resource.group !== 'rbac.authorization.k8s.io' || call.user.groups.includes('system:masters')) return;
  switch (qualified(call.resource)) {
    case 'roles.rbac.authorization.k8s.io':
    case 'clusterroles.rbac.authorization.k8s.io':
      if (!jsonEqual(before?.rules as Json, object.rules as Json))
        check(cluster, call, object, roleRules(cluster, object), 'escalate');
      break;
    case 'rolebindings.rbac.authorization.k8s.io':
    case 'clusterrolebindings.rbac.authorization.k8s.io':
      if (!mayBind(cluster, call, object)) check(cluster, call, object, boundRules(cluster, object), 'bind');
      break;
  }
}

const GROUP = 'rbac.authorization.k8s.io';

function boundRole(binding: KubeObject): { readonly plural: string; readonly name: string } {
  const ref = isObject(binding.roleRef) ? binding.roleRef : {};
  return { plural: ref.kind === 'Role' ? 'roles' : 'clusterroles', name: String(ref.name) };
}

/** The right to `bind` that role takes the place of having its rights. */
function mayBind(cluster: Cluster, { user, namespace = '' }: Call, binding: KubeObject): boolean {
  const { plural: resource, name } = boundRole(binding);
  const right = { kind: 'resource', verb: 'bind', group: GROUP, resource, subresource: '' } as const;
  return allowed(cluster, user, { ...right, namespace, name });
}

/** @throws ApiError 404 when the role is not there: what it would grant cannot be judged. */
function boundRules(cluster: Cluster, binding: KubeObject): readonly Rule[] {
  const { plural, name } = boundRole(binding);
  const namespace = plural === 'roles' ? binding.metadata.namespace : undefined;
  const role = cluster.store.get(`${plural}.${GROUP}`, namespace, name);
  if (role === undefined) throw notFound({ group: GROUP, kind: plural, plural }, name);
  return roleRules(cluster, role);
}

function check(
  cluster: Cluster,
  call: Call,
  object: KubeObject,
  wanted: readonly Rule[],
  verb: 'escalate' | 'bind',
): void {
  const { resource, namespace = '', user } = call;
  const may = {
    kind: 'resource',
    verb,
    group: resource.group,
    resource: resource.plural,
    subresource: '',
    namespace,
    name: object.metadata.name,
  } as const;
  if (verb === 'escalate' && allowed(cluster, user, may)) return;
  const missing = escalations(rulesOf(cluster, user, namespace), wanted);
  if (missing.length === 0) return;
  const shown = missing.map(ruleText).join('\n');
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
