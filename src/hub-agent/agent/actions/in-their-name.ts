/**
 * What is applied in the name of another who has lost something: all that they say now, and what they lost as it was. An apply
 * drops what it leaves out, so it has to be whole; and it must not bring back what they themselves have changed since. Pure.
 */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../../base/index.ts';
import type { Change } from '../compare.ts';
import { extract, type OwnerEntry, ownersAt, type Pointer } from '../field-set.ts';
import { explanation, type Surround, valueAt } from './explain.ts';
import { ownerChanges } from './explain-owners.ts';

/** @param former their entry in the pre-image; `changes` between the two readings, taken apart. */
export function inTheirName(around: Surround, changes: readonly Change[], former: OwnerEntry): KubeObject {
  const { manager } = former;
  const others = changes.filter((change) => explanation(change, around) !== undefined);
  const said = (change: Change) =>
    change.after !== undefined &&
    ownersAt(around.live, change.inAfter).some((owner) => owner.manager === manager && owner.operation === 'Apply');
  const object = others.filter(said).reduce((past, change) => put(past, change.inBefore, valueAt(around.live as unknown as Json, change.inAfter) as Json), around.past as unknown as Json); // biome-ignore format: one value
  const moved = ownerChanges(around, others).filter((one) => one.manager === manager && one.operation === 'Apply');
  const fields = moved.reduce((all, { had, explained, steps }) => {
    if (!had) return withPlace(all, steps);
    return explained === undefined ? all : withoutPlace(all, steps);
  }, former.fieldsV1);
  return extract(object as unknown as KubeObject, fields);
}

function put(value: Json | undefined, [step, ...rest]: Pointer, wanted: Json): Json {
  if (step === undefined) return wanted;
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    if (rest.length === 0 && !(Number(step) < items.length)) return [...items, wanted];
    return items.map((item, index) => (index === step ? put(item, rest, wanted) : item));
  }
  const object = isObject(value) ? value : {};
  return { ...object, [String(step)]: put(object[String(step)], rest, wanted) };
}

function withPlace(fields: JsonObject, [step, ...rest]: readonly string[]): JsonObject {
  if (step === undefined) return fields;
  const below = fields[step];
  return { ...fields, [step]: withPlace(isObject(below) ? below : {}, rest) };
}

/** An emptied one goes, too: as a leaf it would stand for all below it. */
function withoutPlace(fields: JsonObject, [step, ...rest]: readonly string[]): JsonObject {
  const below = step === undefined ? undefined : fields[step];
  if (step === undefined || !isObject(below)) return fields;
  const { [step]: _gone, ...others } = fields;
  const left = rest.length === 0 ? {} : withoutPlace(below, rest);
  return Object.keys(left).length === 0 ? others : { ...fields, [step]: left };
}
