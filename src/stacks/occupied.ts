/** What is wanted on each cluster, and whose each object there is: asked by every plan, so kept in memory as the journal moves it. */
import type { Entry, Store } from '../base/index.ts';
import { type LocationId, locationId, type StackRef } from '../plan/index.ts';
import type { Bundles } from './bundles.ts';
import { bodies, collections, type LocationRecord, locationsOf, stackId } from './records.ts';

export interface Occupied {
  /** Ids of the locations that are wanted there, by cluster; clusters without any are not in it. */
  byCluster(): ReadonlyMap<string, ReadonlySet<LocationId>>;
  /** The location of another stack on that cluster whose bundle has this object (refText). */
  owner(cluster: string, object: string, own: StackRef): LocationRecord | undefined;
}

/** Both name their stack; but for a cluster's new name nothing else writes the documents of locations. */
const MOVING: ReadonlySet<string> = new Set(['tx.committed', 'stack.adopted']);
/** Moves what is wanted there to another name: rare, so that all is read anew. */
const RENAMED = 'cluster.renamed';

export function createOccupied(store: Pick<Store, 'documents' | 'journal'>, bundles: Pick<Bundles, 'refs'>): Occupied {
  const { documents } = store;
  let index: Index | undefined;
  store.journal.onAppend((entries) => {
    if (entries.some(({ type }) => type === RENAMED)) index = undefined;
    if (index === undefined) return;
    for (const stack of movedBy(entries)) index.replace(stack, locationsOf(documents, stack));
  });
  // read on first use: a hub that only watches never plans
  const read = () => {
    index ??= new Index(bodies<LocationRecord>(documents, collections.location), bundles);
    return index;
  };
  return {
    byCluster: () => read().byCluster,
    owner: (cluster, object, own) => read().owner(cluster, object, own),
  };
}

function movedBy(entries: readonly Entry[]): readonly StackRef[] {
  return entries.filter(({ type }) => MOVING.has(type)).map(({ data }) => data.stack as unknown as StackRef);
}

class Index {
  readonly byCluster = new Map<string, Set<LocationId>>();
  readonly #bundles: Pick<Bundles, 'refs'>;
  readonly #byStack = new Map<string, readonly LocationRecord[]>();
  /** By cluster, then by object; a cluster's bundles are read when it is first asked for. */
  readonly #owners = new Map<string, Map<string, LocationRecord[]>>();

  constructor(records: readonly LocationRecord[], bundles: Pick<Bundles, 'refs'>) {
    this.#bundles = bundles;
    const byStack = Map.groupBy(records, ({ location }) => stackId(location.stack));
    for (const [stack, own] of byStack) this.#put(stack, own);
  }

  replace(stack: StackRef, records: readonly LocationRecord[]): void {
    const key = stackId(stack);
    for (const record of this.#byStack.get(key) ?? []) {
      const { cluster } = record.location;
      const ids = this.byCluster.get(cluster);
      ids?.delete(locationId(record.location));
      if (ids?.size === 0) this.byCluster.delete(cluster);
      const owners = this.#owners.get(cluster);
      if (owners !== undefined) this.#disown(owners, record);
    }
    this.#byStack.delete(key);
    if (records.length > 0) this.#put(key, records);
  }

  owner(cluster: string, object: string, own: StackRef): LocationRecord | undefined {
    const owners = this.#owners.get(cluster) ?? this.#readOwners(cluster);
    const key = stackId(own);
    return owners.get(object)?.find(({ location }) => stackId(location.stack) !== key);
  }

  #put(stack: string, records: readonly LocationRecord[]): void {
    this.#byStack.set(stack, records);
    for (const record of records) {
      const { cluster } = record.location;
      const ids = this.byCluster.get(cluster) ?? new Set();
      this.byCluster.set(cluster, ids.add(locationId(record.location)));
      const owners = this.#owners.get(cluster);
      if (owners !== undefined) this.#own(owners, record);
    }
  }

  #readOwners(cluster: string): Map<string, LocationRecord[]> {
    const owners = new Map<string, LocationRecord[]>();
    for (const records of this.#byStack.values()) {
      for (const record of records) if (record.location.cluster === cluster) this.#own(owners, record);
    }
    this.#owners.set(cluster, owners);
    return owners;
  }

  #own(owners: Map<string, LocationRecord[]>, record: LocationRecord): void {
    for (const object of this.#bundles.refs(record.bundle)) {
      const known = owners.get(object);
      if (known === undefined) owners.set(object, [record]);
      else known.push(record);
    }
  }

  #disown(owners: Map<string, LocationRecord[]>, record: LocationRecord): void {
    for (const object of this.#bundles.refs(record.bundle)) {
      const left = owners.get(object)?.filter((one) => one !== record) ?? [];
      if (left.length === 0) owners.delete(object);
      else owners.set(object, left);
    }
  }
}
