/** What of an object is other than its bundle says, field by field, and whose hand it was as far as the API server says. Pure. */
import { type Json, type KubeObject, type ObjectRef, refText } from '../../base/index.ts';
import { type Mask, normalize } from '../../kubernetes/index.ts';
import type { DriftChange } from '../../protocol/index.ts';
import { type Change, compareObjects } from './compare.ts';
import { type OwnerEntry, ownersAt } from './field-set.ts';
import { shownValue } from './shown-value.ts';

export interface DriftReading {
  /** What the API server would make of the bundle now (a dry run), and what is there. */
  readonly would: KubeObject;
  readonly live: KubeObject;
  /** Our own field manager: never whose hand it was. */
  readonly manager: string;
  readonly cutKey: Uint8Array;
  readonly mask: Mask;
}

const MESSAGE_FIELDS_MAX = 3;
const MESSAGE_VALUE_CHARACTERS_MAX = 80;

/** All changes, in document order; Secret values cut, what looks like a secret masked, large values told by their digest. */
export function driftChanges({ would, live, manager, cutKey, mask }: DriftReading): readonly DriftChange[] {
  const { apiVersion, kind, metadata } = live;
  const { name, namespace } = metadata;
  const ref: ObjectRef = { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
  return compareObjects(normalize(would, cutKey), normalize(live, cutKey)).map((change) => {
    const { path: field, before, after } = change;
    const by = handOf(live, change, manager);
    return {
      ref,
      field,
      ...(before === undefined ? {} : { wanted: shownValue(before, field, mask) }),
      ...(after === undefined ? {} : { found: shownValue(after, field, mask) }),
      ...(by === undefined ? {} : { by }),
    };
  });
}

/** In one line: `ConfigMap shop/settings was changed by kubectl-edit: .data.mode "good" → "bad"`. */
export function changedMessage(ref: ObjectRef, changes: readonly DriftChange[]): string {
  const managers = [...new Set(changes.flatMap(({ by }) => by?.manager ?? []))];
  const by = managers.length === 0 ? '' : ` by ${managers.join(', ')}`;
  const fields = changes
    .slice(0, MESSAGE_FIELDS_MAX)
    .map(({ field, wanted, found }) => `${field} ${shortText(wanted)} → ${shortText(found)}`);
  const more = changes.length > MESSAGE_FIELDS_MAX ? `, and ${changes.length - MESSAGE_FIELDS_MAX} more` : '';
  return `${refText(ref)} was changed${by}: ${fields.join(', ')}${more}`;
}

/** Who owns what is found there beside us, the latest of them. What was taken away has no owner. */
function handOf(live: KubeObject, { inAfter, after }: Change, manager: string): DriftChange['by'] {
  if (after === undefined) return undefined;
  const time = (owner: OwnerEntry) => owner.time ?? '';
  const [owner] = ownersAt(live, inAfter)
    .filter((entry) => entry.manager !== manager)
    .sort((a, b) => (time(a) < time(b) ? 1 : -1));
  if (owner === undefined) return undefined;
  return {
    manager: owner.manager,
    operation: owner.operation,
    ...(owner.subresource === undefined ? {} : { subresource: owner.subresource }),
    ...(owner.time === undefined ? {} : { at: owner.time }),
  };
}

function shortText(value: Json | undefined): string {
  if (value === undefined) return 'absent';
  const text = JSON.stringify(value);
  return text.length <= MESSAGE_VALUE_CHARACTERS_MAX ? text : `${text.slice(0, MESSAGE_VALUE_CHARACTERS_MAX - 1)}…`;
}
