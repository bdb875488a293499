/** Pages of transactions, newest first. */
import { type DocumentReader, limits } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { clusterOf } from './actions/index.ts';
import type { Header } from './header.ts';
import type { TransactionFilter, TransactionId, TransactionSummary } from './types.ts';
import { summaryOf } from './views.ts';

/** @param planOf looked up only for the cluster filter, last of all */
export function listTransactions(
  filter: TransactionFilter,
  documents: DocumentReader,
  planOf: (id: TransactionId) => Plan | undefined,
): { readonly items: readonly TransactionSummary[]; readonly next: string | null } {
  const wanted = Math.min(filter.limit ?? limits.pageItemsMax, limits.pageItemsMax);
  const items: TransactionSummary[] = [];
  let after = filter.after;
  for (;;) {
    const page = pageOf(filter, documents, after);
    for (const { key, body } of page) {
      const header = body as unknown as Header;
      if (!matches(header, filter) || !touches(key, filter, planOf)) continue;
      if (items.length === wanted) return { items, next: items.at(-1)?.id ?? null };
      items.push(summaryOf(header));
    }
    after = page.at(-1)?.key;
    if (page.length < limits.pageItemsMax) return { items, next: null };
  }
}

/** Of the unfinished ones there is a short list; all others are years of history. */
function pageOf({ unfinished }: TransactionFilter, documents: DocumentReader, after: string | undefined) {
  const options = { reverse: true, limit: limits.pageItemsMax, ...(after === undefined ? {} : { after }) };
  if (unfinished !== true) return documents.list('transaction', options);
  return documents.list('unfinished', options).flatMap(({ key }) => documents.get('transaction', key) ?? []);
}

function matches(header: Header, { stack, kind, state, unfinished }: TransactionFilter): boolean {
  return (
    (stack === undefined || (header.stack.project === stack.project && header.stack.name === stack.name)) &&
    (kind === undefined || header.kind === kind) &&
    (state === undefined || header.state === state) &&
    (unfinished === undefined || header.sealed !== unfinished)
  );
}

function touches(
  id: TransactionId,
  { cluster }: TransactionFilter,
  planOf: (id: TransactionId) => Plan | undefined,
): boolean {
  return cluster === undefined || (planOf(id)?.steps.some((step) => clusterOf(step) === cluster) ?? false);
}
