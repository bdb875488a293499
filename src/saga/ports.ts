/** What the engine is joined from. */
import type { Blobs, Clock, DocumentReader, Ids, Journal, Logger, limits, Random } from '../base/index.ts';
import type { AgentLink } from '../protocol/index.ts';
import type { Replan } from './types.ts';

export interface EnginePorts {
  readonly journal: Journal;
  readonly documents: DocumentReader;
  readonly blobs: Blobs;
  readonly link: AgentLink;
  readonly replan: Replan;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly logger: Logger;
  /** The store's: agents refuse commands of a lower one. */
  readonly epoch: number;
  readonly limits: EngineLimits;
  /** The store was restored from a backup: agents hold newer things than it remembers, so nothing is sent until it is rearmed. */
  readonly observeOnly?: boolean;
}

/** base/limits has them all. */
export type EngineLimits = {
  readonly [K in
    | 'turnsAtOnceMax'
    | 'stepAttemptsMax'
    | 'retryFirstMs'
    | 'retryMsMax'
    | 'laterFirstMs'
    | 'laterMsMax'
    | 'laterPreparingMsMax'
    | 'journalBatchEntriesMax']: (typeof limits)[K] | number;
};
