/** The limit on update managers: the oldest are merged into one entry a version. */
import { union } from './field-set.ts';
import { byAge, type Manager, type Managers, managerId } from './managers.ts';

const UPDATE_MANAGERS_MAX = 10;
const BUCKET = 'ancient-changes';

/** The managers with at most ten that are not appliers. Of each version the oldest only opens the bucket; it is merged with the next. */
export function capped(managers: Managers): Map<string, Manager> {
  const out = new Map(managers);
  const updaters = [...managers].filter(([, manager]) => manager.operation === 'Update').sort(byAge);
  let count = updaters.length;
  const firstOf = new Map<string, string>();
  for (const [id, manager] of updaters) {
    if (count <= UPDATE_MANAGERS_MAX) break;
    const first = firstOf.get(manager.apiVersion);
    if (first === undefined) {
      firstOf.set(manager.apiVersion, id);
      continue;
    }
    const identity = { name: BUCKET, operation: 'Update', apiVersion: manager.apiVersion, subresource: '' } as const;
    const bucketId = managerId(identity);
    const bucket = out.get(bucketId) ?? out.get(first);
    if (!out.has(bucketId)) out.delete(first);
    out.delete(id);
    const fields = bucket === undefined ? manager.fields : union(bucket.fields, manager.fields);
    out.set(bucketId, { ...identity, fields, ...(manager.time === undefined ? {} : { time: manager.time }) });
    count -= 1;
  }
  return out;
}
