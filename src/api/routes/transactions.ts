import type { Response } from 'express';
import type { Entry } from '../../base/index.ts';
import type { Operation, TransactionView } from '../../saga/types.ts';
import { PAGE_ITEMS, type RollbackReport, routes } from '../contract/index.ts';
import { type Binding, bind, type Reply } from '../http/binding.ts';
import { checkIfMatch } from '../http/etag.ts';
import { type createLive, type LiveEvent, type LiveSource, streamLines } from '../http/live.ts';
import { given } from '../http/page.ts';
import { doneOr, notFound } from '../http/problem.ts';
import type { Services } from '../services.ts';

const R = routes.transactions;

export function transactionRoutes(services: Services, live: ReturnType<typeof createLive>): Binding[] {
  const { engine, renderPlan } = services;
  return [
    bind(R.list, ({ query }) => {
      const { stack, ...rest } = given(query);
      const ref = stack === undefined ? {} : { stack: stackRefOf(stack) };
      return { answer: engine.list({ limit: PAGE_ITEMS, ...rest, ...ref }) };
    }),
    bind(R.get, ({ params }) => replyOf(found(services, params.id))),
    bind(
      R.events,
      ({ params, query }) => {
        known(services, params.id);
        const limit = query.limit ?? PAGE_ITEMS;
        const entries = engine.events(params.id, query.after ?? 0, limit + 1);
        const items = entries.slice(0, limit);
        return { answer: { items, next: entries.length > limit ? String(items.at(-1)?.seq) : null } };
      },
      async ({ params, query, stillAllowed }, form, request, response: Response) => {
        known(services, params.id);
        if (form === 'application/x-ndjson') return streamLines(response, engine.events(params.id, query.after ?? 0));
        return live(request, response, eventsOf(services, params.id), { after: query.after ?? 0, stillAllowed });
      },
    ),
    bind(R.plan, ({ params }) => {
      known(services, params.id);
      const plan = engine.plan(params.id);
      if (plan === undefined)
        throw notFound(`plan of transaction ${params.id}`, '`ldc tx list` lists all transactions');
      return { answer: { kind: 'planned' as const, plan, ...renderPlan(plan) } };
    }),
    bind(R.rollbackReport, ({ params }) => {
      const view = found(services, params.id);
      if (view.rollback === null)
        throw notFound(
          `rollback of transaction ${view.id}: it is ${view.state}`,
          'only one that is or was undone has it',
        );
      return { answer: reportOf(view), version: view.state };
    }),
    ...operationRoutes(services),
  ];
}

function operationRoutes(services: Services): Binding[] {
  const plain = (['approve', 'pause', 'resume', 'abort', 'retry'] as const).map((verb) =>
    bind(R[verb], ({ params, body, caller, ifMatch }) =>
      operate(services, params.id, { verb }, caller.actor, body.reason ?? null, ifMatch),
    ),
  );
  const reasoned = (['skip', 'force-close'] as const).map((verb) =>
    bind(R[verb], ({ params, body, caller, ifMatch }) =>
      operate(services, params.id, { verb, reason: body.reason }, caller.actor, body.reason, ifMatch),
    ),
  );
  return [...plain, ...reasoned];
}

async function operate(
  services: Services,
  id: string,
  operation: Operation,
  actor: string,
  reason: string | null,
  ifMatch: string | undefined,
): Promise<Reply<TransactionView>> {
  checkIfMatch(ifMatch, found(services, id).state, `transaction ${id}`);
  const view = doneOr(await services.engine.operate(id, operation, actor, reason));
  return { ...replyOf(view), transaction: id };
}

function eventsOf({ engine }: Services, id: string): LiveSource {
  // what was told of and is not read yet: who keeps up is not read the journal to
  let told: readonly Entry[] = [];
  /** The journal was read to its end, and all that came since was told. */
  let complete = false;
  /** The newest that was handed out; a reader who had no room for all of it comes back with an earlier cursor. */
  let handed = 0;
  const hand = (entries: readonly Entry[]) => {
    handed = entries.at(-1)?.seq ?? handed;
    return entries.map(liveEvent);
  };
  return {
    read(cursor) {
      const fresh = told;
      told = [];
      if (fresh[0]?.seq === cursor + 1) return hand(fresh);
      if (complete && fresh.length === 0 && cursor >= handed) return [];
      const entries = engine.events(id, cursor, PAGE_ITEMS);
      complete = entries.length < PAGE_ITEMS;
      return hand(entries);
    },
    subscribe: (wake) =>
      engine.onChange((view, entries) => {
        if (view.id !== id) return;
        told = [...told, ...entries];
        if (told.length > PAGE_ITEMS) {
          told = [];
          complete = false;
        }
        wake();
      }),
    finished: () => engine.summary(id)?.sealed ?? true,
  };
}

function reportOf(view: TransactionView): RollbackReport {
  return {
    transaction: view.id,
    state: view.state,
    cause: view.cause,
    verified: view.rollback?.verified ?? null,
    undone: view.plan.steps.filter((step) => step.status === 'undone').map((step) => step.id),
    owed: view.owed,
    forced: view.forced,
    endedAt: view.endedAt,
  };
}

function replyOf(view: TransactionView): Reply<TransactionView> {
  return { answer: view, version: view.state };
}

function liveEvent(entry: Entry): LiveEvent {
  return { id: entry.seq, event: entry.type, data: entry };
}

function found({ engine }: Services, id: string): TransactionView {
  return engine.get(id) ?? absent(id);
}

function known({ engine }: Services, id: string): void {
  if (engine.summary(id) === undefined) absent(id);
}

function absent(id: string): never {
  throw notFound(`transaction ${id}`, 'GET /api/v1/transactions lists all (`ldc tx list`)');
}

/** `shop` is in project `default`. */
function stackRefOf(text: string) {
  const [first, second] = text.split('/') as [string, string | undefined];
  return second === undefined ? { project: 'default', name: first } : { project: first, name: second };
}
