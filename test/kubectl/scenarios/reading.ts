import type { Scenario } from '../types.ts';
import { OBJECTS, workload } from './manifests.ts';

const READY = /web-\S+ +1\/1 +Running[\s\S]*web-\S+ +1\/1 +Running/;

/** Every output of `get`, every selector. */
export const reading: Scenario = {
  name: 'reading',
  files: {
    'all.yaml': `${OBJECTS}---${workload('Deployment', 'web')}`,
    'columns.txt': 'N       IMG\n.metadata.name .spec.template.spec.containers[0].image\n',
  },
  steps: [
    { name: 'apply', args: 'apply -f all.yaml' },
    { name: 'pods', args: 'get pods', until: READY, sorted: true },
    { name: 'pods wide', args: 'get pods -o wide', sorted: true },
    { name: 'labels', args: 'get pods --show-labels --no-headers', sorted: true },
    { name: 'label columns', args: 'get deploy -L app,tier' },
    {
      name: 'each kind',
      args: 'get deploy,rs,cm,secret,sa,svc,ep,endpointslice,ing,pdb,quota,limits,role,rolebinding,netpol,cronjob,pvc,hpa,lease',
      sorted: true,
      until: /endpoints\/web +\S+:8080,[\s\S]*pods: 2\/20/,
    },
    {
      name: 'each kind wide',
      args: 'get deploy,rs,cm,secret,sa,svc,ep,endpointslice,ing,pdb,quota,limits,role,rolebinding,netpol,cronjob,pvc,hpa,lease -o wide',
      sorted: true,
    },
    { name: 'all', args: 'get all', sorted: true },
    { name: 'all namespaces', args: 'get cm -A', only: /NAMESPACE|\$NS/ },
    { name: 'name', args: 'get deploy,svc,cm -o name' },
    { name: 'json', args: 'get service web -o json' },
    { name: 'yaml', args: 'get configmap settings -o yaml' },
    { name: 'yaml of a deployment', args: 'get deployment web -o yaml' },
    { name: 'yaml of a job template', args: 'get cronjob nightly -o yaml' },
    {
      name: 'yaml of several',
      args: 'get role,rolebinding,limits,pdb,netpol,ing -o yaml',
      cut: (text) => text.replace(/ +status:\n(?: {6,}.*\n)*/g, ''),
    },
    { name: 'managed fields', args: 'get configmap settings -o yaml --show-managed-fields' },
    { name: 'jsonpath', args: `get cm settings -o jsonpath='{.data.mode}{"\\n"}'` },
    { name: 'jsonpath range', args: `get svc,cm -o jsonpath='{range .items[*]}{.kind}/{.metadata.name}{"\\n"}{end}'` },
    { name: 'jsonpath file', args: 'get cm settings -o jsonpath={.data.none}' },
    { name: 'go-template', args: `get deploy web -o go-template='{{.metadata.name}} {{.spec.replicas}}{{"\\n"}}'` },
    {
      name: 'custom columns',
      args: 'get deploy -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image',
    },
    { name: 'custom columns file', args: 'get deploy -o custom-columns-file=columns.txt' },
    { name: 'sort', args: 'get cm,svc --sort-by=.metadata.name -o name' },
    { name: 'sort table', args: 'get cm --sort-by={.metadata.name}' },
    { name: 'selector', args: 'get all -l app=web -o name', sorted: true },
    { name: 'selector sets', args: "get cm,deploy -l 'tier in (front,back),app' -o name" },
    { name: 'selector not', args: "get cm,deploy -l '!app' -o name" },
    { name: 'bad selector', args: "get cm -l 'a in b'" },
    { name: 'field selector', args: 'get cm --field-selector metadata.name=settings -o name' },
    {
      name: 'field selector pods',
      args: 'get pods --field-selector status.phase=Running,spec.restartPolicy=Always -o name',
      sorted: true,
    },
    { name: 'bad field selector', args: 'get pods --field-selector spec.none=1' },
    { name: 'chunks', args: 'get cm,role --chunk-size=1 -o name' },
    { name: 'ignore not found', args: 'get cm none --ignore-not-found' },
    { name: 'two, one missing', args: 'get cm settings none' },
    { name: 'no resources', args: 'get ds' },
    { name: 'no such kind', args: 'get nothings' },
    { name: 'short names', args: 'get deploy/web svc/web cm/settings -o name' },
    { name: 'full names', args: 'get deployments.v1.apps,services. -o name' },
    {
      name: 'raw',
      args: 'get --raw /api/v1/namespaces/$NS/services/web',
      cut: (text) =>
        Object.keys(JSON.parse(text) as object)
          .sort()
          .join(' '),
    },
    { name: 'raw health', args: 'get --raw /readyz' },
    { name: 'raw missing', args: 'get --raw /apis/none/v1' },
    { name: 'subresource', args: 'get deployment web --subresource=scale' },
    { name: 'subresource status', args: 'get deployment web --subresource=status -o jsonpath={.status.replicas}' },
    { name: 'cluster-wide', args: 'get priorityclass $NS' },
    { name: 'namespaces', args: 'get ns $NS default --show-labels' },
    {
      name: 'nodes',
      args: 'get nodes -o name',
      only: /^node\/(\S+-)?node-\d$/,
      cut: (text) => (text === '' ? '' : 'some'),
    },
    { name: 'kinds by category', args: 'get all -o name -l tier=front', sorted: true },
    { name: 'delete', args: 'delete priorityclass $NS' },
  ],
};

/** Streams of `get`. */
export const watching: Scenario = {
  name: 'watching',
  steps: [
    { name: 'start', args: 'create configmap a', silent: true },
    {
      name: 'watch',
      args: 'get cm a -w',
      stream: { meanwhile: `patch cm a -p '{"data":{"x":"1"}}'` },
      until: /^a +1 /m,
    },
    {
      name: 'watch name',
      args: 'get cm a -w -o name',
      stream: { meanwhile: 'label cm a x=y' },
      until: /a\n[\s\S]*a\n/,
    },
    {
      name: 'watch only',
      args: 'get cm -l fresh --watch-only --output-watch-events',
      stream: { begun: /^/, meanwhile: 'create configmap late' },
      until: /^/,
    },
    {
      name: 'watch events',
      args: 'get cm a -w --output-watch-events',
      stream: { meanwhile: 'delete cm a' },
      until: /DELETED/,
    },
    {
      name: 'watch json',
      args: `get cm late -w -o jsonpath='{.metadata.name} {.data.k}{"\\n"}'`,
      stream: { meanwhile: `patch cm late -p '{"data":{"k":"v"}}'` },
      until: /late v/,
    },
    { name: 'watch ends', args: 'get cm late -w --request-timeout=2s', only: /late|NAME/ },
  ],
};
