import type { Entry, Journal } from '../../base/index.ts';
import { PAGE_ITEMS, type PositionedEntry, routes } from '../contract/index.ts';
import { AUDIT_CHAIN } from '../http/audit.ts';
import { type Binding, bind } from '../http/binding.ts';
import { type createLive, streamLines } from '../http/live.ts';
import type { Services } from '../services.ts';

export function journalRoutes({ journal }: Services, live: ReturnType<typeof createLive>): Binding[] {
  return [
    bind(
      routes.journal.read,
      ({ query }) => {
        const { entries, cursor, more } = readOn(journal, query.after ?? 0, query.limit ?? PAGE_ITEMS);
        return { answer: { items: entries, next: more ? String(cursor) : null } };
      },
      ({ query, stillAllowed }, form, request, response) => {
        const after = query.after ?? 0;
        if (form === 'application/x-ndjson') return streamLines(response, allFrom(journal, after));
        const source = {
          read: (cursor: number) => {
            const found = readOn(journal, cursor, PAGE_ITEMS).entries;
            return found.map(({ position, entry }) => ({ id: position, event: entry.type, data: entry }));
          },
          subscribe: (wake: () => void) => journal.onAppend(wake),
          finished: () => false,
        };
        return live(request, response, source, { after, stillAllowed });
      },
    ),
    bind(
      routes.journal.audit,
      ({ query }) => {
        const limit = query.limit ?? PAGE_ITEMS;
        const entries = journal.chain(AUDIT_CHAIN, query.after ?? 0, limit + 1).slice(0, limit + 1);
        const items = entries.slice(0, limit);
        return { answer: { items, next: entries.length > limit ? String(items.at(-1)?.seq) : null } };
      },
      ({ query }, _form, _request, response) => streamLines(response, auditFrom(journal, query.after ?? 0)),
    ),
  ];
}

/** Up to `limit` entries outside the audit trail; `cursor` is the last position looked at. */
function readOn(journal: Journal, after: number, limit: number) {
  const entries: PositionedEntry[] = [];
  let cursor = after;
  for (;;) {
    const batch = journal.read(cursor, limit);
    for (const item of batch) {
      if (entries.length === limit) return { entries, cursor, more: true };
      cursor = item.position;
      if (item.entry.tx !== AUDIT_CHAIN) entries.push(item);
    }
    if (batch.length < limit) return { entries, cursor, more: false };
  }
}

function* allFrom(journal: Journal, after: number): Generator<PositionedEntry> {
  let cursor = after;
  for (;;) {
    const page = readOn(journal, cursor, PAGE_ITEMS);
    yield* page.entries;
    if (!page.more) return;
    cursor = page.cursor;
  }
}

function* auditFrom(journal: Journal, after: number): Generator<Entry> {
  for (let cursor = after; ; ) {
    const entries = journal.chain(AUDIT_CHAIN, cursor, PAGE_ITEMS);
    if (entries.length === 0) return;
    yield* entries;
    cursor = entries.at(-1)?.seq ?? cursor;
  }
}
