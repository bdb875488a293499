/** Reading raw objects without trusting their shape. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import type { ObjectStatus, StatusKind } from '../types.ts';

/** One rule: the status of an object of its kind; undefined when the rule has nothing to say. */
export type StatusRule = (object: KubeObject) => ObjectStatus | undefined;

export function status(kind: StatusKind, message: string): ObjectStatus {
  return { status: kind, message };
}

export function part(object: KubeObject | JsonObject, field: string): JsonObject {
  const value = object[field] as Json | undefined;
  return isObject(value) ? value : {};
}

export function count(object: JsonObject, field: string, otherwise = 0): number {
  const value = object[field];
  return typeof value === 'number' ? value : otherwise;
}

export function list(object: JsonObject, field: string): readonly JsonObject[] {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

export function conditions(object: KubeObject): readonly Condition[] {
  return list(part(object, 'status'), 'conditions').map((condition) => ({
    type: String(condition.type ?? ''),
    status: String(condition.status ?? 'Unknown'),
    reason: String(condition.reason ?? ''),
    message: String(condition.message ?? ''),
    ...(typeof condition.observedGeneration === 'number' ? { observedGeneration: condition.observedGeneration } : {}),
  }));
}

export function condition(object: KubeObject, type: string): Condition | undefined {
  return conditions(object).find((one) => one.type === type);
}

/** `Reason: message`, or what there is of it. */
export function conditionText(one: Condition): string {
  return [one.reason, one.message].filter((text) => text !== '').join(': ') || `${one.type} is ${one.status}`;
}
