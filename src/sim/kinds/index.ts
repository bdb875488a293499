export type { Happening } from './event.ts';
export { eventNamespace, happeningKey, newEvent, repeatedEvent } from './event.ts';
export type { Condition, OwnerReference } from './meta.ts';
export {
  byAge,
  conditionOf,
  controllerOf,
  controllerReference,
  fromKubeTime,
  isTerminating,
  keyOf,
  kubeTime,
  ownersOf,
  splitKey,
  withCondition,
  withoutZeros,
} from './meta.ts';
export type {
  Container,
  ContainerPort,
  ContainerState,
  ContainerStatus,
  EnvFrom,
  EnvVar,
  KeyToPath,
  NodeTerm,
  Pod,
  PodPhase,
  PodSpec,
  PodStatus,
  PodTemplate,
  Port,
  ProbeSpec,
  Resources,
  Toleration,
  Volume,
  VolumeMount,
  VolumeSource,
} from './pod.ts';
export { availableAt, isActive, isFinished, isReady } from './pod.ts';
export { milliCpu, quantity } from './quantity.ts';
export type { LabelSelector, Labels } from './selector.ts';
export { matchesExpression, matchesLabels, matchesSelector } from './selector.ts';
