/** Reading raw objects without trusting their shape. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import type { ObjectStatus, StatusKind, Surroundings } from '../types.ts';

/** One kind's rule. Terminating objects and those whose controller is behind their generation never come to it. */
export type StatusRule = (object: KubeObject, around: Surroundings) => ObjectStatus;

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

export function text(object: JsonObject, field: string): string | undefined {
  const value = object[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
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

/** Conditions of a status, or of a part of one (a Route has some for each parent). */
export function conditionsIn(holder: JsonObject): readonly Condition[] {
  return list(holder, 'conditions').map((condition) => ({
    type: String(condition.type ?? ''),
    status: String(condition.status ?? 'Unknown'),
    reason: String(condition.reason ?? ''),
    message: String(condition.message ?? ''),
    ...(typeof condition.observedGeneration === 'number' ? { observedGeneration: condition.observedGeneration } : {}),
  }));
}

export function conditions(object: KubeObject): readonly Condition[] {
  return conditionsIn(part(object, 'status'));
}

export function condition(object: KubeObject, type: string): Condition | undefined {
  return conditions(object).find((one) => one.type === type);
}

/** A condition that is `True` of this type. */
export function isTrue(object: KubeObject, type: string): Condition | undefined {
  const found = condition(object, type);
  return found?.status === 'True' ? found : undefined;
}

/** Whether a condition was written for an older generation than the object has: it says nothing of this one. */
export function isOutdated(one: Condition, object: KubeObject): boolean {
  const { generation } = object.metadata;
  return one.observedGeneration !== undefined && generation !== undefined && one.observedGeneration < generation;
}

/** `Reason: message`, or what there is of it. */
export function conditionText(one: Condition): string {
  return [one.reason, one.message].filter((word) => word !== '').join(': ') || `${one.type} is ${one.status}`;
}
