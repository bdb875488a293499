/**
 * What a backup left unfinished ends here without a word to any cluster: the hub that was lost has gone on with it, and what
 * its agents hold says how far. Neither its next steps nor its undo may act, for both were made for a state that has passed.
 */
import { digestOf, type Json, type NewEntry } from '../base/index.ts';
import { newEntry, type TransactionEvent } from './events.ts';
import { fitAll } from './fit.ts';
import type { EnginePorts } from './ports.ts';
import { recover } from './recover.ts';
import { forwardOnly, illegal, type TransactionData } from './state.ts';

/** Entries that end every unfinished transaction, by its id; to be journaled by a hub whose engine does not run. */
export async function abandonUnfinished(
  ports: Pick<EnginePorts, 'journal' | 'documents' | 'blobs' | 'logger'>,
  reason: string,
  actor: string,
): Promise<ReadonlyMap<string, readonly NewEntry[]>> {
  const ended = new Map<string, readonly NewEntry[]>();
  for (const data of recover(ports)) {
    const { id } = data.header;
    const events = abandonment(data, reason);
    const wrong = illegal(data, events);
    if (wrong !== undefined) throw new Error(`${id} cannot be ended: ${wrong}`);
    ended.set(
      id,
      (await fitAll(events, ports.blobs)).map((event) => newEntry(id, actor, event)),
    );
  }
  return ended;
}

/** Before the decision it ends `rolledBack`, after it `committed`; both forced, nothing of it compared and nothing owed. */
export function abandonment(data: TransactionData, reason: string): readonly TransactionEvent[] {
  const cause = {
    kind: 'restored',
    message: `the hub was restored from a backup that had it unfinished: ${reason}`,
    hint: 'look at what its clusters hold (`ldc status`), and apply the stack again',
  };
  const events = forwardOnly(data) ? forward(data, cause, reason) : backward(data, cause, reason);
  const outcome = forwardOnly(data) ? 'committed' : 'rolledBack';
  const finalDigest = digestOf(outcome === 'committed' ? data.plan.locations : []);
  const count = data.seq + events.length + 1;
  return [...events, { type: 'tx.sealed', data: { count, outcome, planDigest: data.plan.digest, finalDigest } }];
}

type Cause = { readonly kind: string; readonly message: string; readonly hint: string };

function backward(data: TransactionData, cause: Cause, reason: string): readonly TransactionEvent[] {
  const { state, stack, kind, revision } = data.header;
  const begin: readonly TransactionEvent[] =
    state === 'compensating' || state === 'stuck' ? [] : [{ type: 'tx.compensating', data: { cause } }];
  const nothing = digestOf([]);
  return [
    ...begin,
    ...closed(state, cause, reason),
    {
      type: 'rollback.verified',
      data: {
        equal: false,
        clusters: {},
        findings: { value: { differences: [], kept: [] } },
        ...{ digestBefore: nothing, digestAfter: nothing },
      },
    },
    { type: 'tx.rolledBack', data: { stack, kind, revision, owed: [], forced: true } },
  ];
}

function forward(data: TransactionData, cause: Cause, reason: string): readonly TransactionEvent[] {
  const { state, heldFrom, stack, kind, revision } = data.header;
  const from = heldFrom ?? state;
  const onward: TransactionEvent[] = [];
  if (from === 'running') onward.push({ type: 'tx.verifying', data: {} });
  if (from === 'running' || from === 'verifying') onward.push({ type: 'tx.decided', data: {} });
  const locations = data.plan.locations as unknown as Json;
  return [
    ...closed(state, cause, reason),
    ...onward,
    { type: 'tx.committed', data: { stack, kind, revision, locations, forced: true } },
  ];
}

/** As if a person had closed it by force: that is what the machine knows, and what it says of it afterwards. */
function closed(state: TransactionData['header']['state'], cause: Cause, reason: string): readonly TransactionEvent[] {
  const stuck: readonly TransactionEvent[] =
    state === 'stuck' ? [] : [{ type: 'tx.stuck', data: { refusal: cause, steps: [] } }];
  return [...stuck, { type: 'tx.forceClosed', data: { reason } }];
}
