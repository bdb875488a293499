/** What is sent for one object of a bundle: fields that the stack says to leave alone stay out while another owns them. */
import { isObject, type Json, type KubeObject } from '../../../base/index.ts';
import type { Bundle } from '../bundle.ts';
import { ownersAt, type Pointer } from '../field-set.ts';

/** The object as it is applied over what is there. */
export function forApply(object: KubeObject, live: KubeObject | undefined, bundle: Bundle): KubeObject {
  if (live === undefined) return object;
  return leftAlone(object, bundle).reduce((wanted, text) => {
    const there = resolve(live as unknown as Json, parsePointer(text));
    const here = resolve(wanted as unknown as Json, parsePointer(text));
    if (there === undefined || here === undefined) return wanted;
    // left out while we own it alone it would be removed, and fall back to a default that nobody asked for
    const foreign = ownersAt(live, there).some((owner) => owner.manager !== bundle.fieldManager);
    return foreign ? (withoutAt(wanted as unknown as Json, here) as unknown as KubeObject) : wanted;
  }, object);
}

/** Whether what is applied depends on what is there. */
export function dependsOnLive(object: KubeObject, bundle: Bundle): boolean {
  return leftAlone(object, bundle).length > 0;
}

/** What the stack says, and by itself the replicas that an autoscaler of the same function sets. */
function leftAlone(object: KubeObject, { drift, objects }: Bundle): readonly string[] {
  const isTarget = objects.some((one) => {
    const target = isObject(one.spec) && isObject(one.spec.scaleTargetRef) ? one.spec.scaleTargetRef : {};
    return (
      one.kind === 'HorizontalPodAutoscaler' &&
      one.metadata.namespace === object.metadata.namespace &&
      target.kind === object.kind &&
      target.name === object.metadata.name
    );
  });
  return isTarget ? [...drift.ignore, '/spec/replicas'] : drift.ignore;
}

/** `[name=c]` names a list's item by a key of it; undefined: there is none. */
function resolve(value: Json, pointer: Pointer): Pointer | undefined {
  let at: Json | undefined = value;
  const found: (string | number)[] = [];
  for (const step of pointer) {
    const next: string | number | undefined = Array.isArray(at) ? itemAt(at, step) : step;
    if (next === undefined) return undefined;
    found.push(next);
    at = Array.isArray(at) ? at[next as number] : isObject(at) ? at[String(next)] : undefined;
  }
  return found;
}

function itemAt(items: readonly Json[], step: string | number): string | number | undefined {
  const [, name = '', value] = /^\[([^=\]]+)=(.*)\]$/.exec(String(step)) ?? [];
  if (value === undefined) return step;
  const index = items.findIndex((item) => isObject(item) && String(item[name]) === value);
  return index === -1 ? undefined : index;
}

/** RFC 6901; `resolve` knows one kind of step more. */
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
