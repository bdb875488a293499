/** Which differences from a pre-image are none of the transaction's doing. Pure; what an undo leaves alone and what its proof lets pass is the same. */
import { type KubeObject, refOf, refText } from '../../../base/index.ts';
import type { Bundle } from '../bundle.ts';
import type { Change } from '../compare.ts';
import { ownersAt } from '../field-set.ts';

/** Why a difference is none of this transaction's; undefined: it is. */
export function explanation(
  change: Change,
  past: KubeObject,
  live: KubeObject,
  bundle: Bundle | undefined,
  manager: string,
): string | undefined {
  const foreign = (object: KubeObject, pointer: Change['inBefore']) =>
    ownersAt(object, pointer).find((owner) => owner.manager !== manager);
  if (change.after !== undefined) {
    const now = foreign(live, change.inAfter);
    return now === undefined ? undefined : `${now.manager} has changed it meanwhile`;
  }
  const then = foreign(past, change.inBefore);
  // an object that was made anew has lost what others owned without their doing
  const madeAnew = live.metadata.uid !== past.metadata.uid;
  if (then === undefined || madeAnew || touches(bundle, past, change)) return undefined;
  return `${then.manager}, who owned it, or another has removed it meanwhile`;
}

/** Whether the bundle says something of that place. */
function touches(bundle: Bundle | undefined, past: KubeObject, change: Change): boolean {
  const own = bundle?.objects.find((object) => refText(refOf(object)) === refText(refOf(past)));
  let value: unknown = own;
  for (const step of change.inBefore) {
    if (typeof value !== 'object' || value === null) return value !== undefined;
    if (Array.isArray(value)) return true; // items are matched by key, not by place: who lists any of them, touches the list
    value = (value as Record<string, unknown>)[String(step)];
  }
  return value !== undefined;
}

/** uid and creation time cannot be brought back, only compared. */
export function isIdentity(change: Change): boolean {
  return change.path === '.metadata.uid' || change.path === '.metadata.creationTimestamp';
}
