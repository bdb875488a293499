import { z } from 'zod';
import type { Entry } from '../../base/index.ts';
import { entry, page, paging } from './basics.ts';
import { route } from './route.ts';

export interface PositionedEntry {
  /** Over the whole journal, from 1. */
  readonly position: number;
  readonly entry: Entry;
}
const positioned: z.ZodType<PositionedEntry> = z.object({ position: z.int(), entry });
const after = z.coerce.number().int().min(0).optional().describe('`next` of the page before');

export const journal = {
  read: route({
    id: 'journal.read',
    method: 'GET',
    path: '/api/v1/journal',
    summary: 'All that was journaled, in the order of writing, without the audit trail; also as NDJSON and live.',
    role: 'auditor',
    query: z.strictObject({ after, limit: paging.limit }),
    answer: page(positioned),
    forms: ['application/x-ndjson', 'text/event-stream'],
  }),
  audit: route({
    id: 'journal.audit',
    method: 'GET',
    path: '/api/v1/audit',
    summary:
      'Who called what: every call that changes something, and every read of this trail. Reading it is itself an entry.',
    role: 'auditor',
    query: z.strictObject({ after, limit: paging.limit }),
    answer: page(entry),
    auditedRead: true,
    forms: ['application/x-ndjson'],
  }),
};
