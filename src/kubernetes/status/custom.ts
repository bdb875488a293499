import { isObject, type KubeObject } from '../../base/index.ts';
import type { ObjectStatus } from '../types.ts';
import { type Condition, condition, conditionText, isOutdated, part, type StatusRule, status, text } from './read.ts';

/** Conditions that say whether an object is what its spec says, the first that it has decides. */
const DECIDING = ['Ready', 'Available', 'Succeeded'];
/**
 * Words of `status.phase` that say "not yet". A phase can hold readiness back, it never proves it: the same word means
 * the end of the work here and the middle of it there (`Running`).
 */
const UNDER_WAY =
  /^(pending|creating|provisioning|initiali[sz]ing|installing|deploying|progressing|reconciling|updating|upgrading|scaling|waiting|not ?ready|failed|error|degraded)$/i;

/**
 * Any other object, by the conventions of conditions: `Stalled` is a failure, `Reconciling` is under way, then `Ready`,
 * `Available` or `Succeeded`. A condition of an older generation says nothing of this one. What has no status at all may be
 * of a kind that never has one, or its controller has not come to it: it is current, but `unproven`.
 */
export const custom: StatusRule = (object) => {
  const stalled = standing(object, 'Stalled');
  if (stalled?.status === 'True') return status('failed', conditionText(stalled));
  const reconciling = standing(object, 'Reconciling');
  if (reconciling?.status === 'True') return status('inProgress', conditionText(reconciling));
  const deciding = DECIDING.map((type) => condition(object, type)).find((one) => one !== undefined);
  if (deciding !== undefined) return byCondition(object, deciding);
  const state = part(object, 'status');
  const phase = text(state, 'phase');
  if (phase !== undefined && UNDER_WAY.test(phase)) return status('inProgress', `phase ${phase}`);
  if (isObject(object.status) && Object.keys(object.status).length === 0) {
    return status('inProgress', 'its controller has not reported yet');
  }
  const seen = tied(object) ? 'seen by its controller' : 'exists';
  const message = phase === undefined ? seen : `phase ${phase}`;
  return tied(object) ? status('current', message) : { ...status('current', message), unproven: true };
};

/** Of a built-in kind without a rule: data, rights and the like are what they say as soon as they exist. */
export const data: StatusRule = () => status('current', 'exists');

function byCondition(object: KubeObject, one: Condition): ObjectStatus {
  if (isOutdated(one, object)) {
    const { generation } = object.metadata;
    return status('inProgress', `${one.type} speaks of generation ${one.observedGeneration}, not ${generation}`);
  }
  if (one.status === 'True') {
    const current = status('current', `${one.type} is True`);
    // written before the newest spec, for all that can be seen
    return tied(object) || one.observedGeneration !== undefined ? current : { ...current, unproven: true };
  }
  // a run that did not succeed is over; everything else may still come
  const over = one.type === 'Succeeded' && one.status === 'False';
  return status(over ? 'failed' : 'inProgress', conditionText(one));
}

function standing(object: KubeObject, type: string): Condition | undefined {
  const found = condition(object, type);
  return found === undefined || isOutdated(found, object) ? undefined : found;
}

/** The status names the generation that it was written for. */
function tied(object: KubeObject): boolean {
  return typeof part(object, 'status').observedGeneration === 'number';
}
