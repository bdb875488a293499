/** Why the engine takes no transaction, or does nothing to one, in words that a person can use. */
import { type Outcome, refused, StoreError } from '../base/index.ts';
import type { Contender } from './locks.ts';

export const OBSERVING = {
  kind: 'observeOnly',
  message: 'this hub was restored from a backup and only observes',
  hint: 'compare with what the agents report, stop the hub, then `ldc hub rearm --reason …`',
};

/** Nothing of it exists: the store says what to do. @throws whatever is not the store's */
export function notWritten(error: unknown): Outcome<never> {
  if (!(error instanceof StoreError)) throw error;
  return refused({
    kind: `store.${error.kind}`,
    message: `the transaction could not be written: ${error.message}`,
    hint: 'nothing was done: free space where the hub keeps its state, and try again',
  });
}

export function busy({ header }: Contender) {
  const message = `${header.id} (${header.kind}, ${header.state}) is at work on ${header.stack.project}/${header.stack.name}`;
  return { kind: 'busy', message, hint: `wait for it, or look at ldc tx show ${header.id}` };
}
