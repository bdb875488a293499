export type { AlikeEvents, EventWords } from './alike-events.ts';
export { foldAlike } from './alike-events.ts';
export type { Cancel, Clock } from './clock.ts';
export { systemClock, timestamp } from './clock.ts';
export { SimulatedProcess } from './clock-process.ts';
export { SimulatedClock } from './clock-simulated.ts';
export type { Digest } from './digest.ts';
export { digestOf, keyedDigest, sha256Hex } from './digest.ts';
export type { CompiledExpression, ExpressionAnswer, ExpressionSyntax, ExpressionType } from './expression.ts';
export { compileExpression } from './expression.ts';
export type { Graph } from './graph.ts';
export { findCycle, levels } from './graph.ts';
export type { CompiledHealthRule, HealthRule } from './health-rule.ts';
export { compileHealthRule } from './health-rule.ts';
export type { Ids } from './ids.ts';
export { createIds } from './ids.ts';
export type { Json, JsonObject } from './json.ts';
export { canonical, isObject, jsonEqual } from './json.ts';
export type { KubeObject, ObjectMeta, ObjectRef } from './kube-object.ts';
export { groupOf, refOf, refText } from './kube-object.ts';
export { limits } from './limits.ts';
export type { Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { Outcome, Problem, Refusal } from './outcome.ts';
export {
  done,
  errorText,
  invariant,
  NO_HINT,
  problemText,
  RefusedError,
  refused,
  unknown,
  unreachable,
} from './outcome.ts';
export { cpuMilli, memoryBytes, QUANTITY_PATTERN, quantity } from './quantity.ts';
export type { Random } from './random.ts';
export { backoffMs, deriveRandom, randomInt, seededRandom, systemRandom } from './random.ts';
export type { SecretValues } from './secrets.ts';
export { cutReferenceOf, cutReferences, cutSecret, fillSecret, isCutReference } from './secrets.ts';
export type {
  Blobs,
  Document,
  DocumentChange,
  DocumentReader,
  Documents,
  Entry,
  Journal,
  NewEntry,
  Projector,
  SecretStore,
  Store,
} from './storage.ts';
export { StoreError } from './storage.ts';
