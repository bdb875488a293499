/** The last entries of a transaction: its end and the seal, in one batch. */
import { type Digest, digestOf, type Json } from '../base/index.ts';
import type { TransactionEvent } from './events.ts';
import type { TransactionData } from './state.ts';

export function committed(data: TransactionData): readonly TransactionEvent[] {
  const { stack, kind, revision, forced } = data.header;
  const locations = data.plan.locations as unknown as Json;
  return [
    { type: 'tx.committed', data: { stack, kind, revision, locations, forced } },
    sealed(data, 'committed', digestOf(data.plan.locations)),
  ];
}

export function rolledBack(data: TransactionData, finalDigest: Digest): readonly TransactionEvent[] {
  const { stack, kind, revision, forced, owed } = data.header;
  return [
    { type: 'tx.rolledBack', data: { stack, kind, revision, owed: [...owed], forced } },
    sealed(data, 'rolledBack', finalDigest),
  ];
}

function sealed(data: TransactionData, outcome: 'committed' | 'rolledBack', finalDigest: Digest): TransactionEvent {
  return { type: 'tx.sealed', data: { count: data.seq + 2, outcome, planDigest: data.plan.digest, finalDigest } };
}
