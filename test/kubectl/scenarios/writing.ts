import type { Scenario } from '../types.ts';
import { CONFIG, CRD, gadget, workload } from './manifests.ts';

const WEB = workload('Deployment', 'web');
const map = (name: string, value: string) => `
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, labels: { set: $NS } }
data: { v: "${value}" }
`;

/** `apply` in all its ways, `diff`, `replace`, `edit`. */
export const applying: Scenario = {
  name: 'applying',
  files: {
    'both.yaml': `${map('a', '1')}---${map('b', '1')}`,
    'one.yaml': map('a', '2'),
    'folder/x.yaml': map('x', '1'),
    'folder/y.json': '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"y"},"data":{"v":"1"}}',
    'kustom/kustomization.yaml': 'resources: [ m.yaml ]\nnamePrefix: k-\ncommonAnnotations: { by: kustomize }\n',
    'kustom/m.yaml': map('m', '1'),
  },
  steps: [
    { name: 'create', args: 'apply -f -', input: WEB },
    { name: 'unchanged', args: 'apply -f -', input: WEB },
    { name: 'configured', args: 'apply -f -', input: WEB.replace('web:1', 'web:2') },
    { name: 'image', args: 'get deploy web -o jsonpath={.spec.template.spec.containers[0].image}' },
    { name: 'unknown field', args: 'apply -f -', input: WEB.replace('replicas: 2', 'replicaz: 2') },
    {
      name: 'unknown field warned',
      args: 'apply --validate=warn -f -',
      input: WEB.replace('tier: front } }', 'tier: front } }\nextra: 1'),
    },
    { name: 'wrong type', args: 'apply -f -', input: WEB.replace('replicas: 2', 'replicas: two') },
    {
      name: 'immutable',
      args: 'apply -f -',
      input: WEB.replace('matchLabels: { app: web }', 'matchLabels: { app: other }').replace(
        'labels: { app: web } }\n    spec',
        'labels: { app: other } }\n    spec',
      ),
    },
    { name: 'missing namespace', args: 'apply -n $NS-none -f -', input: CONFIG },
    { name: 'dry run server', args: 'apply --dry-run=server -f -', input: WEB.replace('replicas: 2', 'replicas: 9') },
    { name: 'dry run client', args: 'apply --dry-run=client -f -', input: WEB.replace('replicas: 2', 'replicas: 9') },
    { name: 'still two', args: 'get deploy web -o jsonpath={.spec.replicas}' },
    {
      name: 'diff',
      args: 'diff -f -',
      input: WEB.replace('replicas: 2', 'replicas: 9').replace('web:1', 'web:2'),
      only: /^[-+] /,
    },
    { name: 'diff equal', args: 'diff -f -', input: WEB.replace('web:1', 'web:2') },
    { name: 'diff new', args: 'diff -f one.yaml', only: /^[-+] / },
    {
      name: 'diff server-side',
      args: 'diff --server-side --field-manager=other --force-conflicts -f -',
      input: WEB,
      only: /^[-+] .*(image|replicas)/,
    },
    { name: 'folder', args: 'apply -f folder' },
    { name: 'recursive', args: 'apply -R -f .' },
    { name: 'kustomize', args: 'apply -k kustom' },
    { name: 'kustomize printed', args: 'kustomize kustom' },
    { name: 'view last applied', args: 'apply view-last-applied cm a' },
    { name: 'set last applied', args: 'apply set-last-applied -f one.yaml' },
    { name: 'prune with allowlist', args: 'apply --prune -l set=$NS --prune-allowlist=core/v1/ConfigMap -f one.yaml' },
    { name: 'pruned', args: 'get cm -l set=$NS -o name' },
    { name: 'prune all', args: 'apply --prune --all -f both.yaml --dry-run=server' },
    { name: 'prune without selector', args: 'apply --prune -f both.yaml' },
    {
      name: 'applyset',
      args: 'apply --server-side --prune -n $NS --applyset=configmaps/set -f both.yaml',
      env: { KUBECTL_APPLYSET: 'true' },
    },
    {
      name: 'applyset again',
      args: 'apply --server-side --force-conflicts --prune -n $NS --applyset=configmaps/set -f both.yaml',
      env: { KUBECTL_APPLYSET: 'true' },
    },
    {
      name: 'applyset prunes',
      args: 'apply --server-side --force-conflicts --prune -n $NS --applyset=configmaps/set -f one.yaml',
      env: { KUBECTL_APPLYSET: 'true' },
    },
    { name: 'applyset pruned', args: 'get cm -l applyset.kubernetes.io/part-of -o name' },
    {
      name: 'applyset remembers',
      args: `get cm set -o jsonpath='{.metadata.annotations}'`,
      cut: (text) => text.replace(/kubectl\/v[\d.]+/, 'kubectl/VERSION'),
    },
    { name: 'server-side', args: 'apply --server-side -f -', input: CONFIG },
    {
      name: 'server-side conflict',
      args: 'apply --server-side --field-manager=other -f -',
      input: CONFIG.replace('fast', 'slow'),
    },
    {
      name: 'server-side forced',
      args: 'apply --server-side --field-manager=other --force-conflicts -f -',
      input: CONFIG.replace('fast', 'slow'),
    },
    {
      name: 'owners',
      args: `get cm settings --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\\n"}{end}'`,
    },
    { name: 'migration', args: 'apply --server-side -f -', input: WEB.replace('web:1', 'web:2') },
    {
      name: 'migrated',
      args: `get deploy web --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.subresource}{"\\n"}{end}'`,
      sorted: true,
    },
    { name: 'replace', args: 'replace -f one.yaml' },
    { name: 'replace missing', args: 'replace -f -', input: map('missing', '1') },
    { name: 'replace force', args: 'replace --force -f one.yaml' },
    { name: 'edit', args: 'edit cm a', env: { KUBE_EDITOR: 'sed -i \'s/v: "2"/v: edited/\'' } },
    { name: 'edited', args: 'get cm a -o jsonpath={.data.v}' },
    { name: 'edit nothing', args: 'edit cm a', env: { KUBE_EDITOR: 'true' } },
    {
      name: 'edit invalid',
      args: 'edit deploy web',
      env: { KUBE_EDITOR: "sed -i 's/replicas: 2/replicas: -2/'" },
      cut: (text) => text,
    },
    { name: 'create exists', args: 'create -f one.yaml' },
    { name: 'create save config', args: 'create --save-config -f -', input: map('saved', '1') },
    {
      name: 'create generated',
      args: 'create -f - -o jsonpath={.metadata.generateName}',
      input: map('a', '1').replace('name: a', 'generateName: gen-'),
    },
    { name: 'create several', args: 'create -f -', input: `${map('s1', '1')}---${map('s2', '1')}` },
    { name: 'bad yaml', args: 'apply -f -', input: 'a: [' },
    { name: 'no kind', args: 'apply -f -', input: 'a: b' },
    {
      name: 'unknown kind',
      args: 'apply -f -',
      input: 'apiVersion: none.example.com/v1\nkind: None\nmetadata: { name: x }\n',
    },
  ],
};

/** Small changes of what is there. */
export const changing: Scenario = {
  name: 'changing',
  files: { 'web.yaml': WEB, 'patch.yaml': 'spec:\n  paused: true\n' },
  steps: [
    { name: 'start', args: 'apply -f web.yaml', silent: true },
    {
      name: 'patch strategic',
      args: `patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"example.invalid/side:1"}]}}}}'`,
    },
    { name: 'containers', args: 'get deploy web -o jsonpath={.spec.template.spec.containers[*].name}' },
    {
      name: 'patch delete',
      args: `patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","$patch":"delete"}]}}}}'`,
    },
    { name: 'patch merge', args: `patch deploy web --type=merge -p '{"metadata":{"labels":{"x":"y","tier":null}}}'` },
    {
      name: 'patch json',
      args: `patch deploy web --type=json -p '[{"op":"test","path":"/metadata/labels/x","value":"y"},{"op":"replace","path":"/spec/replicas","value":1}]'`,
    },
    {
      name: 'patch json test fails',
      args: `patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":7}]'`,
    },
    { name: 'patch json missing', args: `patch deploy web --type=json -p '[{"op":"remove","path":"/spec/none"}]'` },
    { name: 'patch nothing', args: `patch deploy web -p '{}'` },
    { name: 'patch invalid', args: `patch deploy web -p '{"spec":{"replicas":-1}}'` },
    { name: 'patch file', args: 'patch deploy web --patch-file=patch.yaml' },
    {
      name: 'patch status',
      args: `patch deploy web --subresource=status --type=merge -p '{"status":{"collisionCount":3}}'`,
    },
    { name: 'patch scale', args: `patch deploy web --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'` },
    {
      name: 'patch dry run',
      args: `patch deploy web --dry-run=server -p '{"spec":{"replicas":8}}' -o jsonpath={.spec.replicas}`,
    },
    { name: 'scale', args: 'scale deploy/web --replicas=3' },
    { name: 'scale precondition', args: 'scale deploy/web --replicas=4 --current-replicas=9' },
    { name: 'scale missing', args: 'scale deploy/none --replicas=4' },
    { name: 'scale what cannot be', args: 'scale cm/kube-root-ca.crt --replicas=4' },
    { name: 'label', args: 'label deploy web a=b' },
    { name: 'label taken', args: 'label deploy web a=c' },
    { name: 'label overwrite', args: 'label --overwrite deploy web a=c' },
    { name: 'label equal', args: 'label --overwrite deploy web a=c' },
    { name: 'label off', args: 'label deploy web a-' },
    { name: 'label all', args: 'label deploy --all d=e' },
    { name: 'label list', args: 'label deploy web --list', sorted: true },
    { name: 'label invalid', args: "label deploy web 'a=b c'" },
    { name: 'annotate', args: 'annotate deploy web a=b' },
    { name: 'annotate off', args: 'annotate deploy web a-' },
    { name: 'annotate by selector', args: 'annotate deploy -l app=web k=v' },
    { name: 'set image', args: 'set image deploy/web c=example.invalid/web:9' },
    { name: 'set image all', args: "set image deploy/web '*=example.invalid/web:10'" },
    { name: 'set image unknown', args: 'set image deploy/web none=example.invalid/web:9' },
    { name: 'set env', args: 'set env deploy/web A=1 B=2' },
    { name: 'set env off', args: 'set env deploy/web B-' },
    { name: 'set env from', args: 'set env deploy/web --from=configmap/none' },
    { name: 'set env list', args: 'set env deploy/web --list' },
    { name: 'set resources', args: 'set resources deploy/web --requests=cpu=10m,memory=16Mi --limits=memory=32Mi' },
    { name: 'set selector', args: 'create service clusterip s --tcp=80' },
    { name: 'set selector now', args: "set selector service s 'app=web'" },
    { name: 'set serviceaccount', args: 'set serviceaccount deploy/web default' },
    { name: 'set subject', args: 'create rolebinding rb --clusterrole=view --user=ann' },
    { name: 'set subject now', args: 'set subject rolebinding rb --serviceaccount=$NS:default' },
    { name: 'subjects', args: 'get rolebinding rb -o wide' },
    { name: 'result', args: 'get deploy web -o jsonpath={.spec.template.spec.containers}' },
    { name: 'expose', args: 'expose deploy web --name=exposed --port=81 --type=NodePort' },
    { name: 'run', args: 'run solo --image=example.invalid/solo:1 --labels=app=solo --env=A=b --port=8080' },
    { name: 'run again', args: 'run solo --image=example.invalid/solo:1' },
    { name: 'run with expose', args: 'run shown --image=example.invalid/x:1 --port=80 --expose' },
    { name: 'run dry', args: 'run dry --image=example.invalid/x:1 --dry-run=client -o yaml' },
    { name: 'autoscale', args: 'autoscale deploy web --min=2 --max=5 --cpu-percent=50' },
    { name: 'autoscaled', args: 'get hpa web -o jsonpath={.spec}' },
    {
      name: 'reconcile',
      args: 'auth reconcile -f -',
      input:
        'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: rr, namespace: $NS }\nrules: [ { apiGroups: [ "" ], resources: [ pods ], verbs: [ get ] } ]\n',
    },
  ],
};

/** Custom resources, from definition to removal. */
export const custom: Scenario = {
  name: 'custom',
  core: true,
  steps: [
    { name: 'define', args: 'apply -f -', input: CRD },
    { name: 'established', args: 'wait --for=condition=Established crd/gadgets.$NS.example.com --timeout=60s' },
    { name: 'apply', args: 'apply -f -', input: gadget('big') },
    { name: 'apply server-side', args: 'apply --server-side --force-conflicts -f -', input: gadget('small') },
    { name: 'not valid', args: 'apply -f -', input: gadget('huge') },
    { name: 'get', args: 'get gadgets.$NS.example.com' },
    { name: 'get wide', args: 'get gadgets.$NS.example.com one -o wide' },
    { name: 'get yaml', args: 'get gadgets.$NS.example.com one -o yaml' },
    { name: 'describe', args: 'describe gadgets.$NS.example.com one' },
    { name: 'explain', args: 'explain gadgets.spec.size --api-version=$NS.example.com/v1' },
    { name: 'explain all', args: 'explain gadgets --recursive --api-version=$NS.example.com/v1' },
    { name: 'patch', args: `patch gadgets.$NS.example.com one --type=merge -p '{"spec":{"parts":[{"name":"a"}]}}'` },
    { name: 'patch strategic', args: `patch gadgets.$NS.example.com one -p '{"spec":{"count":2}}'` },
    { name: 'scale', args: 'scale gadgets.$NS.example.com one --replicas=4' },
    { name: 'label', args: 'label gadgets.$NS.example.com one a=b' },
    { name: 'wait jsonpath', args: 'wait gadgets.$NS.example.com/one --for=jsonpath={.spec.count}=4 --timeout=30s' },
    { name: 'api resources', args: 'api-resources --api-group=$NS.example.com' },
    { name: 'delete', args: 'delete gadgets.$NS.example.com one' },
    { name: 'undefine', args: 'delete crd gadgets.$NS.example.com' },
    { name: 'gone', args: 'get crd gadgets.$NS.example.com' },
  ],
};
