/** Which owed work a step of a settle transaction settles by having succeeded. */
import type { DocumentReader } from '../base/index.ts';
import type { Step } from '../plan/index.ts';
import { locationId } from '../plan/index.ts';
import { type OwedDocument, owedKey } from './project.ts';
import type { TransactionData } from './state.ts';

/** Keys of `owed` documents. */
export function settledBy(data: TransactionData, { work }: Step, documents: DocumentReader): readonly string[] {
  if (data.header.kind !== 'settle') return [];
  switch (work.action) {
    case 'settleUndo':
      return [owedKey(work.location.cluster, work.transaction, work.step)];
    case 'remove':
    case 'prune':
    case 'apply': {
      const { cluster } = work.location;
      const location = locationId(work.location);
      const owed = documents.list('owed', { prefix: `${cluster}/` });
      return owed
        .filter(({ body }) => {
          const document = body as unknown as OwedDocument;
          // a whole location that is removed leaves nothing to undo or prune
          return document.location === location && (work.action === 'remove' || document.kind === work.action);
        })
        .map(({ key }) => key);
    }
    default:
      return [];
  }
}
