/** What the agent may do in its cluster, as RBAC rules, part by part. Never `*`, `escalate`, `bind` or `impersonate`. */
import type { JsonObject } from '../../base/index.ts';

/** A kind by its API group ('' for the core group) and plural. */
export interface ResourceKind {
  readonly group: string;
  readonly plural: string;
}

const READ = ['get', 'list', 'watch'];
/** Applied (server-side apply creates by `patch` and `create`), watched for drift, and taken away again. */
const KEEP = [...READ, 'create', 'patch', 'delete'];

const rule = (group: string, resources: readonly string[], verbs: readonly string[]): JsonObject => ({
  apiGroups: [group],
  resources: [...resources],
  verbs: [...verbs],
});

/** Namespaced kinds that stacks are made of. */
const STACK_KINDS: readonly (readonly [group: string, plurals: readonly string[]])[] = [
  [
    '',
    [
      'configmaps',
      'secrets',
      'services',
      'serviceaccounts',
      'persistentvolumeclaims',
      'resourcequotas',
      'limitranges',
      'pods',
      'replicationcontrollers',
    ],
  ],
  ['apps', ['deployments', 'statefulsets', 'daemonsets', 'replicasets']],
  ['batch', ['jobs', 'cronjobs']],
  ['autoscaling', ['horizontalpodautoscalers']],
  ['policy', ['poddisruptionbudgets']],
  ['networking.k8s.io', ['ingresses', 'networkpolicies']],
];

/** In its own namespace: what it remembers, and its Lease. */
export const MEMORY: readonly JsonObject[] = [
  rule('', ['configmaps'], ['get', 'create', 'update', 'delete']),
  rule('', ['secrets'], ['get', 'list', 'create', 'update', 'delete']),
  rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update']),
  rule('', ['namespaces'], ['get']),
];

/**
 * Of the whole cluster, whatever else it is limited to: room is counted from nodes and from what all pods request; a storage
 * class says whether a claim that is not bound yet waits for its pod. Which kinds come and go is told by their definitions.
 */
export const CAPACITY: readonly JsonObject[] = [
  rule('', ['nodes', 'pods'], ['list', 'watch']),
  rule('storage.k8s.io', ['storageclasses'], ['get', 'list']),
  rule('apiextensions.k8s.io', ['customresourcedefinitions'], ['list', 'watch']),
  rule('apiregistration.k8s.io', ['apiservices'], ['list', 'watch']),
  // its uid says which cluster this is
  { ...rule('', ['namespaces'], ['get']), resourceNames: ['kube-system'] },
];

/** Why something is not well, and the health that a Service answers. */
export const OBSERVE: readonly JsonObject[] = [
  rule('', ['pods', 'events'], READ),
  rule('', ['pods/log', 'services/proxy'], ['get']),
  rule('apps', ['replicasets'], READ),
  rule('batch', ['jobs'], READ),
  rule('', ['persistentvolumeclaims'], ['get']),
];

/** A namespace that a transaction made is deleted by its undo only when nothing foreign is in it: what else comes with Kubernetes. */
export const LOOK: readonly JsonObject[] = [
  rule('', ['podtemplates'], ['list']),
  rule('rbac.authorization.k8s.io', ['roles', 'rolebindings'], ['list']),
  rule('storage.k8s.io', ['csistoragecapacities'], ['list']),
  rule('resource.k8s.io', ['resourceclaims', 'resourceclaimtemplates'], ['list']),
  rule('certificates.k8s.io', ['podcertificaterequests'], ['list']),
];

/** Everything namespaced that a stack may hold; fields that were taken by force from an autoscaler are given back at `scale`. */
export const STACKS: readonly JsonObject[] = [
  ...STACK_KINDS.map(([group, plurals]) => rule(group, plurals, KEEP)),
  rule('apps', ['deployments/scale', 'statefulsets/scale', 'replicasets/scale'], ['get', 'patch']),
  rule('', ['replicationcontrollers/scale'], ['get', 'patch']),
];

/** What stacks stand on. A CRD is created and changed, never deleted: with it all its resources would go. */
export const GROUND: readonly JsonObject[] = [
  rule('', ['namespaces'], ['get', 'list', 'create', 'patch', 'delete']),
  rule('apiextensions.k8s.io', ['customresourcedefinitions'], [...READ, 'create', 'patch']),
];

/** Limited to namespaces it reads those that it has, and makes none. */
export const OWN_NAMESPACE: readonly JsonObject[] = [rule('', ['namespaces'], ['get'])];

/** Kinds of the operator's own choice. */
export function keeping(kinds: readonly ResourceKind[]): readonly JsonObject[] {
  const groups = Map.groupBy(kinds, ({ group }) => group);
  return [...groups].map(([group, own]) =>
    rule(
      group,
      own.map(({ plural }) => plural),
      KEEP,
    ),
  );
}

/** Tokens of single accounts: whoever may make tokens of any account may do whatever any of them may. */
export function tokensOf(names: readonly string[]): readonly JsonObject[] {
  return [{ ...rule('', ['serviceaccounts/token'], ['create']), resourceNames: [...names] }];
}
