/** Hears of the ends of all transactions over one line to the hub: its journal, live. */
import { type HubClient, routes } from '../../../src/api/client/index.ts';

export interface End {
  /** `performance.now` at which it was heard. */
  readonly atMs: number;
  readonly outcome: string;
}

export class Ends {
  readonly #ends = new Map<string, PromiseWithResolvers<End>>();
  readonly #stop = new AbortController();

  constructor(client: HubClient) {
    void this.#listen(client);
  }
  of(transaction: string): Promise<End> {
    const known = this.#ends.get(transaction) ?? Promise.withResolvers<End>();
    this.#ends.set(transaction, known);
    return known.promise;
  }
  stop(): void {
    this.#stop.abort();
  }

  async #listen(client: HubClient): Promise<void> {
    const { signal } = this.#stop;
    for await (const { type, tx, data } of client.follow(routes.journal.read, undefined, { signal })) {
      if (type !== 'tx.sealed') continue;
      void this.of(tx);
      this.#ends.get(tx)?.resolve({ atMs: performance.now(), outcome: String((data as { outcome?: string }).outcome) });
    }
  }
}
