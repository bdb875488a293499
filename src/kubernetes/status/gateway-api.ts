import type { JsonObject, KubeObject } from '../../base/index.ts';
import type { ObjectStatus } from '../types.ts';
import {
  type Condition,
  conditionsIn,
  conditionText,
  isOutdated,
  list,
  part,
  type StatusRule,
  status,
} from './read.ts';

/** A Gateway: accepted by its controller and programmed into what carries the traffic. */
export const gateway: StatusRule = (object) =>
  held(object, conditionsIn(part(object, 'status')), ['Accepted', 'Programmed']) ?? status('current', 'programmed');

export const gatewayClass: StatusRule = (object) =>
  held(object, conditionsIn(part(object, 'status')), ['Accepted']) ?? status('current', 'accepted');

/** A Route: every parent that it names has accepted it and found what it points to. */
export const route: StatusRule = (object) => byHolders(object, 'parents', ['Accepted', 'ResolvedRefs']);

/** A policy: everything that it is attached to has accepted it. */
export const policy: StatusRule = (object) => byHolders(object, 'ancestors', ['Accepted']);

function byHolders(object: KubeObject, field: string, types: readonly string[]): ObjectStatus {
  const holders = list(part(object, 'status'), field);
  const named = list(part(object, 'spec'), 'parentRefs').length;
  if (holders.length === 0) return status('inProgress', 'no controller has accepted it yet');
  for (const holder of holders) {
    const found = held(object, conditionsIn(holder), types);
    if (found !== undefined) return { ...found, message: `${nameOf(holder)}${found.message}` };
  }
  if (field === 'parents' && holders.length < named) {
    return status('inProgress', `accepted by ${holders.length} of ${named} parents`);
  }
  return status('current', `accepted by ${holders.length} of ${Math.max(named, holders.length)}`);
}

/** What stands in the way; undefined: each of the conditions is there, of this generation, and True. */
function held(object: KubeObject, found: readonly Condition[], types: readonly string[]): ObjectStatus | undefined {
  for (const type of types) {
    const one = found.find((each) => each.type === type);
    if (one === undefined) return status('inProgress', `${type} is not reported yet`);
    if (isOutdated(one, object)) return status('inProgress', `${type} speaks of generation ${one.observedGeneration}`);
    if (one.status !== 'True') return status('inProgress', conditionText(one));
  }
  return undefined;
}

function nameOf(holder: JsonObject): string {
  const reference = { ...part(holder, 'parentRef'), ...part(holder, 'ancestorRef') };
  return typeof reference.name === 'string' ? `${reference.name}: ` : '';
}
