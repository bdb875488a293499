/** What is applied to a cluster so that an agent runs in it: its namespace, its account, its rights part by part, and its pod. */
import type { JsonObject, KubeObject } from '../../base/index.ts';
import {
  CAPACITY,
  GROUND,
  keeping,
  LOOK,
  MEMORY,
  OBSERVE,
  OWN_NAMESPACE,
  type ResourceKind,
  STACKS,
  tokensOf,
} from './rules.ts';
import { joinSecret, networkPolicy, workload } from './workload.ts';

export interface AgentManifestsOptions {
  /** Where stacks may be; empty: in the whole cluster, and their namespaces and CRDs are created. */
  readonly namespaces: readonly string[];
  /** Kinds beside the usual ones, such as custom resources. */
  readonly kinds: readonly ResourceKind[];
  /** Accounts that stacks may name to be applied as. */
  readonly serviceAccounts: readonly { readonly namespace: string; readonly name: string }[];
  /** False: it changes nothing as itself, only as one of `serviceAccounts`. */
  readonly ownRights: boolean;
  /** The pod that runs it; null: rights alone. */
  readonly image: string | null;
  /** The Secret by which it joins; absent: it is made by hand. */
  readonly join?: { readonly hub: string; readonly token: string; readonly name: string };
}

/** As whom an agent acts in its cluster. */
export const AGENT_ACCOUNT = { namespace: 'ldc-system', name: 'ldc-agent' } as const;

const { namespace: NAMESPACE, name: ACCOUNT } = AGENT_ACCOUNT;
const RBAC = 'rbac.authorization.k8s.io';
/** On everything that gives an agent its place and rights: by it they are found when the cluster leaves. */
export const AGENT_PART = { key: 'app.kubernetes.io/part-of', value: 'ldc-agent' } as const;
/** ClusterRoles with this label are added to what the agent may deploy. */
const AGGREGATE = 'rbac.ldc.dev/aggregate-to-agent';

/** In the order of applying. */
export function agentManifests(options: AgentManifestsOptions): readonly KubeObject[] {
  const { namespaces, serviceAccounts, image, join } = options;
  const isLimited = namespaces.length > 0 || !options.ownRights;
  const seen = isLimited ? [...new Set([...namespaces, ...serviceAccounts.map(({ namespace }) => namespace)])] : [];
  const manifests = [
    systemNamespace(),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: ACCOUNT, namespace: NAMESPACE } },
    ...inNamespace('ldc-agent-memory', NAMESPACE, MEMORY),
    ...inCluster('ldc-agent-capacity', CAPACITY),
    ...(isLimited
      ? seen.flatMap((namespace) => inNamespace('ldc-agent-observe', namespace, OBSERVE))
      : [...inCluster('ldc-agent-observe', OBSERVE), ...inCluster('ldc-agent-look', LOOK)]),
    ...(options.ownRights ? deployRights(options) : []),
    ...[...Map.groupBy(serviceAccounts, ({ namespace }) => namespace)].flatMap(([namespace, own]) =>
      inNamespace('ldc-agent-token', namespace, tokensOf([...new Set(own.map(({ name }) => name))])),
    ),
    ...(join === undefined ? [] : [joinSecret(NAMESPACE, join)]),
    ...(image === null ? [] : [networkPolicy(NAMESPACE), workload(NAMESPACE, ACCOUNT, image)]),
  ];
  return manifests.map(marked);
}

function marked(object: KubeObject): KubeObject {
  const labels = { ...object.metadata.labels, [AGENT_PART.key]: AGENT_PART.value };
  return { ...object, metadata: { ...object.metadata, labels } };
}

function deployRights({ namespaces, kinds }: AgentManifestsOptions): readonly KubeObject[] {
  if (namespaces.length > 0) {
    const rules = [...OWN_NAMESPACE, ...STACKS, ...keeping(kinds)];
    return namespaces.flatMap((namespace) => inNamespace('ldc-agent-deploy', namespace, rules));
  }
  const aggregation = { clusterRoleSelectors: [{ matchLabels: { [AGGREGATE]: 'true' } }] };
  const [role, binding] = inCluster('ldc-agent-deploy', []);
  return [
    { ...(role as KubeObject), aggregationRule: aggregation },
    binding as KubeObject,
    part('ldc-agent-workloads', [...GROUND, ...STACKS]),
    ...(kinds.length === 0 ? [] : [part('ldc-agent-kinds', keeping(kinds))]),
  ];
}

/** Admission holds every pod in there to the `restricted` profile. */
function systemNamespace(): KubeObject {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } };
}

/** A piece of ldc-agent-deploy, which is the sum of all that carry the label. */
function part(name: string, rules: readonly JsonObject[]): KubeObject {
  const metadata = { name, labels: { [AGGREGATE]: 'true' } };
  return { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata, rules };
}

function inCluster(name: string, rules: readonly JsonObject[]): readonly KubeObject[] {
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata: { name }, ...bound('ClusterRole', name) },
  ];
}

function inNamespace(name: string, namespace: string, rules: readonly JsonObject[]): readonly KubeObject[] {
  const metadata = { name, namespace };
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules },
    { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata, ...bound('Role', name) },
  ];
}

function bound(kind: string, name: string) {
  return {
    roleRef: { apiGroup: RBAC, kind, name },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }],
  };
}
