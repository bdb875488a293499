/**
 * Turns of transactions, shared out among tenants: so many at once, tenant by tenant in a circle, and of each tenant the oldest
 * transaction first. Every effect is issued in a turn, so a tenant with one stack is at most one circle behind, however many
 * transactions another one has.
 */
import type { Plan } from '../plan/index.ts';

/** Whose turns its transactions take: the stack's label `ldc.dev/tenant`, else its project. */
export function tenantOf({ tenant, stack }: Pick<Plan, 'tenant' | 'stack'>): string {
  return tenant ?? stack.project;
}

interface Waiting {
  readonly id: string;
  readonly begin: () => void;
}

export class FairTurns {
  readonly #atOnceMax: number;
  #taken = 0;
  /** In the order of the circle: who has just had a turn stands last. Each tenant's are oldest first; no tenant's list is empty. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** Resolves when its turn has come; whoever has had it calls `end`. */
  begin(tenant: string, id: string): Promise<void> {
    if (this.#taken < this.#atOnceMax) {
      this.#taken++;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const list = this.#waiting.get(tenant) ?? [];
      this.#waiting.set(tenant, list);
      list.splice(placeOf(list, id), 0, { id, begin: resolve });
    });
  }

  end(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken--;
      return;
    }
    const [tenant, list] = next;
    const first = list.shift();
    this.#waiting.delete(tenant);
    if (list.length > 0) this.#waiting.set(tenant, list);
    first?.begin(); // it takes over the place of the one that has ended
  }
}

/** Ids sort as they were made. */
function placeOf(list: readonly Waiting[], id: string): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Waiting).id <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
