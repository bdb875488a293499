/** What is sent for one object of a bundle: fields that the stack says to leave alone stay out while another owns them. */
import { isObject, type Json, type KubeObject } from '../../../base/index.ts';
import type { Bundle } from '../bundle.ts';
import { ownersAt, type Pointer } from '../field-set.ts';

/** The object as it is applied over what is there. */
export function forApply(object: KubeObject, live: KubeObject | undefined, bundle: Bundle): KubeObject {
  if (live === undefined) return object;
  return bundle.drift.ignore.reduce((wanted, text) => {
    const pointer = parsePointer(text);
    // left out while we own it alone it would be removed, and fall back to a default that nobody asked for
    const foreign = ownersAt(live, pointer).some((owner) => owner.manager !== bundle.fieldManager);
    return foreign ? (withoutAt(wanted as unknown as Json, pointer) as unknown as KubeObject) : wanted;
  }, object);
}

/** RFC 6901. */
export function parsePointer(text: string): Pointer {
  return text
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function withoutAt(value: Json, [step, ...rest]: Pointer): Json {
  if (step === undefined) return value;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? withoutAt(item, rest) : item));
  if (!isObject(value) || value[step] === undefined) return value;
  const { [String(step)]: inner, ...others } = value;
  return rest.length === 0 ? others : { ...others, [String(step)]: withoutAt(inner as Json, rest) };
}

/** Whether the object says that it may be deleted and made anew where a field cannot be changed. */
export function isRecreated(object: KubeObject): boolean {
  return object.metadata.annotations?.['ldc.dev/replace'] === 'recreate';
}
