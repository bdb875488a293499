/** Ownership of the replicas of an object that is scaled: writes through /scale are tracked on the object itself. */
import { type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import { difference, insert, intersection, isEmptySet, newSet } from './field-set.ts';
import { managerId, readManagersOrNone, withManagedFields, withManager, writeManagers } from './managers.ts';

export interface ScaleRequest {
  /** The scaled object before. */
  readonly live: KubeObject;
  /** The scaled object with its new number of replicas. */
  readonly next: KubeObject;
  /** The manager's name; '' counts as `unknown`. */
  readonly manager: string;
  /** Where the replicas are, such as `['spec', 'replicas']`. */
  readonly path: readonly string[];
}

function valueAt(object: KubeObject, path: readonly string[]): Json | undefined {
  let at: unknown = object;
  for (const key of path)
    at = typeof at === 'object' && at !== null ? (at as { [key: string]: unknown })[key] : undefined;
  return at as Json | undefined;
}

/**
 * The object after a write (not an apply) through /scale: who scales owns the replicas alone, under subresource `scale`.
 * As on a real server such an entry has no time. A write that changes nothing moves nothing.
 */
export function trackScale(request: ScaleRequest): KubeObject {
  const { live, next, path } = request;
  if (jsonEqual(valueAt(live, path), valueAt(next, path)))
    return withManagedFields(next, live.metadata.managedFields as readonly Json[]);
  const replicas = newSet();
  insert(
    replicas,
    path.map((key) => `f:${key}`),
  );
  const entry = {
    name: request.manager === '' ? 'unknown' : request.manager,
    operation: 'Update',
    apiVersion: live.apiVersion,
    subresource: 'scale',
  } as const;
  let managers = readManagersOrNone(live.metadata.managedFields);
  if (managers.size === 0) return withManagedFields(next, undefined);
  const owned = [...managers.values()].some(({ fields }) => !isEmptySet(intersection(fields, replicas)));
  // As on a real server: replicas that nobody owns are not tracked, whoever scales.
  if (!owned) return withManagedFields(next, live.metadata.managedFields as readonly Json[]);
  const own = managers.get(managerId(entry));
  for (const manager of [...managers.values()]) {
    managers = withManager(managers, { ...manager, fields: difference(manager.fields, replicas) });
  }
  managers = withManager(managers, { ...(own ?? {}), ...entry, fields: replicas });
  return withManagedFields(next, writeManagers(managers));
}
