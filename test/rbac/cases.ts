import { isObject, type Json, type JsonObject } from '../../src/base/index.ts';
import type { Asked, Case } from './types.ts';

const NS = '/api/v1/namespaces/$NS';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/$NS/roles`;
const BINDINGS = `${RBAC}/namespaces/$NS/rolebindings`;
const APPS = '/apis/apps/v1/namespaces/$NS';

const get = (path: string): Asked => ({ method: 'GET', path });
const post = (path: string, body: JsonObject): Asked => ({ method: 'POST', path, body });
const remove = (path: string): Asked => ({ method: 'DELETE', path });
const patch = (path: string, body: JsonObject): Asked => ({
  method: 'PATCH',
  path,
  body,
  contentType: 'application/merge-patch+json',
});
const apply = (path: string, body: JsonObject): Asked => ({
  method: 'PATCH',
  path: `${path}?fieldManager=ldc&force=true`,
  body,
  contentType: 'application/apply-patch+yaml',
});

const rule = (apiGroups: string[], resources: string[], verbs: string[], resourceNames: string[] = []): JsonObject => ({
  apiGroups,
  resources,
  verbs,
  ...(resourceNames.length > 0 ? { resourceNames } : {}),
});
const configMap = (name: string, more: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});
const deployment: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'example.invalid/web:1' }] },
    },
  },
};
const role = (name: string, rules: readonly JsonObject[]): JsonObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name },
  rules,
});
const clusterRole = (name: string, rules: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
  ...role(name, rules),
  kind: 'ClusterRole',
  ...more,
});
const binding = (name: string, kind: 'Role' | 'ClusterRole', of: string): JsonObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: of },
  subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }],
});
const access = (resourceAttributes: JsonObject): Asked => ({
  ...post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  }),
  look: ({ status }) => (isObject(status) ? { allowed: status.allowed === true } : null),
});
const rulesReview: Asked = {
  ...post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace: '$NS' },
  }),
  look: ({ status }) => (isObject(status) ? sortedRules(status) : null),
};

/** A real server tells them in no order. */
function sortedRules(status: JsonObject): JsonObject {
  const sorted = (rules: Json | undefined) =>
    (Array.isArray(rules) ? rules : []).map((one) => JSON.stringify(one)).sort();
  const { resourceRules, nonResourceRules, incomplete = false } = status;
  return { resources: sorted(resourceRules), paths: sorted(nonResourceRules), incomplete };
}

/** What an agent does, each without its right. */
const verbs: readonly Case[] = [
  {
    name: 'nothing is allowed without a rule',
    asked: [
      get(`${NS}/configmaps/a`),
      get(`${NS}/configmaps`),
      get('/api/v1/configmaps'),
      get(`${NS}/configmaps?watch=true`),
      post(`${NS}/configmaps`, configMap('a')),
      apply(`${NS}/configmaps/a`, configMap('a')),
      patch(`${NS}/configmaps/a`, {}),
      { method: 'PUT', path: `${NS}/configmaps/a`, body: configMap('a') },
      remove(`${NS}/configmaps/a`),
      remove(`${NS}/configmaps?labelSelector=a=b`),
      get('/api/v1/nodes'),
      patch('/api/v1/nodes/n', {}),
      get('/api/v1/namespaces/$NS'),
      post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: '$NS-x' } }),
      get(`${NS}/pods/p/log`),
      post(`${NS}/pods/p/eviction`, {}),
      post(`${NS}/pods/p/binding`, {}),
      patch(`${APPS}/deployments/web/scale`, {}),
      patch(`${APPS}/deployments/web/status`, {}),
      apply(`${APPS}/deployments/web`, deployment),
      post(`${NS}/serviceaccounts/default/token`, {}),
      get('/apis/coordination.k8s.io/v1/namespaces/$NS/leases/x'),
      get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
      get('/apis/none.example.com/v1/namespaces/$NS/nothings/x'),
      get('/api/v1/namespaces/kube-system/secrets'),
      post('/apis/authentication.k8s.io/v1/tokenreviews', {}),
      post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {}),
      get('/metrics'),
      get('/logs/x'),
    ],
  },
  {
    name: 'everybody may look at what is served and at themselves',
    asked: [
      get('/version'),
      get('/healthz'),
      get('/api'),
      get('/apis'),
      get('/apis/apps/v1'),
      get('/openapi/v3'),
      access({ verb: 'get', resource: 'pods', namespace: '$NS' }),
    ],
  },
  {
    name: 'a right in one namespace is none in another, nor in all',
    rules: [rule([''], ['configmaps'], ['*'])],
    asked: [
      post(`${NS}/configmaps`, configMap('a')),
      get(`${NS}/configmaps`),
      get('/api/v1/configmaps'),
      get('/api/v1/namespaces/default/configmaps'),
      remove(`${NS}/configmaps?labelSelector=none`),
    ],
  },
  {
    name: 'server-side apply of a new object needs create as well',
    rules: [rule([''], ['configmaps'], ['patch'])],
    given: [post(`${NS}/configmaps`, configMap('there'))],
    asked: [apply(`${NS}/configmaps/a`, configMap('a')), apply(`${NS}/configmaps/there`, configMap('there'))],
  },
  {
    name: 'a PUT that would create needs create as well',
    rules: [rule(['coordination.k8s.io'], ['leases'], ['update'])],
    asked: [
      {
        method: 'PUT',
        path: '/apis/coordination.k8s.io/v1/namespaces/$NS/leases/l',
        body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec: {} },
      },
    ],
  },
];

const names: readonly Case[] = [
  {
    name: 'rules for names',
    rules: [
      rule([''], ['configmaps'], ['get', 'list', 'watch', 'patch', 'delete', 'create', 'deletecollection'], ['a']),
    ],
    given: [post(`${NS}/configmaps`, configMap('b'))],
    asked: [
      post(`${NS}/configmaps`, configMap('a')),
      get(`${NS}/configmaps/a`),
      get(`${NS}/configmaps/b`),
      patch(`${NS}/configmaps/b`, {}),
      remove(`${NS}/configmaps/b`),
      get(`${NS}/configmaps`),
      get(`${NS}/configmaps?fieldSelector=metadata.name=a`),
      get(`${NS}/configmaps?fieldSelector=metadata.name=b`),
      get(`${NS}/configmaps?fieldSelector=metadata.name=a&watch=true&timeoutSeconds=1`),
      remove(`${NS}/configmaps?fieldSelector=metadata.name=a`),
      apply(`${NS}/configmaps/a`, configMap('a')),
    ],
  },
  {
    name: 'rules for subresources',
    rules: [rule(['apps'], ['deployments/scale'], ['get', 'patch']), rule([''], ['*/log', 'pods/eviction'], ['*'])],
    given: [post(`${APPS}/deployments`, deployment)],
    asked: [
      get(`${APPS}/deployments/web`),
      get(`${APPS}/deployments/web/scale`),
      patch(`${APPS}/deployments/web/scale`, { spec: { replicas: 0 } }),
      get(`${APPS}/deployments/web/status`),
      get(`${NS}/pods/none/log`),
      post(`${NS}/pods/none/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'none' } }),
    ],
  },
  {
    name: 'rules for all resources of a group, and verbs for all',
    rules: [rule(['apps'], ['*'], ['get', 'list']), rule(['*'], ['configmaps'], ['*'])],
    given: [post(`${APPS}/deployments`, deployment)],
    asked: [
      get(`${APPS}/deployments/web/scale`),
      get(`${APPS}/statefulsets`),
      get('/apis/batch/v1/namespaces/$NS/jobs'),
      get(`${NS}/configmaps`),
      rulesReview,
    ],
  },
  {
    name: 'paths that are no resources',
    clusterRules: [{ nonResourceURLs: ['/metrics', '/debug/*'], verbs: ['get'] }],
    asked: [get('/debug/none'), get('/debug'), get('/metrics/slis'), { method: 'POST', path: '/metrics' }, rulesReview],
  },
];

/** Nobody grants what they do not have. */
const granting: readonly Case[] = [
  {
    name: 'roles with more than one has',
    rules: [
      rule(['rbac.authorization.k8s.io'], ['*'], ['create', 'get', 'patch', 'update']),
      rule([''], ['pods'], ['get', 'list']),
    ],
    given: [
      post(ROLES, role('there', [rule([''], ['secrets'], ['get'])])),
      post(ROLES, role('small', [rule([''], ['pods'], ['get'])])),
    ],
    asked: [
      post(ROLES, role('same', [rule([''], ['pods'], ['get'])])),
      post(ROLES, role('more', [rule([''], ['pods', 'secrets'], ['get', 'delete'], ['x'])])),
      post(ROLES, role('all', [rule(['*'], ['*'], ['*'])])),
      apply(`${ROLES}/more`, role('more', [rule([''], ['pods'], ['*'])])),
      patch(`${ROLES}/there`, { metadata: { labels: { a: 'b' } } }),
      patch(`${ROLES}/there`, { rules: [rule([''], ['secrets'], ['list'])] }),
      post(BINDINGS, binding('small', 'Role', 'small')),
      post(BINDINGS, binding('there', 'Role', 'there')),
      post(BINDINGS, binding('discovery', 'ClusterRole', 'system:discovery')),
      post(BINDINGS, binding('b', 'Role', 'none')),
      apply(`${BINDINGS}/applied`, binding('applied', 'Role', 'there')),
      post(`${RBAC}/clusterroles`, clusterRole('$NS', [{ nonResourceURLs: ['/x'], verbs: ['get'] }])),
    ],
  },
  {
    name: 'escalate',
    rules: [rule(['rbac.authorization.k8s.io'], ['roles'], ['create', 'update', 'escalate', 'patch'])],
    asked: [
      post(ROLES, role('more', [rule([''], ['secrets'], ['*'])])),
      post(BINDINGS, binding('more', 'Role', 'more')),
    ],
  },
  {
    name: 'escalate for one name',
    rules: [
      rule(['rbac.authorization.k8s.io'], ['roles'], ['create', 'patch']),
      rule(['rbac.authorization.k8s.io'], ['roles'], ['escalate'], ['one']),
    ],
    asked: [
      post(ROLES, role('one', [rule([''], ['secrets'], ['get'])])),
      post(ROLES, role('two', [rule([''], ['secrets'], ['get'])])),
    ],
  },
  {
    name: 'bind',
    rules: [
      rule(['rbac.authorization.k8s.io'], ['rolebindings'], ['create', 'update', 'patch']),
      rule(['rbac.authorization.k8s.io'], ['clusterroles'], ['bind'], ['system:discovery']),
    ],
    asked: [
      post(BINDINGS, binding('b', 'ClusterRole', 'system:discovery')),
      post(BINDINGS, binding('admin', 'ClusterRole', 'cluster-admin')),
      { method: 'PUT', path: `${BINDINGS}/b`, body: binding('b', 'ClusterRole', 'cluster-admin') },
      patch(`${BINDINGS}/b`, { subjects: [] }),
    ],
  },
  {
    name: 'a role that gathers others is what these are',
    clusterRules: [rule(['rbac.authorization.k8s.io'], ['clusterroles'], ['get', 'create'])],
    given: [
      post(
        `${RBAC}/clusterroles`,
        clusterRole('$NS-part', [rule([''], ['secrets'], ['get'])], {
          metadata: { name: '$NS-part', labels: { into: '$NS' } },
        }),
      ),
      post(`${RBAC}/clusterroles`, {
        ...clusterRole('$NS-whole', []),
        aggregationRule: {
          clusterRoleSelectors: [{ matchExpressions: [{ key: 'into', operator: 'In', values: ['$NS'] }] }],
        },
      }),
      post(BINDINGS, {
        ...binding('whole', 'ClusterRole', '$NS-whole'),
        subjects: [{ kind: 'ServiceAccount', name: 'asker', namespace: '$NS' }],
      }),
    ],
    asked: [
      { ...get(`${RBAC}/clusterroles/$NS-whole`), look: ({ rules }) => rules ?? null },
      get(`${NS}/secrets/none`),
      access({ verb: 'get', resource: 'secrets', namespace: '$NS' }),
      post(`${RBAC}/clusterroles`, {
        ...clusterRole('$NS-gather', []),
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { into: '$NS' } }] },
      }),
    ],
  },
];

/** Acting for others. */
const impersonating: readonly Case[] = [
  {
    name: 'without the right',
    asked: [
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'ann' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'system:serviceaccount:$NS:default' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-Group': 'g' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'ann', 'Impersonate-Group': 'system:masters' } },
    ],
  },
  {
    name: 'users but not groups',
    clusterRules: [rule([''], ['users'], ['impersonate'], ['ann'])],
    asked: [
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'ann' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'bob' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'ann', 'Impersonate-Group': 'system:masters' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'ann', 'Impersonate-Uid': '7' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'ann', 'Impersonate-Extra-Scopes': 'view' } },
    ],
  },
  {
    name: 'service accounts of a namespace',
    rules: [rule([''], ['serviceaccounts'], ['impersonate'], ['default'])],
    asked: [
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'system:serviceaccount:$NS:default' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'system:serviceaccount:$NS:other' } },
      { ...get(`${NS}/pods`), headers: { 'Impersonate-User': 'system:serviceaccount:default:default' } },
    ],
  },
];

/** Groups of accounts, and rules reviews. */
const accounts: readonly Case[] = [
  {
    name: 'a right of all accounts of the namespace',
    given: [
      post(ROLES, role('all', [rule([''], ['pods'], ['list'])])),
      post(BINDINGS, {
        ...binding('all', 'Role', 'all'),
        subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:serviceaccounts:$NS' }],
      }),
    ],
    asked: [get(`${NS}/pods`), get(`${NS}/secrets`), rulesReview],
  },
];

export const CASES: readonly Case[] = [...verbs, ...names, ...granting, ...impersonating, ...accounts];
