/**
 * Ownership through `/scale` (as KEP-555 maps it): what the managers of the object say of its replicas becomes ownership
 * in the Scale, the write is tracked or applied there as on any object, and the outcome is carried back.
 */
import type { Json, KubeObject } from '../../base/index.ts';
import { throughWire } from '../schema/index.ts';
import type { ApplyResult, ResourceInfo } from '../types.ts';
import { apply, trackUpdate } from './apply.ts';
import { difference, type FieldSet, insert, intersection, isEmptySet, newSet } from './field-set.ts';
import { type Manager, type Managers, readManagersOrNone, writeManagers } from './managers.ts';

const SCALE_VERSION = 'autoscaling/v1';

/** What a Scale is to field ownership. */
export const SCALE: ResourceInfo = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  listKind: 'ScaleList',
  plural: 'scales',
  singular: 'scale',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ['get', 'patch', 'update'],
  subresources: [],
  schema: { ref: 'io.k8s.api.autoscaling.v1.Scale' },
  storageVersion: true,
};

/** Where each served version of the scaled kind has its replicas, by apiVersion: `['spec', 'replicas']`; `[]`: it has no scale. */
export type ReplicaPaths = ReadonlyMap<string, readonly string[]>;

export interface ScaleRequest {
  /** The scaled object before. */
  readonly live: KubeObject;
  /** Its Scale before, without managedFields. */
  readonly scale: KubeObject;
  readonly paths: ReplicaPaths;
  /** The manager's name; '' counts as `unknown`. */
  readonly manager: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

export interface Scaled {
  readonly kind: 'scaled';
  readonly scale: KubeObject;
  /** Of the scaled object; undefined: nobody owns anything. */
  readonly managedFields: readonly Json[] | undefined;
}

function setOf(path: readonly string[]): FieldSet {
  const set = newSet();
  insert(
    set,
    path.map((key) => `f:${key}`),
  );
  return set;
}

const IN_SCALE = ['spec', 'replicas'];

function owns(fields: FieldSet, path: readonly string[]): boolean {
  return path.length > 0 && !isEmptySet(intersection(fields, setOf(path)));
}

/** Who owns the replicas, as managers of the Scale. */
function toScale(managers: Managers, paths: ReplicaPaths): readonly Json[] | undefined {
  const out = new Map<string, Manager>();
  for (const [id, manager] of managers) {
    const path = paths.get(manager.apiVersion);
    if (path !== undefined && owns(manager.fields, path))
      out.set(id, { ...manager, apiVersion: SCALE_VERSION, fields: setOf(IN_SCALE) });
  }
  return writeManagers(out);
}

/**
 * The managers of the object after those of its Scale. As on a real server: an applier that keeps the replicas stays
 * as it was, everyone else's replicas become an entry of their own without a time, even if nothing has changed hands.
 */
function toParent(parent: Managers, scale: Managers, apiVersion: string, paths: ReplicaPaths): Managers {
  const left = new Map(scale);
  const out = new Map<string, Manager>();
  for (const [id, manager] of parent) {
    const path = paths.get(manager.apiVersion);
    if (path === undefined) continue; // of a version that is served no more
    if (!owns(manager.fields, path)) out.set(id, manager);
    else if (left.delete(id)) out.set(id, manager);
    else {
      const fields = difference(manager.fields, setOf(path));
      if (!isEmptySet(fields)) out.set(id, { ...manager, fields });
    }
  }
  const own = setOf(paths.get(apiVersion) ?? IN_SCALE);
  for (const [id, manager] of left) {
    if (!owns(manager.fields, IN_SCALE)) continue;
    const { time: _time, ...entry } = manager;
    const time = parent.get(id)?.time;
    out.set(id, { ...entry, apiVersion, fields: own, ...(time === undefined ? {} : { time }) });
  }
  return out;
}

function begun({ live, scale, paths }: ScaleRequest): { readonly managers: Managers; readonly before: KubeObject } {
  const managers = readManagersOrNone(live.metadata.managedFields);
  const managedFields = toScale(managers, paths);
  const metadata = managedFields === undefined ? scale.metadata : { ...scale.metadata, managedFields };
  return { managers, before: { ...scale, metadata } };
}

function ended({ live, paths }: ScaleRequest, managers: Managers, scale: KubeObject): Scaled {
  const after = readManagersOrNone(scale.metadata.managedFields);
  return { kind: 'scaled', scale, managedFields: writeManagers(toParent(managers, after, live.apiVersion, paths)) };
}

/** A write of the Scale that is no apply: `next` is the Scale as it shall be. */
export function trackScale(request: ScaleRequest & { readonly next: KubeObject }): Scaled {
  const { managers, before } = begun(request);
  const { manager, time, next: sent } = request;
  const next = throughWire(sent as never, SCALE.schema ?? {}) as unknown as KubeObject;
  const after = trackUpdate({ live: before, next, sent, manager, subresource: 'scale', time, resource: SCALE });
  return ended(request, managers, after);
}

/** Server-side apply of a Scale: what is owned and refused is as on any object. */
export function applyScale(
  request: ScaleRequest & { readonly applied: KubeObject; readonly force: boolean },
): Scaled | Exclude<ApplyResult, { kind: 'merged' }> {
  const { managers, before } = begun(request);
  const { manager, time, applied, force } = request;
  const result = apply({ live: before, applied, manager, force, subresource: 'scale', time, resource: SCALE });
  return result.kind === 'merged' ? ended(request, managers, result.object) : result;
}
