/** A hub's engine over a fleet in memory and virtual time; the hub may die and be opened again on what was durable. */
import {
  createIds,
  done,
  type Logger,
  limits,
  type Outcome,
  type Projector,
  refused,
  SimulatedClock,
  type Store,
  seededRandom,
  silentLogger,
} from '../../base/index.ts';
import type { Plan, PlanAmendment } from '../../plan/index.ts';
import { createEngine } from '../engine.ts';
import { projectTransaction } from '../project.ts';
import type { Engine, Replan, TransactionView } from '../types.ts';
import { Fleet } from './fleet.ts';

/** Opens a store on what an earlier one of this world left; given by the test, for saga knows no store. */
export type OpenStore = (projectors: readonly Projector[]) => Store;

export class World {
  readonly clock = new SimulatedClock();
  readonly fleet: Fleet;
  /** Reservations by key. */
  readonly reserved = new Map<string, string>();
  readonly errors: string[] = [];
  replanAgain: (transaction: TransactionView) => Outcome<Plan> = () =>
    refused({ kind: 'noPlan', message: 'no plan', hint: 'mend it' });
  without: (transaction: TransactionView, plan: Plan, lost: readonly string[]) => Outcome<PlanAmendment> = () =>
    refused({ kind: 'noRoom', message: 'no other cluster has room', hint: 'mend it' });
  noRoom: ReadonlySet<string> = new Set();
  readonly #random = seededRandom(7);

  constructor(clusters: readonly string[]) {
    this.fleet = new Fleet(this.clock, clusters);
  }

  open(store: Store, observeOnly = false): Engine {
    return createEngine({
      journal: store.journal,
      documents: store.documents,
      blobs: store.blobs,
      link: this.fleet,
      replan: this.#replan(),
      clock: this.clock,
      random: this.#random,
      ids: createIds(this.clock, this.#random),
      logger: this.#logger(),
      epoch: store.epoch,
      limits,
      observeOnly,
    });
  }

  get projectors(): readonly Projector[] {
    return [projectTransaction];
  }

  /** Lets time pass until `until` holds, jumping from timer to timer; false when nothing is left to happen before `forMs`. */
  async run(until: () => boolean, forMs = 3_600_000): Promise<boolean> {
    const endMs = this.clock.now() + forMs;
    for (;;) {
      await this.clock.advance(0);
      if (until()) return true;
      const next = this.clock.nextTimer();
      if (next === undefined || next > endMs) return false;
      await this.clock.advance(Math.max(0, next - this.clock.now()));
    }
  }

  #replan(): Replan {
    return {
      again: async (transaction) => this.replanAgain(transaction),
      without: async (transaction, plan, lost) => this.without(transaction, plan, lost),
      reserve: (key, { cluster }) => {
        if (this.noRoom.has(cluster))
          return refused({ kind: 'noRoom', message: `${cluster} lacks 100 m CPU`, hint: 'mend it' });
        this.reserved.set(key, cluster);
        return done(null);
      },
      release: (key) => void this.reserved.delete(key),
    };
  }

  #logger(): Logger {
    const logger: Logger = {
      ...silentLogger,
      error: (fields, message) => void this.errors.push(`${message} ${JSON.stringify(fields)}`),
      child: () => logger,
    };
    return logger;
  }
}
