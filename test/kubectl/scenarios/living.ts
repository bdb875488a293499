import type { Scenario } from '../types.ts';
import { OBJECTS, workload } from './manifests.ts';

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';
/** What a node's agent says differs between kwok and a kubelet. */
const noEvents = (text: string) => text.replace(/^Events:[\s\S]*$/m, '');
/** A quota counts in its own time. */
const uncounted = (text: string) => text.replace(/^( *(?:configmaps|pods) +)\d+/gm, '$1N');
const podText = (text: string) =>
  noEvents(text)
    .replace(/^ +(Container|Image) ID:.*\n/gm, '')
    .replace(/^Conditions:\n(?: .*\n)*/m, '');
const JOB = `
apiVersion: batch/v1
kind: Job
metadata: { name: once }
spec: { template: { spec: { restartPolicy: Never, containers: [ { name: c, image: "example.invalid/job:1" } ] } } }
`;

/** Rollouts and waiting. */
export const rolling: Scenario = {
  name: 'rolling',
  files: {
    'web.yaml': workload('Deployment', 'web'),
    'db.yaml': workload('StatefulSet', 'db'),
    'each.yaml': workload('DaemonSet', 'each'),
    'job.yaml': JOB,
  },
  steps: [
    { name: 'start', args: 'apply -f web.yaml -f db.yaml -f each.yaml' },
    { name: 'status', args: 'rollout status deploy/web --timeout=90s', cut: lastLine },
    { name: 'status of a stateful set', args: 'rollout status sts/db --timeout=90s', cut: lastLine },
    { name: 'status of a daemon set', args: 'rollout status ds/each --timeout=90s', cut: lastLine },
    { name: 'status no wait', args: 'rollout status deploy/web --watch=false' },
    { name: 'change', args: 'set image deploy/web c=example.invalid/web:2', silent: true },
    { name: 'changed', args: 'rollout status deploy/web --timeout=90s', cut: lastLine },
    { name: 'cause', args: 'annotate deploy web kubernetes.io/change-cause=second', silent: true },
    { name: 'history', args: 'rollout history deploy/web', until: /second/ },
    { name: 'history of one', args: 'rollout history deploy/web --revision=1' },
    { name: 'undo', args: 'rollout undo deploy/web' },
    { name: 'undone', args: 'get deploy web -o jsonpath={.spec.template.spec.containers[0].image}' },
    { name: 'undo to', args: 'rollout undo deploy/web --to-revision=2', until: /rolled back/ },
    { name: 'undo to none', args: 'rollout undo deploy/web --to-revision=99' },
    { name: 'undo dry run', args: 'rollout undo deploy/web --dry-run=server' },
    { name: 'pause', args: 'rollout pause deploy/web' },
    { name: 'pause again', args: 'rollout pause deploy/web' },
    { name: 'undo when paused', args: 'rollout undo deploy/web' },
    { name: 'restart when paused', args: 'rollout restart deploy/web' },
    { name: 'resume', args: 'rollout resume deploy/web' },
    { name: 'restart', args: 'rollout restart deploy/web' },
    { name: 'restarted', args: 'rollout status deploy/web --timeout=90s', cut: lastLine },
    { name: 'restart others', args: 'rollout restart sts/db ds/each' },
    { name: 'stateful set restarted', args: 'rollout status sts/db --timeout=90s', cut: lastLine },
    { name: 'stateful set history', args: 'rollout history sts/db' },
    { name: 'daemon set history', args: 'rollout history ds/each', until: /2 / },
    { name: 'stateful set undo', args: 'rollout undo sts/db' },
    { name: 'job', args: 'create -f job.yaml' },
    { name: 'wait for a job', args: 'wait job/once --for=condition=Complete --timeout=90s' },
    { name: 'jobs', args: 'get job once -o wide' },
    { name: 'wait condition', args: 'wait deploy/web --for=condition=Available=True --timeout=90s' },
    { name: 'wait jsonpath', args: "wait deploy/web --for=jsonpath='{.status.readyReplicas}'=2 --timeout=90s" },
    { name: 'wait pods', args: 'wait pod -l app=web --for=condition=Ready --timeout=90s', sorted: true },
    { name: 'wait timeout', args: 'wait deploy/web --for=condition=None --timeout=1s' },
    { name: 'wait none', args: 'wait deploy/none --for=condition=Available --timeout=5s' },
    { name: 'wait selector none', args: 'wait pod -l app=none --for=condition=Ready --timeout=1s' },
    { name: 'delete with foreground', args: 'delete deploy web --cascade=foreground --wait=false' },
    { name: 'wait delete', args: 'wait deploy/web --for=delete --timeout=90s', cut: () => '' },
    { name: 'gone', args: 'get deploy,rs,pods -l app=web -o name' },
  ],
};

/** `describe` of each kind, and `events`. */
export const describing: Scenario = {
  name: 'describing',
  files: {
    'all.yaml': OBJECTS,
    'loads.yaml': [
      workload('Deployment', 'web'),
      workload('StatefulSet', 'db'),
      workload('DaemonSet', 'each'),
      JOB,
    ].join('---'),
  },
  steps: [
    { name: 'start', args: 'apply -f all.yaml', silent: true },
    { name: 'loads', args: 'apply -f loads.yaml', silent: true },
    { name: 'ready', args: 'rollout status deploy/web --timeout=90s', silent: true },
    { name: 'ready too', args: 'rollout status sts/db --timeout=90s', silent: true },
    { name: 'done', args: 'wait job/once --for=condition=Complete --timeout=90s', silent: true },
    { name: 'deployment', args: 'describe deploy web', until: /NewReplicaSetAvailable[\s\S]*Scaled up/ },
    { name: 'replica set', args: 'describe rs -l app=web', cut: (text) => noEvents(text) },
    { name: 'stateful set', args: 'describe sts db', until: /db-1 in Stateful/ },
    { name: 'daemon set', args: 'describe ds each', cut: noEvents },
    {
      name: 'job',
      args: 'describe job once',
      until: /Completed/,
      cut: (text) => text.replace(/^(Start Time|Completed At|Duration):.*$/gm, '$1: …'),
    },
    { name: 'cron job', args: 'describe cronjob nightly' },
    { name: 'pod', args: 'describe pod db-0', cut: podText },
    {
      name: 'service',
      args: 'describe svc web',
      cut: (text) => text.replace(/^(Endpoints|.*TargetPort):.*$/gm, '$1: …'),
    },
    { name: 'small config map', args: 'create cm small --from-literal=mode=fast', silent: true },
    { name: 'config map', args: 'describe cm small' },
    { name: 'secret', args: 'describe secret password' },
    { name: 'service account', args: 'describe sa robot' },
    { name: 'quota', args: 'describe quota caps', cut: uncounted },
    { name: 'limit range', args: 'describe limits sizes', sorted: true },
    { name: 'role', args: 'describe role reader' },
    { name: 'role binding', args: 'describe rolebinding reader' },
    { name: 'ingress', args: 'describe ing web', cut: (text) => text.replace(/\(.*\)/g, '(…)') },
    { name: 'network policy', args: 'describe netpol closed' },
    { name: 'pdb', args: 'describe pdb web', cut: noEvents },
    { name: 'claim', args: 'describe pvc disk', cut: noEvents },
    {
      name: 'autoscaler',
      args: 'describe hpa web',
      cut: (text) => text.replace(/^(Conditions|Events|Metrics|Deployment pods):[\s\S]*$/m, ''),
    },
    {
      name: 'namespace',
      args: 'describe ns $NS',
      cut: (text) => uncounted(text.replace(/^Resource Limits[\s\S]*$/m, '')),
    },
    { name: 'priority class', args: 'describe priorityclass $NS' },
    { name: 'lease', args: 'describe lease held' },
    { name: 'by selector', args: 'describe sa,secret -l app=web' },
    { name: 'missing', args: 'describe pod none' },
    { name: 'events of one', args: 'events --for deploy/web' },
    { name: 'events by type', args: 'events --types=Normal --for sts/db', sorted: true },
    {
      name: 'events as objects',
      args: 'get events --field-selector involvedObject.kind=Deployment,involvedObject.name=web -o jsonpath=\'{range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}\'',
    },
    { name: 'events none', args: 'events --for cm/settings' },
    { name: 'end', args: 'delete priorityclass $NS', silent: true },
  ],
};

/** `delete` in its ways. */
export const deleting: Scenario = {
  name: 'deleting',
  files: {
    'web.yaml': workload('Deployment', 'web'),
    'cms.yaml': ['a', 'b', 'c']
      .map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, labels: { app: cms } }\n`)
      .join('---\n'),
  },
  steps: [
    { name: 'start', args: 'apply -f web.yaml -f cms.yaml', silent: true },
    { name: 'ready', args: 'rollout status deploy/web --timeout=90s', silent: true },
    { name: 'one', args: 'delete cm a' },
    { name: 'missing', args: 'delete cm a' },
    { name: 'ignored', args: 'delete cm a --ignore-not-found' },
    { name: 'dry run', args: 'delete cm b --dry-run=server' },
    { name: 'by selector', args: 'delete cm -l app=cms' },
    { name: 'file missing', args: 'delete -f cms.yaml' },
    { name: 'orphan', args: 'delete deploy web --cascade=orphan' },
    {
      name: 'orphans stay',
      args: 'get rs,pods -l app=web --no-headers -o custom-columns=K:.kind,O:.metadata.ownerReferences[*].kind',
      sorted: true,
      until: /ReplicaSet +<none>/,
    },
    { name: 'adopted', args: 'apply -f web.yaml' },
    {
      name: 'adopted now',
      args: 'get rs -l app=web --no-headers -o custom-columns=K:.kind,O:.metadata.ownerReferences[*].kind',
      until: /Deployment/,
    },
    { name: 'foreground', args: 'delete deploy web --cascade=foreground' },
    { name: 'nothing left', args: 'get rs,pods -l app=web' },
    { name: 'background', args: 'apply -f web.yaml', silent: true },
    { name: 'background delete', args: 'delete deploy web --cascade=background' },
    { name: 'gone in time', args: 'get rs,pods -l app=web -o name --ignore-not-found', until: /^$/ },
    { name: 'now', args: 'run p --image=example.invalid/p:1', silent: true },
    { name: 'force', args: 'delete pod p --grace-period=0 --force' },
    {
      name: 'a finalizer holds',
      args: `create -f -`,
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: held, finalizers: [ example.com/hold ] }\n',
    },
    { name: 'held', args: 'delete cm held --wait=false' },
    { name: 'held still', args: 'get cm held -o jsonpath={.metadata.finalizers}' },
    { name: 'held times out', args: 'delete cm held --timeout=1s' },
    { name: 'let go', args: `patch cm held --type=merge -p '{"metadata":{"finalizers":null}}'` },
    { name: 'all', args: 'apply -f cms.yaml', silent: true },
    { name: 'all of them', args: 'delete secret,sa --all', only: /none/ },
    {
      name: 'raw',
      args: 'delete --raw /api/v1/namespaces/$NS/configmaps/c',
      cut: (text) => JSON.stringify((JSON.parse(text) as { status: string }).status),
    },
    { name: 'namespace', args: 'create ns $NS-x', silent: true },
    { name: 'namespace filled', args: 'create cm -n $NS-x y', silent: true },
    { name: 'namespace deleted', args: 'delete ns $NS-x' },
    { name: 'namespace is gone', args: 'get ns $NS-x' },
  ],
};
