/**
 * How kwok plays nodes and pods, as its Stage objects (kwok.x-k8s.io/v1alpha1): selectors are jq, templates are Go's with sprig.
 * A pod fares as its annotation `sim.ldc.dev/outcome` says, with the effects that a simulated pod has on an embedded cluster.
 * At most one stage matches an object at any time: kwok would draw among several.
 */
import type { JsonObject } from '../../base/index.ts';
import { OUTCOME } from '../kubelet/simulated.ts';
import { containerEvent, crashed, nodeConditions, pulling, started, succeeded } from './stage-templates.ts';

const SLOW_MS = 5_000;
const CRASH_AFTER_MS = 500;
const PULL_BACKOFF_AFTER_MS = 1_000;

const outcome = `(.metadata.annotations["${OUTCOME}"] // "well")`;
const living = '(.metadata.deletionTimestamp == null)';
const pending = '((.status.phase // "Pending") == "Pending")';
const running = '(.status.phase == "Running")';
/** Runs to its end and is not started again, as the kubelet of embedded clusters sees it. */
const once = '(any(.metadata.ownerReferences[]?; .kind == "Job" and .controller) and .spec.restartPolicy != "Always")';
const waitsFor = (reason: string) => `any(.status.containerStatuses[]?; .state.waiting.reason == "${reason}")`;
const isTrue = (condition: string) => `any(.status.conditions[]?; .type == "${condition}" and .status == "True")`;
const hasRunning = 'any(.status.containerStatuses[]?; .state.running != null)';

const gatesOpen =
  '(. as $pod | all(.spec.readinessGates[]?; .conditionType as $gate | any($pod.status.conditions[]?; .type == $gate and .status == "True")))';
const restarts = '([.status.containerStatuses[]?.restartCount] | max)';
const crashing = `${living} and ${running} and ${outcome} == "crash" and ${hasRunning}`;

/** The kubelet's: 10 s, doubled for each restart up to 5 minutes. */
const crashWait = `${restarts} as $n | ([300, 10 * pow(2; $n - 1)] | min | floor | tostring) + "s"`;

export const STAGES: readonly JsonObject[] = [
  {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'KwokConfiguration',
    options: { podPlayStageParallelism: 16, nodePlayStageParallelism: 16, nodeLeaseParallelism: 8 },
  },
  stage('Node', 'node-ready', `${isTrue('Ready')} | not`, [patch(nodeConditions)]),
  stage('Pod', 'pod-delete', `${living} | not`, [{ delete: true }]),
  stage(
    'Pod',
    'pod-start',
    `${living} and ${pending} and ${outcome} != "pullError"`,
    [patch(started), ...startEvents('1')],
    { durationFrom: { jq: { expression: `if ${waitsFor('ImagePullBackOff')} then "1s" else "0s" end` } } },
  ),
  stage(
    'Pod',
    'pod-slow-ready',
    `${living} and ${running} and ${outcome} == "slow" and (${once} | not) and (${isTrue('ContainersReady')} | not)`,
    [patch(started)],
    { durationMilliseconds: SLOW_MS },
  ),
  // somebody has opened or closed a gate, or kwok was away and the node controller has said that the pod is not ready
  stage(
    'Pod',
    'pod-readiness',
    `${living} and ${running} and ${outcome} != "crash" and ${isTrue('ContainersReady')} and (${gatesOpen} != ${isTrue('Ready')})`,
    [patch(started)],
  ),
  stage(
    'Pod',
    'pod-complete',
    `${living} and ${running} and ${once} and (${outcome} == "well" or ${outcome} == "slow")`,
    [patch(succeeded)],
    { durationFrom: { jq: { expression: `if ${outcome} == "slow" then "${SLOW_MS}ms" else "0s" end` } } },
  ),
  stage('Pod', 'pod-crash', `${crashing} and (${restarts} == 0)`, [patch(crashed)], {
    durationMilliseconds: CRASH_AFTER_MS,
  }),
  stage(
    'Pod',
    'pod-crash-again',
    `${crashing} and (${restarts} > 0)`,
    [
      patch(crashed),
      containerEvent(
        'Warning',
        'BackOff',
        'Back-off restarting failed container {{ .name }} in pod {{ $pod.metadata.name }}_{{ $pod.metadata.namespace }}({{ $pod.metadata.uid }})',
        '$restarts',
      ),
    ],
    { durationMilliseconds: CRASH_AFTER_MS },
  ),
  stage(
    'Pod',
    'pod-restart',
    `${living} and ${running} and ${waitsFor('CrashLoopBackOff')}`,
    [patch(started), ...startEvents('add $restarts 2')],
    {
      durationFrom: { jq: { expression: crashWait } },
    },
  ),
  stage(
    'Pod',
    'pod-pull',
    `${living} and ${pending} and ${outcome} == "pullError" and (.status.containerStatuses == null)`,
    [
      patch(pulling('ErrImagePull')),
      containerEvent('Normal', 'Pulling', 'Pulling image "{{ .image }}"'),
      containerEvent('Warning', 'Failed', 'Error: ErrImagePull'),
    ],
  ),
  stage(
    'Pod',
    'pod-pull-backoff',
    `${living} and ${pending} and ${outcome} == "pullError" and ${waitsFor('ErrImagePull')}`,
    [
      patch(pulling('ImagePullBackOff')),
      containerEvent(
        'Warning',
        'Failed',
        'Failed to pull image "{{ .image }}": failed to resolve reference "{{ .image }}": {{ .image }}: not found',
      ),
      containerEvent('Normal', 'BackOff', 'Back-off pulling image "{{ .image }}"'),
      containerEvent('Warning', 'Failed', 'Error: ImagePullBackOff'),
    ],
    { durationMilliseconds: PULL_BACKOFF_AFTER_MS },
  ),
];

function stage(
  kind: 'Node' | 'Pod',
  name: string,
  matches: string,
  steps: readonly JsonObject[],
  delay?: JsonObject,
): JsonObject {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions: [{ jq: { key: matches, operator: 'In', values: ['true'] } }] },
      ...(delay === undefined ? {} : { delay }),
      steps,
    },
  };
}

/** `count`: how often it has been started by then, the restart at once after the first crash included. */
function startEvents(count: string): readonly JsonObject[] {
  return [
    containerEvent('Normal', 'Pulled', 'Container image "{{ .image }}" already present on machine', count),
    containerEvent('Normal', 'Created', 'Created container: {{ .name }}', count),
    containerEvent('Normal', 'Started', 'Started container {{ .name }}', count),
  ];
}

function patch(template: string): JsonObject {
  return { patch: { subresource: 'status', root: 'status', template } };
}
