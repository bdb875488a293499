/** Role based access control, evaluated over the cluster's own roles and bindings. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import type { Cluster, User } from './cluster.ts';

export type Attributes =
  | {
      readonly kind: 'resource';
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource: string;
      readonly namespace: string;
      readonly name: string;
    }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string };

export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

const ROLE = 'roles.rbac.authorization.k8s.io';
const CLUSTER_ROLE = 'clusterroles.rbac.authorization.k8s.io';
const BINDING = 'rolebindings.rbac.authorization.k8s.io';
const CLUSTER_BINDING = 'clusterrolebindings.rbac.authorization.k8s.io';

/** Members of system:masters may do everything, with no role needed. */
export function allowed(cluster: Cluster, user: User, attributes: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  const namespace = attributes.kind === 'resource' ? attributes.namespace : '';
  return rulesOf(cluster, user, namespace).some((rule) => permits(rule, attributes));
}

/** Why somebody may, as a review of access says it; undefined: they may not. Members of system:masters need no reason. */
export function grantOf(
  cluster: Cluster,
  user: User,
  attributes: Attributes,
): { readonly reason?: string } | undefined {
  if (user.groups.includes('system:masters')) return {};
  const namespace = attributes.kind === 'resource' ? attributes.namespace : '';
  for (const binding of bindingsOf(cluster, namespace)) {
    const subject = subjectOf(binding, user);
    if (subject === undefined || !rulesOfRef(cluster, binding).some((rule) => permits(rule, attributes))) continue;
    return { reason: `RBAC: allowed by ${bindingText(binding)} to ${subjectText(subject, binding)}` };
  }
  return undefined;
}

function bindingText(binding: KubeObject): string {
  const { name, namespace } = binding.metadata;
  const ref = isObject(binding.roleRef) ? binding.roleRef : {};
  const shown = namespace === undefined ? name : `${name}/${namespace}`;
  return `${binding.kind} ${JSON.stringify(shown)} of ${String(ref.kind)} ${JSON.stringify(ref.name)}`;
}

function subjectText({ kind, name, namespace }: JsonObject, binding: KubeObject): string {
  const home = namespace ?? binding.metadata.namespace ?? '';
  const shown = kind === 'ServiceAccount' ? `${String(name)}/${String(home)}` : String(name);
  return `${String(kind)} ${JSON.stringify(shown)}`;
}

/** Every rule that applies to the user in a namespace; '' leaves only those of the whole cluster. */
export function rulesOf(cluster: Cluster, user: User, namespace: string): readonly Rule[] {
  return bindingsOf(cluster, namespace)
    .filter((binding) => subjectOf(binding, user) !== undefined)
    .flatMap((binding) => rulesOfRef(cluster, binding));
}

function bindingsOf({ store }: Cluster, namespace: string): readonly KubeObject[] {
  return [...store.list(CLUSTER_BINDING), ...(namespace === '' ? [] : store.list(BINDING, namespace))];
}

/** The subject of a binding that means the user. */
function subjectOf(binding: KubeObject, user: User): JsonObject | undefined {
  return list(binding.subjects)
    .filter(isObject)
    .find((subject) => {
      switch (subject.kind) {
        case 'User':
          return subject.name === user.name;
        case 'Group':
          return user.groups.includes(String(subject.name));
        case 'ServiceAccount': {
          const namespace = String(subject.namespace ?? binding.metadata.namespace ?? '');
          return user.name === `system:serviceaccount:${namespace}:${String(subject.name)}`;
        }
        default:
          return false;
      }
    });
}

function rulesOfRef(cluster: Cluster, binding: KubeObject): readonly Rule[] {
  const ref = isObject(binding.roleRef) ? binding.roleRef : {};
  const role =
    ref.kind === 'Role'
      ? cluster.store.get(ROLE, binding.metadata.namespace, String(ref.name))
      : cluster.store.get(CLUSTER_ROLE, undefined, String(ref.name));
  return role === undefined ? [] : roleRules(role);
}

/** The rules of a role; those of an aggregating one are kept by `aggregate-roles.ts`. */
export function roleRules(role: KubeObject): readonly Rule[] {
  return list(role.rules).filter(isObject).map(toRule);
}

export function toRule(rule: JsonObject): Rule {
  return {
    verbs: list(rule.verbs).map(String),
    apiGroups: list(rule.apiGroups).map(String),
    resources: list(rule.resources).map(String),
    resourceNames: list(rule.resourceNames).map(String),
    nonResourceURLs: list(rule.nonResourceURLs).map(String),
  };
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function permits(rule: Rule, attributes: Attributes): boolean {
  if (!covers(rule.verbs, attributes.verb)) return false;
  if (attributes.kind === 'path') return rule.nonResourceURLs.some((pattern) => pathMatches(pattern, attributes.path));
  const { group, resource, subresource, name } = attributes;
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  return (
    covers(rule.apiGroups, group) &&
    rule.resources.some((one) => one === '*' || one === whole || (subresource !== '' && one === `*/${subresource}`)) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(name))
  );
}

function covers(values: readonly string[], wanted: string): boolean {
  return values.includes('*') || values.includes(wanted);
}

function pathMatches(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)));
}

/**
 * What `wanted` grants and `held` does not cover: whoever grants it would gain by it. One rule for each resource (and
 * name) with all its verbs, one for each path and verb, as the real server tells them.
 */
export function escalations(held: readonly Rule[], wanted: readonly Rule[]): readonly Rule[] {
  const missing = wanted.flatMap(atoms).filter((atom) => !held.some((own) => includes(own, atom)));
  const byResource = new Map<string, Rule>();
  for (const atom of missing) {
    const { apiGroups, resources, resourceNames, nonResourceURLs, verbs } = atom;
    const alone = nonResourceURLs.length > 0 ? verbs : [];
    const key = JSON.stringify([apiGroups, resources, resourceNames, nonResourceURLs, alone]);
    const known = byResource.get(key)?.verbs ?? [];
    byResource.set(key, { ...atom, verbs: [...new Set([...known, ...verbs])] });
  }
  return [...byResource.values()];
}

/** One verb on one resource or path each. */
function atoms(rule: Rule): readonly Rule[] {
  const one = <T>(values: readonly T[], make: (value: T) => Rule[]) => values.flatMap(make);
  const resourceNames = rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((name) => [name]);
  const ofResources = one(rule.verbs, (verb) =>
    one(rule.apiGroups, (group) =>
      one(rule.resources, (resource) =>
        resourceNames.map((named) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          resourceNames: named,
          nonResourceURLs: [],
        })),
      ),
    ),
  );
  const ofPaths = one(rule.verbs, (verb) =>
    rule.nonResourceURLs.map((path) => ({
      verbs: [verb],
      apiGroups: [],
      resources: [],
      resourceNames: [],
      nonResourceURLs: [path],
    })),
  );
  return [...ofResources, ...ofPaths];
}

function includes(own: Rule, atom: Rule): boolean {
  const verb = atom.verbs[0] ?? '';
  const path = atom.nonResourceURLs[0];
  if (!covers(own.verbs, verb)) return false;
  if (path !== undefined) return own.nonResourceURLs.some((pattern) => pattern === path || pathMatches(pattern, path));
  const resource = atom.resources[0] ?? '';
  const subresource = resource.split('/')[1];
  const named =
    own.resourceNames.length === 0 ||
    (atom.resourceNames.length > 0 && atom.resourceNames.every((name) => own.resourceNames.includes(name)));
  const found =
    covers(own.resources, resource) || (subresource !== undefined && own.resources.includes(`*/${subresource}`));
  return covers(own.apiGroups, atom.apiGroups[0] ?? '') && found && named;
}
