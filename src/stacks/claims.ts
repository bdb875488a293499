/**
 * Which objects plans in flight have laid their hand on, from the moment that a plan is handed in until its transaction is
 * sealed: what is not committed yet, and what a stuck one has not undone yet, is another stack's all the same. In memory, as the
 * journal moves it.
 */
import type { Digest, Entry, Store } from '../base/index.ts';
import type { Location, Plan, PlanAmendment, StackRef, StepWork } from '../plan/index.ts';
import type { Bundles } from './bundles.ts';
import { collections, type StackTransaction, stackId } from './records.ts';

/** One stack's hand on an object of one cluster. */
export interface Claim {
  readonly location: Location;
  /** null: its plan is being handed in. */
  readonly transaction: string | null;
}

export interface Claims {
  /** The claim of another stack on that object (refText) there. */
  owner(cluster: string, object: string, own: StackRef): Claim | undefined;
  /** Of a plan that is being handed in. Answers how to let go of it: its transaction, if it has become one, is found in the journal. */
  hold(plan: Pick<Plan, 'steps'>): () => void;
  /** Of what the transaction will be told to do, until it says in the journal that it does that, or ends. */
  holdFor(transaction: string, plan: { readonly steps: Plan['steps'] | PlanAmendment['added'] }): void;
}

/** After each of these the transaction's document says what it lays its hand on, or that it is sealed. */
const MOVING: ReadonlySet<string> = new Set(['tx.created', 'tx.replanned', 'tx.amended', 'tx.sealed']);

export function createClaims(store: Pick<Store, 'documents' | 'journal' | 'blobs'>, bundles: Bundles): Claims {
  const index = new Index(bundles);
  /** Whose document is to be read before the next answer; undefined: all of them. */
  let moved: Set<string> | undefined;
  store.journal.onAppend((entries) => {
    for (const entry of movesOf(entries)) {
      moved?.add(entry.tx);
      index.drop(promiseOf(entry.tx));
    }
  });
  const read = () => {
    const ids = moved ?? new Set(store.documents.list(collections.transaction).map(({ key }) => key));
    moved = new Set();
    for (const id of ids) {
      const known = store.documents.get(collections.transaction, id)?.body as unknown as StackTransaction | undefined;
      const steps = known === undefined ? [] : stepsOf(known.plan, store);
      index.put(id, id, steps);
    }
    return index;
  };
  let promises = 0;
  return {
    owner: (cluster, object, own) => read().owner(cluster, object, own),
    hold(plan) {
      const key = `plan ${++promises}`;
      index.put(key, null, plan.steps);
      return () => index.drop(key);
    },
    holdFor: (transaction, { steps }) => index.put(promiseOf(transaction), transaction, steps),
  };
}

const promiseOf = (transaction: string) => `next of ${transaction}`;

function movesOf(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ type }) => MOVING.has(type));
}

function stepsOf(plan: Digest | null, { blobs }: Pick<Store, 'blobs'>): Plan['steps'] {
  const read = plan === null ? undefined : (blobs.get(plan) as unknown as Plan | undefined);
  return read?.steps ?? [];
}

type Applying = Extract<StepWork, { readonly action: 'apply' }>;

class Index {
  readonly #bundles: Pick<Bundles, 'refs'>;
  /** By who holds them: where each claim stands in `#claims`. */
  readonly #held = new Map<string, readonly { readonly place: string; readonly claim: Claim }[]>();
  /** By cluster and object. */
  readonly #claims = new Map<string, Set<Claim>>();

  constructor(bundles: Pick<Bundles, 'refs'>) {
    this.#bundles = bundles;
  }

  put(key: string, transaction: string | null, steps: Plan['steps']): void {
    this.drop(key);
    const works = steps.map(({ work }) => work).filter((work): work is Applying => work.action === 'apply');
    const held = works.flatMap(({ location, bundle }) => {
      const claim = { location, transaction };
      return [...this.#bundles.refs(bundle)].map((object) => ({ place: placeOf(location.cluster, object), claim }));
    });
    if (held.length === 0) return;
    this.#held.set(key, held);
    for (const { place, claim } of held) {
      const known = this.#claims.get(place) ?? new Set();
      this.#claims.set(place, known.add(claim));
    }
  }

  drop(key: string): void {
    for (const { place, claim } of this.#held.get(key) ?? []) {
      const left = this.#claims.get(place);
      left?.delete(claim);
      if (left?.size === 0) this.#claims.delete(place);
    }
    this.#held.delete(key);
  }

  owner(cluster: string, object: string, own: StackRef): Claim | undefined {
    const others = [...(this.#claims.get(placeOf(cluster, object)) ?? [])].filter(
      ({ location }) => stackId(location.stack) !== stackId(own),
    );
    // one that has its name says more than one that is only arriving
    return others.find(({ transaction }) => transaction !== null) ?? others[0];
  }
}

function placeOf(cluster: string, object: string): string {
  return `${cluster} ${object}`;
}
