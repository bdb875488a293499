/** Every machine that an unfinished transaction may still be on, by the name in its tx.created. Old ones stay registered. */
import { transactionV1 } from './transaction.v1.ts';

export const CURRENT_MACHINE = 'transaction.v1';
export const machines: { readonly [name: string]: typeof transactionV1 | undefined } = {
  'transaction.v1': transactionV1,
};
export type { TransactionContext, TransactionMachineEvent } from './transaction.v1.ts';
