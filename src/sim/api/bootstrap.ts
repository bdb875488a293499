/** What a new cluster starts with: system namespaces, roles and their bindings, priority classes, the API server's Service. */
import type { JsonObject, KubeObject } from '../../base/index.ts';
import { type Cluster, SYSTEM_USER } from './cluster.ts';
import { create } from './writer.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const MANAGER = 'kube-apiserver';
const RBAC = 'rbac.authorization.k8s.io/v1';
const ALL_WRITES = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const ALL_READS = ['get', 'list', 'watch'];

/** Creates what is not there yet; run at each start, so that an older state gains what a newer program brings. */
export function bootstrap(cluster: Cluster): void {
  for (const name of NAMESPACES) ensure(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const role of clusterRoles()) ensure(cluster, role);
  for (const binding of clusterRoleBindings()) ensure(cluster, binding);
  for (const [name, value] of [
    ['system-cluster-critical', 2_000_000_000],
    ['system-node-critical', 2_000_001_000],
  ] as const) {
    ensure(cluster, { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value });
  }
  ensure(cluster, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: '10.96.0.1',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      type: 'ClusterIP',
    },
  });
}

function ensure(cluster: Cluster, object: KubeObject): void {
  const slash = object.apiVersion.indexOf('/');
  const group = slash === -1 ? '' : object.apiVersion.slice(0, slash);
  const resource = cluster.registry.byKind(group, object.apiVersion.slice(slash + 1), object.kind);
  if (resource === undefined) throw new Error(`${object.apiVersion} ${object.kind} is not served`);
  const { namespace, name } = object.metadata;
  if (cluster.store.get(cluster.registry.bucketOf(resource), namespace, name) !== undefined) return;
  const call = {
    user: SYSTEM_USER,
    isExempt: true,
    resource,
    name,
    subresource: '',
    manager: MANAGER,
    dryRun: false,
    fieldValidation: 'Ignore',
    force: false,
    warn: () => {},
  } as const;
  create(cluster, namespace === undefined ? call : { ...call, namespace }, object);
}

function role(name: string, rules: readonly JsonObject[], labels: { readonly [key: string]: string } = {}): KubeObject {
  const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
  const metadata = {
    name,
    labels: { ...bootstrapping, ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  };
  return { apiVersion: RBAC, kind: 'ClusterRole', metadata, rules };
}

/** A role that gathers the rules of every role with one of the labels. */
function aggregating(name: string, ...into: readonly string[]): KubeObject {
  const clusterRoleSelectors = into.map((target) => ({
    matchLabels: { [`rbac.authorization.k8s.io/aggregate-to-${target}`]: 'true' },
  }));
  return { ...role(name, []), aggregationRule: { clusterRoleSelectors } };
}

const readable = (groups: readonly string[], resources: readonly string[]) => ({
  apiGroups: groups,
  resources,
  verbs: ALL_READS,
});
const writable = (groups: readonly string[], resources: readonly string[]) => ({
  apiGroups: groups,
  resources,
  verbs: ALL_WRITES,
});

const CORE_READ = [
  'configmaps',
  'endpoints',
  'persistentvolumeclaims',
  'persistentvolumeclaims/status',
  'pods',
  'replicationcontrollers',
  'replicationcontrollers/scale',
  'serviceaccounts',
  'services',
  'services/status',
];
const CORE_SEEN = [
  'bindings',
  'events',
  'limitranges',
  'namespaces/status',
  'pods/log',
  'pods/status',
  'replicationcontrollers/status',
  'resourcequotas',
  'resourcequotas/status',
  'namespaces',
];
const APPS = [
  'daemonsets',
  'deployments',
  'deployments/scale',
  'replicasets',
  'replicasets/scale',
  'statefulsets',
  'statefulsets/scale',
];
const APPS_STATUS = [
  'controllerrevisions',
  'daemonsets/status',
  'deployments/status',
  'replicasets/status',
  'statefulsets/status',
];

/** Of a group that is served no more: the roles of a real server still name it, and so a refusal does. */
const EXTENSIONS = [
  'daemonsets',
  'deployments',
  'deployments/scale',
  'ingresses',
  'networkpolicies',
  'replicasets',
  'replicasets/scale',
  'replicationcontrollers/scale',
];
const EXTENSIONS_STATUS = ['daemonsets/status', 'deployments/status', 'ingresses/status', 'replicasets/status'];
const CLAIMS = ['resourceclaims', 'resourceclaimtemplates'];

function viewRules(): readonly JsonObject[] {
  return [
    readable([''], CORE_READ),
    readable([''], CORE_SEEN),
    readable(['discovery.k8s.io'], ['endpointslices']),
    readable(['apps'], [...APPS, ...APPS_STATUS]),
    readable(['autoscaling'], ['horizontalpodautoscalers', 'horizontalpodautoscalers/status']),
    readable(['batch'], ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status']),
    readable(['extensions'], [...EXTENSIONS, ...EXTENSIONS_STATUS]),
    readable(['policy'], ['poddisruptionbudgets', 'poddisruptionbudgets/status']),
    readable(['resource.k8s.io'], [...CLAIMS, 'resourceclaims/status']),
    readable(['networking.k8s.io'], ['ingresses', 'ingresses/status', 'networkpolicies']),
  ];
}

function editRules(): readonly JsonObject[] {
  return [
    readable([''], ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy']),
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] },
    writable([''], ['pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy']),
    { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
    writable(
      [''],
      [
        'configmaps',
        'events',
        'persistentvolumeclaims',
        'replicationcontrollers',
        'replicationcontrollers/scale',
        'secrets',
        'serviceaccounts',
        'services',
        'services/proxy',
      ],
    ),
    { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
    writable(['apps'], [...APPS, 'deployments/rollback']),
    writable(['autoscaling'], ['horizontalpodautoscalers']),
    writable(['batch'], ['cronjobs', 'jobs']),
    writable(['extensions'], [...EXTENSIONS, 'deployments/rollback']),
    writable(['policy'], ['poddisruptionbudgets']),
    writable(['resource.k8s.io'], CLAIMS),
    writable(['networking.k8s.io'], ['ingresses', 'networkpolicies']),
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: [...ALL_WRITES, ...ALL_READS] },
  ];
}

function adminRules(): readonly JsonObject[] {
  return [
    { apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'], verbs: ['create'] },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['rolebindings', 'roles'],
      verbs: [...ALL_WRITES, ...ALL_READS],
    },
  ];
}

function clusterRoles(): readonly KubeObject[] {
  const into = (target: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${target}`]: 'true' });
  const paths = [
    '/api',
    '/api/*',
    '/apis',
    '/apis/*',
    '/healthz',
    '/livez',
    '/openapi',
    '/openapi/*',
    '/readyz',
    '/version',
    '/version/',
  ];
  return [
    role('cluster-admin', [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ]),
    aggregating('admin', 'admin'),
    {
      ...aggregating('edit', 'edit'),
      metadata: {
        ...role('edit', []).metadata,
        labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...into('admin') },
      },
    },
    {
      ...aggregating('view', 'view'),
      metadata: {
        ...role('view', []).metadata,
        labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...into('edit') },
      },
    },
    role('system:aggregate-to-admin', adminRules(), into('admin')),
    role('system:aggregate-to-edit', editRules(), { ...into('edit'), ...into('admin') }),
    role('system:aggregate-to-view', viewRules(), { ...into('view'), ...into('edit'), ...into('admin') }),
    role('system:basic-user', [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ]),
    role('system:discovery', [{ verbs: ['get'], nonResourceURLs: paths }]),
    role('system:service-account-issuer-discovery', [
      {
        verbs: ['get'],
        nonResourceURLs: [
          '/.well-known/openid-configuration',
          '/.well-known/openid-configuration/',
          '/openid/v1/jwks',
          '/openid/v1/jwks/',
        ],
      },
    ]),
    role('system:public-info-viewer', [
      { verbs: ['get'], nonResourceURLs: ['/healthz', '/livez', '/readyz', '/version', '/version/'] },
    ]),
  ];
}

function clusterRoleBindings(): readonly KubeObject[] {
  const binding = (name: string, groups: readonly string[]): KubeObject => ({
    apiVersion: RBAC,
    kind: 'ClusterRoleBinding',
    metadata: role(name, []).metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: groups.map((group) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group })),
  });
  return [
    binding('cluster-admin', ['system:masters']),
    binding('system:basic-user', ['system:authenticated']),
    binding('system:discovery', ['system:authenticated']),
    binding('system:service-account-issuer-discovery', ['system:serviceaccounts']),
    binding('system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
  ];
}
