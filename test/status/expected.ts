/** What each recorded state of an object counts as: its status (a `?` says unproven) and the message that people read. */
import type { KubeObject } from '../../src/base/index.ts';
import { statusOf } from '../../src/kubernetes/index.ts';

export type Expected = readonly [status: string, message: RegExp];

const WORKLOADS: { readonly [name: string]: Expected } = {
  'deployment: just created': ['inProgress', /^not yet seen by its controller$/],
  'deployment: rolled out': ['current', /^2 of 2 replicas ready$/],
  'deployment: changed, its controller has not seen it': ['inProgress', /^generation 2 not yet seen .*\(at 1\)$/],
  'deployment: new pods find no room': ['inProgress', /^1 of 2 replicas updated$/],
  'deployment: paused': ['inProgress', /^paused at 0 of 2 replicas updated$/],
  'deployment: deadline exceeded': ['failed', /^ProgressDeadlineExceeded: ReplicaSet "late-\w+" has timed out/],
  'deployment: ready, not yet for long enough': ['inProgress', /^0 of 2 replicas available$/],
  'deployment: of none': ['current', /^0 of 0 replicas ready$/],
  'deployment: being deleted': ['terminating', /^being deleted; waits for example\.org\/hold$/],
  'deployment: blocked by a quota': [
    'inProgress',
    /^0 of 1 replicas updated \(FailedCreate: pods .* exceeded quota: none/,
  ],
  'replicaset: blocked by a quota': ['inProgress', /^0 of 1 pods exist \(FailedCreate: .* exceeded quota: none/],
  'replicaset: ready': ['current', /^2 of 2 replicas available$/],
  'replicationcontroller: ready': ['current', /^2 of 2 replicas available$/],
  'replicationcontroller: one finds no room': ['inProgress', /^2 of 3 replicas ready$/],
  'daemonset: just created': ['inProgress', /^not yet seen by its controller$/],
  'daemonset: ready': ['current', /^2 of 2 pods ready$/],
  'daemonset: changed, updated on delete': ['current', /^2 of 2 pods ready; 2 of an older revision until/],
  'daemonset: for no node': ['current', /^no node asks for a pod$/],
  'daemonset: no room on its nodes': ['inProgress', /^0 of 2 pods ready$/],
  'statefulset: just created': ['inProgress', /^not yet seen by its controller$/],
  'statefulset: ready': ['current', /^2 of 2 pods ready$/],
  'statefulset: ready, not yet for long enough': ['inProgress', /^0 of 2 pods available$/],
  'statefulset: updated down to its partition': ['current', /^2 of 2 pods ready; partition 1 keeps those below it$/],
  'statefulset: changed, updated on delete': ['current', /^2 of 2 pods ready; 2 of an older revision until/],
  'statefulset: its update finds no room': ['inProgress', /^1 of 2 pods ready$/],
  'job: just created': ['inProgress', /^0 of 1 completions, 0 running$/],
  'job: its pod is there': ['inProgress', /^0 of 1 completions, 1 running$/],
  'job: running': ['inProgress', /^0 of 1 completions, 1 running$/],
  'job: two running': ['inProgress', /^0 of 2 completions, 2 running$/],
  'job: complete': ['current', /^1 of 1 completions$/],
  'job: suspended': ['inProgress', /^suspended at 0 of 1 completions$/],
  'job: failed': ['failed', /^BackoffLimitExceeded: /],
  'job: past its deadline': ['failed', /^DeadlineExceeded: /],
  'job: failure is certain, its pods still end': ['failed', /^DeadlineExceeded: /],
  'job: success is certain, its pods still end': ['inProgress', /^1 of 2 completions; its last pods end$/],
  'job: complete by its success policy': ['current', /^1 of 2 completions; its success policy is met$/],
  'cronjob: scheduled': ['current', /^scheduled: 0 3 \* \* \*$/],
  'cronjob: suspended': ['current', /^suspended$/],
};

const PODS: { readonly [name: string]: Expected } = {
  'pod: ready': ['current', /^1 of 1 containers ready$/],
  'pod: no room': ['inProgress', /^Unschedulable: 0\/2 nodes are available/],
  'pod: scheduling gated': ['inProgress', /^SchedulingGated: /],
  'pod: starting': ['inProgress', /^phase Pending$/],
  'pod: image cannot be pulled': ['inProgress', /^app: ImagePullBackOff: Back-off pulling image/],
  'pod: crash loop': ['inProgress', /^0 of 1 containers ready \(app: CrashLoopBackOff: exit code 1, 3 restarts\)$/],
  'pod: running, not ready': ['inProgress', /^0 of 1 containers ready$/],
  'pod: a readiness gate is not met': ['inProgress', /^1 of 1 containers ready \(ReadinessGatesNotReady: /],
  'pod: failed': ['failed', /^app: exit code 1$/],
  'pod: evicted': ['failed', /^The node was low on resource: memory\.$/],
  'pod: out of memory': ['failed', /^app: OOMKilled, exit code 137$/],
  'pod: succeeded': ['current', /^ended well$/],
  'pod: of a lost node': ['unknown', /^its node does not answer$/],
};

const OTHERS: { readonly [name: string]: Expected } = {
  'storageclass: waits for the first consumer': ['current', /^exists$/],
  'claim: pending': ['inProgress', /^phase Pending, class recorded-grows$/],
  'claim: waits for the first consumer': ['inProgress', /^phase Pending, class recorded-later$/],
  'claim: a node was chosen for it': ['inProgress', /^phase Pending, class recorded-later$/],
  'claim: bound': ['current', /^bound$/],
  'claim: grows': ['inProgress', /^grown to 1Gi of 2Gi$/],
  'claim: cannot grow': ['inProgress', /^grown to 1Gi of 2Gi \(no space in the pool\)$/],
  'claim: its file system grows with the next mount': ['current', /^bound; its file system grows/],
  'claim: its volume is lost': ['failed', /^its volume is lost$/],
  'service: of the cluster': ['current', /^exists$/],
  'service: load balancer without address': ['inProgress', /^no address from the load balancer yet$/],
  'service: load balancer': ['current', /^address 192\.0\.2\.7$/],
  'service: load balancer cannot serve its ports': ['inProgress', /^PortTaken: port 80 is taken$/],
  'ingress: no address': ['current', /^exists; no address reported$/],
  'ingress: with address': ['current', /^address web\.example\.org$/],
  'budget: just created': ['inProgress', /^not yet seen by its controller$/],
  'budget: met': ['current', /^2 of 1 healthy$/],
  'budget: not met': ['inProgress', /^0 of 1 healthy$/],
  'budget: can never be met': ['current', /^2 of 5 healthy: it asks for more pods than there are/],
  'autoscaler: just created': ['current', /^exists$/],
  'autoscaler: no metrics': ['current', /^does not scale now: FailedGetResourceMetric: /],
  'autoscaler: no target': ['current', /^does not scale now: FailedGetScale: /],
  'definition: just created': ['inProgress', /^not yet established$/],
  'definition: established': ['current', /^established$/],
  'definition: of a group that is not its own': ['current', /^established$/],
  'definition: its kind is taken': ['failed', /^ListKindConflict: "WidgetList" is already in use$/],
  'definition: being deleted': ['terminating', /waits for customresourcecleanup/],
  'apiservice: local': ['current', /^available$/],
  'apiservice: just created': ['inProgress', /^not yet checked$/],
  'apiservice: its server is missing': ['inProgress', /^ServiceNotFound: /],
  'namespace: active': ['current', /^active$/],
  'namespace: being deleted': ['terminating', /^SomeResourcesRemain: .*configmaps/],
  'data: config map': ['current', /^exists$/],
};

const CUSTOM: { readonly [name: string]: Expected } = {
  'custom: without a status': ['current?', /^exists$/],
  'custom: an empty status': ['inProgress', /^its controller has not reported yet$/],
  'custom: only its generation': ['current', /^seen by its controller$/],
  'custom: ready, of no generation': ['current?', /^Ready is True$/],
  'custom: ready at this generation': ['current', /^Ready is True$/],
  'custom: changed, still says ready': ['inProgress', /^generation 2 not yet seen by its controller \(at 1\)$/],
  'custom: seen, its condition is of the generation before': ['inProgress', /^Ready speaks of generation 1, not 2$/],
  'custom: not ready': ['inProgress', /^Told: so$/],
  'custom: ready is unknown': ['inProgress', /^Told: so$/],
  'custom: stalled': ['failed', /^Told: so$/],
  'custom: reconciling': ['inProgress', /^Told: so$/],
  'custom: available': ['current', /^Available is True$/],
  'custom: a run that succeeded': ['current', /^Succeeded is True$/],
  'custom: a run that did not succeed': ['failed', /^Told: so$/],
  'custom: a run under way': ['inProgress', /^Told: so$/],
  'custom: only a phase, under way': ['inProgress', /^phase Provisioning$/],
  'custom: only a phase, whatever it means': ['current?', /^phase Running$/],
  'custom: being deleted': ['terminating', /^being deleted; waits for example\.org\/hold$/],
  'gateway: just created': ['inProgress', /^Accepted is not reported yet$/],
  'gateway: accepted': ['inProgress', /^Programmed is not reported yet$/],
  'gateway: programmed': ['current', /^programmed$/],
  'gateway: changed': ['inProgress', /^Accepted speaks of generation 1$/],
  'route: just created': ['inProgress', /^no controller has accepted it yet$/],
  'route: one parent of two': ['inProgress', /^accepted by 1 of 2 parents$/],
  'route: a backend is missing': ['inProgress', /^h: Told: so$/],
  'route: accepted': ['current', /^accepted by 2 of 2$/],
};

export const EXPECTED: { readonly [state: string]: Expected } = { ...WORKLOADS, ...PODS, ...OTHERS, ...CUSTOM };

/** How an object differs from what its state is expected to count as; undefined: not at all. */
export function surprise(state: string, object: KubeObject): string | undefined {
  const [expected, wording] = EXPECTED[state] ?? ['nothing', /./];
  const { status, message, unproven } = statusOf(object);
  const found = `${status}${unproven ? '?' : ''}`;
  return found === expected && wording.test(message)
    ? undefined
    : `${state}: ${found} "${message}", expected ${expected} ${wording}`;
}
