/** What befalls the connections of a gateway. `cut`: everything freezes, no end is told; `slow`: every chunk comes late; `refuse`: nobody answers the door. */
export type Fault =
  | { readonly kind: 'none' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'slow'; readonly latencyMs: number }
  | { readonly kind: 'refuse' };

/** The fault of one gateway, shared by all its proxies; each hears of a change. */
export class FaultSwitch {
  #fault: Fault = { kind: 'none' };
  readonly #listeners = new Set<(fault: Fault) => void>();

  get fault(): Fault {
    return this.#fault;
  }

  set(fault: Fault): void {
    this.#fault = fault;
    for (const listener of [...this.#listeners]) listener(fault);
  }

  onChange(listener: (fault: Fault) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
