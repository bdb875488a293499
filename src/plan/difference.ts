import { type Digest, digestOf, type Json, jsonEqual, type KubeObject, refOf, refText } from '../base/index.ts';
import { REVISION } from './bundle.ts';
import { changedFields } from './fields.ts';
import { immutableChanges, mayRecreate } from './immutable.ts';
import { locationId } from './location.ts';
import type { Bundle, Location, LocationChange, LocationId } from './types.ts';

/** A location as it was committed. */
export interface CommittedLocation {
  readonly revision: number;
  readonly digest: Digest;
  readonly bundle: Bundle;
}

/** What is to happen to one location. */
export interface LocationDifference {
  readonly id: LocationId;
  readonly location: Location;
  readonly change: LocationChange['change'];
  readonly previous: CommittedLocation | null;
  /** Null when the location goes. Unchanged: the committed bundle. */
  readonly bundle: Bundle | null;
  readonly digest: Digest | null;
  readonly objects: LocationChange['objects'];
  /** Objects that the new bundle no longer has. */
  readonly gone: readonly KubeObject[];
  readonly created: readonly KubeObject[];
  /** Changes that no server allows; `recreate`: the object says that it may be made anew. */
  readonly immutable: readonly {
    readonly object: string;
    readonly fields: readonly string[];
    readonly recreate: boolean;
  }[];
}

const FIELDS_MAX = 20;

/** Committed against wanted, per location, sorted by id. What only states another revision is no change. */
export function difference(
  committed: readonly CommittedLocation[],
  wanted: readonly Bundle[],
): readonly LocationDifference[] {
  const before = new Map(committed.map((one) => [locationId(one.bundle.location), one]));
  const after = new Map(wanted.map((bundle) => [locationId(bundle.location), bundle]));
  const ids = [...new Set([...before.keys(), ...after.keys()])].sort();
  return ids.map((id) => compare(id, before.get(id) ?? null, after.get(id) ?? null));
}

function compare(id: LocationId, previous: CommittedLocation | null, wanted: Bundle | null): LocationDifference {
  const location = (wanted ?? previous?.bundle)?.location as Location;
  if (previous !== null && wanted !== null && sameContent(previous.bundle, wanted)) {
    const nothing = { objects: [], gone: [], created: [], immutable: [] };
    return { id, location, change: 'none', previous, bundle: previous.bundle, digest: previous.digest, ...nothing };
  }
  const change = previous === null ? 'add' : wanted === null ? 'remove' : 'update';
  const parts = compareObjects(previous?.bundle.objects ?? [], wanted?.objects ?? []);
  return {
    id,
    location,
    change,
    previous,
    bundle: wanted,
    digest: wanted === null ? null : digestOf(wanted),
    ...parts,
  };
}

function compareObjects(
  before: readonly KubeObject[],
  after: readonly KubeObject[],
): Pick<LocationDifference, 'objects' | 'gone' | 'created' | 'immutable'> {
  const old = byIdentity(before);
  const objects: LocationChange['objects'][number][] = [];
  const created: KubeObject[] = [];
  const immutable: LocationDifference['immutable'][number][] = [];
  const wanted = byIdentity(after);
  for (const [identity, versions] of wanted) {
    const first = versions[0] as KubeObject;
    const was = old.get(identity);
    if (was === undefined) {
      created.push(...versions);
      objects.push({ ref: refOf(first), change: 'create', fields: [] });
      continue;
    }
    const twin = was.find((one) => one.apiVersion === first.apiVersion) ?? (was[0] as KubeObject);
    const fields = changedFields(content(twin), content(first), FIELDS_MAX);
    const same =
      was.length === versions.length &&
      versions.every((one, index) => jsonEqual(content(one), content(was[index] as KubeObject)));
    objects.push({ ref: refOf(first), change: same ? 'none' : 'update', fields });
    const fixed = immutableChanges(twin, first);
    if (fixed.length > 0)
      immutable.push({ object: identity, fields: fixed.slice(0, FIELDS_MAX), recreate: mayRecreate(first) });
  }
  const gone = [...old].filter(([identity]) => !wanted.has(identity)).flatMap(([, versions]) => versions.slice(0, 1));
  objects.push(...gone.map((object) => ({ ref: refOf(object), change: 'delete' as const, fields: [] })));
  return { objects, gone, created, immutable };
}

/** Several versions of one object stand together (API skew). */
function byIdentity(objects: readonly KubeObject[]): Map<string, KubeObject[]> {
  const found = new Map<string, KubeObject[]>();
  for (const object of objects) {
    const identity = refText(refOf(object));
    const versions = found.get(identity);
    if (versions === undefined) found.set(identity, [object]);
    else versions.push(object);
  }
  return found;
}

function sameContent(a: Bundle, b: Bundle): boolean {
  const plain = ({ revision: _, objects, ...rest }: Bundle): Json =>
    ({ ...rest, objects: objects.map(content) }) as unknown as Json;
  return jsonEqual(plain(a), plain(b));
}

/** An object without what only names the revision. */
function content(object: KubeObject): Json {
  const { annotations, ...metadata } = object.metadata;
  const { [REVISION]: _, ...others } = annotations ?? {};
  return {
    ...object,
    metadata: { ...metadata, ...(Object.keys(others).length === 0 ? {} : { annotations: others }) },
  } as unknown as Json;
}
