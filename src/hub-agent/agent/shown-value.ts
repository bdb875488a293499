/** A field's value as it may leave the cluster and be journaled: what looks like a secret masked, a large one told by its digest. */
import { digestOf, isCutReference, isObject, type Json, limits } from '../../base/index.ts';
import { MASKED, type Mask } from '../../kubernetes/index.ts';

/** `field`: its path, such as `.data.mode` or `.spec.containers[name=c].env[name=PASSWORD].value`; what a Secret holds is cut already. */
export function shownValue(value: Json, field: string, mask: Mask): Json {
  const shown = masked(value, labelOf(field), mask);
  const text = JSON.stringify(shown);
  const bytes = Buffer.byteLength(text);
  return bytes <= limits.driftValueBytesMax ? shown : `… (${bytes} bytes, ${digestOf(shown)})`;
}

/** What a value is called: its field's name; of `env[name=PASSWORD].value` that of its item. */
function labelOf(field: string): string {
  const item = /\[(?:name|key)=([^\],]+)[^\]]*\]\.value$/.exec(field);
  return item?.[1] ?? /[^.[\]=]+$/.exec(field.replace(/\]$/, ''))?.[0] ?? '';
}

function masked(value: Json, label: string, mask: Mask): Json {
  if (typeof value === 'string' || typeof value === 'number') {
    if (value === '' || (typeof value === 'string' && isCutReference(value))) return value;
    if (!mask(`${label}=probe`).endsWith('=probe')) return MASKED;
    return typeof value === 'string' ? mask(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => masked(item, label, mask));
  if (!isObject(value)) return value;
  const own = typeof value.name === 'string' ? value.name : undefined;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      return inner === undefined ? [] : [[key, masked(inner, key === 'value' ? (own ?? key) : key, mask)]];
    }),
  );
}
