/** Go templates of kwok's stages: the status that a pod or node gets, and the events of containers. */
import { type JsonObject, sha256Hex } from '../../base/index.ts';
import { OUTCOME } from '../kubelet/simulated.ts';

/** RFC 3339 in whole seconds, as Kubernetes keeps times. */
const NOW = '{{ $now := now | date "2006-01-02T15:04:05Z07:00" | quote }}';

const KUBELET_CONDITIONS = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
];

export const nodeConditions = `${NOW}
conditions:
${KUBELET_CONDITIONS.map(
  ([type, status, reason, message]) =>
    `- {type: ${type}, status: "${status}", reason: ${reason}, message: ${message}, lastHeartbeatTime: {{ $now }}, lastTransitionTime: {{ $now }}}`,
).join('\n')}
`;

/** Of each container: its status so far, `$was`, with a restart count and a last state in any case. */
const EACH_CONTAINER = `{{ range $index, $container := .spec.containers }}
{{ $was := dict "restartCount" 0 "lastState" dict }}
{{ range $pod.status.containerStatuses }}{{ if eq .name $container.name }}{{ $was = merge (deepCopy .) $was }}{{ end }}{{ end }}`;

const OPENING = `{{ $pod := . }}${NOW}
{{ $outcome := get (.metadata.annotations | default dict) "${OUTCOME}" }}`;

const CONTAINER = `- name: {{ $container.name | quote }}
  image: {{ $container.image | quote }}
  imageID: {{ $container.image | quote }}
  containerID: {{ printf "simulated://%s/%s/%v" $pod.metadata.uid $container.name $count | quote }}`;

const TERMINATED = (code: number, reason: string) =>
  `{exitCode: ${code}, reason: ${reason}, startedAt: {{ $startedAt }}, finishedAt: {{ $now }}}`;

const STARTED_AT =
  '{{ $startedAt := ((($was.state | default dict).running | default dict).startedAt | default "" | quote) }}{{ if eq $startedAt `""` }}{{ $startedAt = $now }}{{ end }}';

/** Conditions by whether the containers are ready; a condition that does not change keeps its time. */
function conditions(ready: string, reason: string, message: string): string {
  return `
conditions:
{{ $conditions := list (list "PodReadyToStartContainers" "True" "" "") (list "Initialized" "True" "" "") }}
{{ if ${ready} }}
{{ $conditions = append $conditions (list "ContainersReady" "True" "" "") }}
{{ if $gatesOpen }}{{ $conditions = append $conditions (list "Ready" "True" "" "") }}
{{ else }}{{ $conditions = append $conditions (list "Ready" "False" "ReadinessGatesNotReady" "") }}{{ end }}
{{ else }}
{{ range (list "ContainersReady" "Ready") }}{{ $conditions = append $conditions (list . "False" "${reason}" ${message}) }}{{ end }}
{{ end }}
{{ range $conditions }}{{ $type := index . 0 }}{{ $status := index . 1 }}{{ $since := $now }}
{{ range $pod.status.conditions }}{{ if and (eq .type $type) (eq .status $status) }}{{ $since = .lastTransitionTime | quote }}{{ end }}{{ end }}
- {type: {{ $type }}, status: {{ $status | quote }}, lastProbeTime: null, lastTransitionTime: {{ $since }}, reason: {{ if index . 2 }}{{ index . 2 }}{{ else }}null{{ end }}, message: {{ if index . 3 }}{{ index . 3 | quote }}{{ else }}null{{ end }}}
{{ end }}`;
}

const UNREADY = 'ContainersNotReady';
const unreadyMessage = `(printf "containers with unready status: [%s]" (join " " $names))`;

const GATES = `{{ $names := list }}{{ range .spec.containers }}{{ $names = append $names .name }}{{ end }}
{{ $gatesOpen := true }}
{{ range .spec.readinessGates }}{{ $gate := .conditionType }}{{ $open := false }}
{{ range $pod.status.conditions }}{{ if and (eq .type $gate) (eq .status "True") }}{{ $open = true }}{{ end }}{{ end }}
{{ if not $open }}{{ $gatesOpen = false }}{{ end }}{{ end }}`;

const ADDRESSES = `
hostIP: 127.0.0.1
hostIPs: [{ip: 127.0.0.1}]
startTime: {{ .status.startTime | default "" | empty | ternary $now (.status.startTime | quote) }}
{{ $address := .status.podIP }}
{{ if not $address }}{{ $address = PodIPWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}{{ end }}
podIP: {{ $address | quote }}
podIPs: [{ip: {{ $address | quote }}}]`;

const INIT_DONE = `
{{ if .spec.initContainers }}initContainerStatuses:
{{ range $index, $container := .spec.initContainers }}{{ $count := 0 }}
${CONTAINER}
  lastState: {}
  ready: true
  restartCount: 0
{{ if eq ($container.restartPolicy | default "") "Always" }}  started: true
  state: {running: {startedAt: {{ $now }}}}
{{ else }}  started: false
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now }}, finishedAt: {{ $now }}}}
{{ end }}{{ end }}{{ end }}`;

/** Containers run: the first time, after a crash, or now ready as well. Whether they are ready is the outcome's to say. */
export const started = `${OPENING}${GATES}
{{ $slowStill := and (eq $outcome "slow") (not .status.containerStatuses) }}
{{ $ready := not (or (eq $outcome "neverReady") $slowStill) }}
phase: Running${ADDRESSES}${conditions('$ready', UNREADY, unreadyMessage)}${INIT_DONE}
containerStatuses:
${EACH_CONTAINER}
{{ $since := $now }}{{ with $was.state }}{{ with .running }}{{ $since = .startedAt | quote }}{{ end }}{{ end }}
{{ $count := int $was.restartCount }}{{ if $was.lastState.terminated }}{{ if not ($was.state | default dict).running }}{{ $count = add1 $count }}{{ end }}{{ end }}
${CONTAINER}
  ready: {{ $ready }}
  started: true
  restartCount: {{ $count }}
  lastState: {{ $was.lastState | toJson }}
  state: {running: {startedAt: {{ $since }}}}
{{ end }}`;

/** All containers of a Job's pod have done their work. */
export const succeeded = `${OPENING}${GATES}
phase: Succeeded${conditions('false', 'PodCompleted', '""')}
containerStatuses:
${EACH_CONTAINER}${STARTED_AT}{{ $count := int $was.restartCount }}
${CONTAINER}
  ready: false
  started: false
  restartCount: {{ $count }}
  lastState: {{ $was.lastState | toJson }}
  state: {terminated: ${TERMINATED(0, 'Completed')}}
{{ end }}`;

/** Of each wait of a crash loop, in Go's notation. */
const CRASH_WAITS = '"10s" "20s" "40s" "1m20s" "2m40s" "5m0s"';

/** All containers end with exit code 1: for good where the policy is Never, at once again the first time, else into the crash loop. */
export const crashed = `${OPENING}${GATES}
{{ $never := eq (.spec.restartPolicy | default "Always") "Never" }}
{{ $again := and (not $never) (eq (int (index .status.containerStatuses 0).restartCount) 0) }}
{{ if $never }}phase: Failed${conditions('false', 'PodFailed', '""')}
{{ else }}phase: Running${conditions('$again', UNREADY, unreadyMessage)}{{ end }}
containerStatuses:
${EACH_CONTAINER}${STARTED_AT}{{ $count := int $was.restartCount }}{{ $wait := index (list ${CRASH_WAITS}) (min 5 (sub (max 1 $count) 1) | int) }}
{{ if $again }}{{ $count = 1 }}{{ end }}
${CONTAINER}
  ready: {{ $again }}
  started: {{ $again }}
  restartCount: {{ $count }}
{{ if $never }}  lastState: {{ $was.lastState | toJson }}
  state: {terminated: ${TERMINATED(1, 'Error')}}
{{ else }}  lastState: {terminated: ${TERMINATED(1, 'Error')}}
{{ if $again }}  state: {running: {startedAt: {{ $now }}}}
{{ else }}  state:
    waiting:
      reason: CrashLoopBackOff
      message: {{ printf "back-off %s restarting failed container=%s pod=%s_%s(%s)" $wait $container.name $pod.metadata.name $pod.metadata.namespace $pod.metadata.uid | quote }}
{{ end }}{{ end }}{{ end }}`;

/** No container has its image yet. */
export function pulling(reason: 'ErrImagePull' | 'ImagePullBackOff'): string {
  const why = 'failed to resolve reference \\"%s\\": %s: not found';
  const message =
    reason === 'ErrImagePull'
      ? `printf "${why}" $container.image $container.image`
      : `printf "Back-off pulling image \\"%s\\": ErrImagePull: ${why}" $container.image $container.image $container.image`;
  return `${OPENING}${GATES}
phase: Pending${ADDRESSES}${conditions('false', UNREADY, unreadyMessage)}
containerStatuses:
${EACH_CONTAINER}
- name: {{ $container.name | quote }}
  image: {{ $container.image | quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  lastState: {}
  state: {waiting: {reason: ${reason}, message: {{ ${message} | quote }}}}
{{ end }}`;
}

/**
 * An Event about the first container, as a kubelet writes it: the same one again raises its count. In the message `{{ .name }}` and
 * `{{ .image }}` are the container's, `$pod` is the pod; `count` is Go's too, over `$restarts`.
 */
export function containerEvent(type: 'Normal' | 'Warning', reason: string, message: string, count = '1'): JsonObject {
  const suffix = sha256Hex(`${reason} ${message}`).slice(0, 8);
  return {
    apply: {
      type: 'merge',
      template: `{{ $pod := . }}${NOW}{{ $restarts := 0 }}
{{ range .status.containerStatuses }}{{ $restarts = max $restarts (int .restartCount) }}{{ end }}
{{ with index .spec.containers 0 }}
apiVersion: v1
kind: Event
metadata:
  name: {{ printf "%s.%s${suffix}" $pod.metadata.name (trunc 8 $pod.metadata.uid) }}
  namespace: {{ $pod.metadata.namespace }}
involvedObject:
  apiVersion: v1
  kind: Pod
  name: {{ $pod.metadata.name }}
  namespace: {{ $pod.metadata.namespace }}
  uid: {{ $pod.metadata.uid }}
  resourceVersion: {{ $pod.metadata.resourceVersion | quote }}
  fieldPath: {{ printf "spec.containers{%s}" .name | quote }}
type: ${type}
reason: ${reason}
message: ${JSON.stringify(message)}
source: {component: kubelet, host: {{ $pod.spec.nodeName }}}
reportingComponent: kubelet
reportingInstance: {{ $pod.spec.nodeName }}
firstTimestamp: {{ if $pod.status.startTime }}{{ $pod.status.startTime | quote }}{{ else }}{{ $now }}{{ end }}
lastTimestamp: {{ $now }}
count: {{ ${count} }}
{{ end }}`,
    },
  };
}
