/** Health as a user declares it (`health.cel`), beside the own rule of a kind that has one and instead of the conditions of others. */
import {
  type CompiledExpression,
  type CompiledHealthRule,
  compileHealthRule,
  type HealthRule,
  type KubeObject,
} from '../../base/index.ts';
import type { ObjectStatus, Surroundings } from '../types.ts';
import { beforeRules, hasOwnRule, statusOf } from './index.ts';
import { part, status } from './read.ts';

/**
 * Tells where a wanted object stands by what it looks like in the cluster (undefined: it is not there).
 * Compiled once for all objects of a bundle.
 */
export type Judge = (wanted: KubeObject, live: KubeObject | undefined, around?: Surroundings) => ObjectStatus;

export function judgeOf(rules: readonly HealthRule[]): Judge {
  const compiled = rules.map(compileHealthRule);
  return (wanted, live, around = {}) => {
    const own = byWish(wanted, live) ?? statusOf(live, around);
    const due = compiled.filter(({ rule }) => live !== undefined && matches(rule, wanted));
    if (live === undefined || due.length === 0 || beforeRules(live) !== undefined) return own;
    const told = due.map((one) => byRule(one, live));
    // a kind's own rule counts as well; what conditions would say of others is replaced
    const said = hasOwnRule(live) ? [own, ...told] : told;
    return (
      said.find((one) => one.status === 'failed') ??
      said.find((one) => one.status !== 'current') ??
      (told.at(-1) as ObjectStatus)
    );
  };
}

function matches(rule: HealthRule, object: KubeObject): boolean {
  return rule.kind === object.kind && (rule.apiVersion === undefined || rule.apiVersion === object.apiVersion);
}

function byRule({ current, failed, message }: CompiledHealthRule, object: KubeObject): ObjectStatus {
  const text = message === undefined ? undefined : answerOf(message, object);
  const words = text?.kind === 'value' && text.value !== '' ? String(text.value) : undefined;
  const broken = failed === undefined ? undefined : answerOf(failed, object);
  if (broken?.kind === 'failed') return doubt('failed', broken.message);
  if (broken?.value === true) return status('failed', words ?? 'health.cel: failed is true');
  const ready = answerOf(current, object);
  if (ready.kind === 'failed') return doubt('current', ready.message);
  if (ready.value === true) return status('current', words ?? 'health.cel: current is true');
  return status('inProgress', words ?? 'health.cel: current is false');
}

function answerOf(expression: CompiledExpression, object: KubeObject) {
  return expression.kind === 'compiled'
    ? expression.evaluate(object)
    : { kind: 'failed' as const, message: expression.message };
}

/** A rule that cannot be evaluated proves nothing, in either direction. */
function doubt(field: string, message: string): ObjectStatus {
  return status('unknown', `health.cel: ${field} cannot be evaluated: ${message}`);
}

/** Where what was asked for is not what the API server is to show: it was cleaned up as it says, or is to be held. */
function byWish(wanted: KubeObject, live: KubeObject | undefined): ObjectStatus | undefined {
  if (wanted.kind !== 'Job' || !wanted.apiVersion.startsWith('batch/')) return undefined;
  const spec = part(wanted, 'spec');
  if (live === undefined) {
    return spec.ttlSecondsAfterFinished === undefined ? undefined : status('current', 'ended and cleaned up');
  }
  const held =
    spec.suspend === true && part(live, 'spec').suspend === true && live.metadata.deletionTimestamp === undefined;
  return held ? status('current', 'suspended, as its manifest says') : undefined;
}
