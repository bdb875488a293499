/** What a person must know of a transaction that is stuck: since when and why, exactly what is left, and the choices. Pure. */
import { isObject, type Json, type ObjectRef, refText } from '../base/index.ts';
import { locationId } from '../plan/index.ts';
import { actionOf, clusterOf } from './actions/index.ts';
import { isBlocked } from './blocked.ts';
import { undoneOnCluster } from './faults.ts';
import { needsUndo } from './rollback.ts';
import type { StepState, TransactionData } from './state.ts';
import { isOpen } from './tally.ts';
import type { LeftObject, LeftWork, StuckChoice, StuckView } from './types.ts';

/** The rest is counted. */
const LEFT_NAMED_MAX = 200;

/** Absent while it is not stuck. */
export function stuckView(data: TransactionData): StuckView | undefined {
  const { stuck, header } = data;
  if (stuck === null || header.state !== 'stuck') return undefined;
  const back = header.heldFrom === 'compensating';
  const left = [...leftSteps(data, back), ...(back ? leftDifferences(data) : [])];
  return {
    since: stuck.since,
    why: stuck.refusal,
    left: left.slice(0, LEFT_NAMED_MAX),
    more: Math.max(0, left.length - LEFT_NAMED_MAX),
    choices: choices(data, back),
  };
}

/** Those that were refused, then those that wait for them. */
function leftSteps(data: TransactionData, back: boolean): readonly LeftWork[] {
  const states = [...data.steps.values()];
  const blocked = states.filter((state) => isBlocked(state, back));
  const waiting = states.filter(
    (state) =>
      !blocked.includes(state) && (back ? needsUndo(state) && undoneOnCluster(state.step) : isOpen(state.status)),
  );
  const after = blocked.map(({ step }) => step.id).slice(0, 3).join(', '); // biome-ignore format: one line
  return [
    ...blocked.map((state) => leftStep(state, state.refusal?.message ?? 'it failed without a reason')),
    ...waiting.map((state) => leftStep(state, `not begun: it comes after ${after}`)),
  ];
}

function leftStep({ step, refusal }: StepState, why: string): LeftWork {
  const location = actionOf(step.work).location(step.work);
  const cluster = clusterOf(step);
  const objects = objectsIn(refusal?.details);
  return {
    ...(cluster === null ? {} : { cluster }),
    ...(location === null ? {} : { location: locationId(location) }),
    step: step.id,
    ...(objects.length === 0 ? {} : { objects }),
    why,
  };
}

/** An agent that was refused for some objects names each: `details.objects: [{ref, why}]`. */
function objectsIn(details: Json | undefined): readonly LeftObject[] {
  const objects = isObject(details) ? details.objects : undefined;
  if (!Array.isArray(objects)) return [];
  return objects.filter(isObject).flatMap(({ ref, why }) => {
    if (!isObject(ref) || typeof ref.kind !== 'string' || typeof ref.name !== 'string') return [];
    return [{ ref: ref as unknown as ObjectRef, why: typeof why === 'string' ? why : 'refused' }];
  });
}

/** What an undo has left otherwise than it was: by location, each object with the fields that differ. */
function leftDifferences(data: TransactionData): readonly LeftWork[] {
  const places = new Map<string, { cluster: string; location: string; objects: Map<string, Differing>; why: string }>();
  for (const found of data.verified?.differences ?? []) {
    if (!isObject(found) || found.explained !== undefined) continue;
    const { cluster = '', location = '', ref, field, why } = found;
    const key = `${cluster} ${location}`;
    const place = places.get(key) ?? { cluster: String(cluster), location: String(location), objects: new Map(), why: NOT_AS_BEFORE }; // biome-ignore format: one shape
    places.set(key, typeof why === 'string' ? { ...place, why } : place);
    if (!isObject(ref)) continue; // the cluster could not be read back
    const object = ref as unknown as ObjectRef;
    const { fields = [] } = place.objects.get(refText(object)) ?? {};
    place.objects.set(refText(object), { ref: object, fields: [...fields, String(field)] });
  }
  return [...places.values()].map(({ cluster, location, objects, why }) => ({
    cluster,
    ...(location === '' ? {} : { location }),
    ...(objects.size === 0 ? {} : { objects: [...objects.values()].map(asLeft) }),
    why,
  }));
}

interface Differing {
  readonly ref: ObjectRef;
  readonly fields: readonly string[];
}

const NOT_AS_BEFORE = 'it was undone and read back, and is not as it was before';
const FIELDS_NAMED_MAX = 10;

function asLeft({ ref, fields }: Differing): LeftObject {
  const more = fields.length > FIELDS_NAMED_MAX ? ` and ${fields.length - FIELDS_NAMED_MAX} more` : '';
  return { ref, why: `not as before: ${fields.slice(0, FIELDS_NAMED_MAX).join(', ')}${more}` };
}

function choices(data: TransactionData, back: boolean): readonly StuckChoice[] {
  const { kind } = data.header;
  const failed = [...data.steps.values()].some((state) => isBlocked(state, back));
  const skip = kind === 'settle' ? 'gives up what failed: it is owed no more' : failed ? 'goes on without what failed: that is owed, and a settle tries it again' : 'accepts what differs as it is'; // biome-ignore format: one table
  const close = kind === 'settle' ? 'ends it: what is left stays on record and is settled anew' : 'ends it: nothing more is tried, and what is left is owed'; // biome-ignore format: one table
  return [
    { verb: 'retry', does: failed ? 'tries what failed again, once its cause is repaired' : 'looks again, once it is repaired', needsReason: false }, // biome-ignore format: one table
    { verb: 'skip', does: skip, needsReason: true },
    { verb: 'force-close', does: close, needsReason: true },
  ];
}
