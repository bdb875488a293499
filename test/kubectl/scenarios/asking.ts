import type { Scenario } from '../types.ts';

const ROLE = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: some }
rules:
  - { apiGroups: [ "" ], resources: [ configmaps ], verbs: [ get, list, update ], resourceNames: [ one ] }
  - { apiGroups: [ apps ], resources: [ deployments, deployments/scale ], verbs: [ "*" ] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: some }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: some }
subjects: [ { kind: User, name: $NS-ann } ]
`;

/** What the server is and serves, and who may do what. */
export const asking: Scenario = {
  name: 'asking',
  steps: [
    { name: 'version', args: 'version', only: /^Server/, cut: (text) => text.replace(/v1\.\d+\.\d+/, 'v1.N') },
    { name: 'cluster info', args: 'cluster-info' },
    {
      name: 'api versions',
      args: 'api-versions',
      only: /^(v1|apps|batch|autoscaling|policy|rbac|networking|coordination|events|discovery|storage|scheduling|certificates|authentication|authorization|apiextensions|admissionregistration)/,
    },
    {
      name: 'api resources',
      args: 'api-resources --no-headers',
      sorted: true,
      only: /^(\S+ +)(\S+ +)?(v1|apps|batch|autoscaling|policy|rbac|networking|coordination|events|discovery|scheduling|certificates|authentication|authorization|apiextensions)/,
    },
    { name: 'api resources wide', args: 'api-resources --api-group=apps -o wide' },
    {
      name: 'api resources names',
      args: 'api-resources --namespaced=false --api-group=rbac.authorization.k8s.io -o name',
    },
    { name: 'api resources verbs', args: 'api-resources --verbs=patch --api-group=batch -o name', sorted: true },
    { name: 'explain', args: 'explain pod' },
    { name: 'explain field', args: 'explain deployment.spec.strategy.rollingUpdate' },
    { name: 'explain recursive', args: 'explain hpa.spec --recursive' },
    { name: 'explain version', args: 'explain hpa.spec --api-version=autoscaling/v1' },
    { name: 'explain unknown', args: 'explain pod.none' },
    { name: 'explain unknown kind', args: 'explain nothing' },
    { name: 'config view', args: 'config view' },
    { name: 'current context', args: 'config current-context' },
    { name: 'contexts', args: 'config get-contexts' },
    { name: 'whoami', args: 'auth whoami -o jsonpath={.status.userInfo.groups}' },
    { name: 'whoami as', args: 'auth whoami --as=$NS-ann --as-group=a --as-group=b' },
    { name: 'can-i', args: 'auth can-i create pods' },
    { name: 'can-i star', args: "auth can-i '*' '*' --all-namespaces" },
    { name: 'can-i list', args: 'auth can-i --list', sorted: true, only: /\*/ },
    { name: 'roles', args: 'apply -f -', input: ROLE },
    { name: 'ann may', args: 'auth can-i get configmap/one --as=$NS-ann' },
    { name: 'ann may not', args: 'auth can-i get configmap/two --as=$NS-ann' },
    { name: 'ann may scale', args: 'auth can-i update deployments --subresource=scale --as=$NS-ann' },
    { name: 'ann list', args: 'auth can-i --list --as=$NS-ann', sorted: true },
    { name: 'ann path', args: 'auth can-i get /metrics --as=$NS-ann' },
    { name: 'unknown kind', args: 'auth can-i get nothings --as=$NS-ann' },
    { name: 'ann reads', args: 'get cm two --as=$NS-ann' },
    { name: 'ann lists', args: 'get secrets --as=$NS-ann' },
    { name: 'ann lists all', args: 'get pods -A --as=$NS-ann' },
    { name: 'ann deletes', args: 'delete pod x --as=$NS-ann' },
    { name: 'ann creates', args: 'create cm three --as=$NS-ann' },
    { name: 'ann namespaces', args: 'create ns $NS-ann --as=$NS-ann' },
    { name: 'ann patches', args: `patch svc x -p '{}' --as=$NS-ann` },
    { name: 'ann impersonates', args: 'get cm --as=$NS-ann --as-group=system:authenticated' },
    { name: 'ann binds', args: 'create rolebinding more --clusterrole=edit --user=$NS-ann --as=$NS-ann' },
    { name: 'top', args: 'top pods' },
    { name: 'top nodes', args: 'top nodes' },
    {
      name: 'token',
      args: 'create token default --audience=x --duration=10m',
      cut: (text) => text.split('.').length.toString(),
    },
    { name: 'token missing', args: 'create token none' },
    { name: 'token short', args: 'create token default --duration=1m' },
    { name: 'options', args: 'get cm --request-timeout=10s -o name --warnings-as-errors' },
    { name: 'certificate', args: 'certificate approve $NS-none' },
    { name: 'cluster info dump', args: 'cluster-info dump --namespaces=$NS -o name', only: /rror/ },
  ],
};
