/** What a step's success says of documents beside its own transaction: owed work that is settled, objects left for a person. */
import type { DocumentReader } from '../base/index.ts';
import type { Step, StepWork } from '../plan/index.ts';
import { locationId } from '../plan/index.ts';
import type { CommandOutput } from '../protocol/index.ts';
import type { DataOf } from './events.ts';
import { type OwedDocument, owedKey } from './project.ts';
import type { TransactionData } from './state.ts';

/** Keys of `owed` documents. */
export function settledBy(data: TransactionData, { work }: Step, documents: DocumentReader): readonly string[] {
  if (data.header.kind !== 'settle') return [];
  switch (work.action) {
    case 'settleUndo':
      return isProven(data, work) ? [] : ownOwed(work);
    case 'settleVerify':
    case 'settleApply':
    case 'settleEnsure':
      return ownOwed(work);
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

type OwnOwed = Extract<StepWork, { readonly action: 'settleUndo' | 'settleVerify' | 'settleApply' | 'settleEnsure' }>;

function ownOwed(work: OwnOwed): readonly string[] {
  const cluster = work.action === 'settleEnsure' ? work.cluster : work.location.cluster;
  return [owedKey(cluster, work.transaction, work.step)];
}

/** A look follows: only that one settles. */
function isProven({ plan }: TransactionData, { transaction, step }: OwnOwed): boolean {
  return plan.steps.some(
    ({ work }) => work.action === 'settleVerify' && work.transaction === transaction && work.step === step,
  );
}

/** Entries stay small: of more than that a person reads the receipts. */
const KEPT_NAMED_MAX = 100;

/** What a removal has left for a person: data, and what is not this stack's any more. */
export function keptBy({ work }: Step, output: CommandOutput | null): Pick<DataOf<'step.succeeded'>, 'kept'> {
  if ((work.action !== 'remove' && work.action !== 'prune') || output?.kind !== 'receipt') return {};
  const kept = output.objects.filter(({ change }) => change === 'kept').slice(0, KEPT_NAMED_MAX);
  const whole = work.action === 'remove';
  if (kept.length === 0 && !whole) return {};
  const objects = kept.map(({ ref, note }) => ({ ref, why: note ?? 'kept by rule' }));
  return { kept: { of: { cluster: work.location.cluster, location: locationId(work.location) }, objects, whole } };
}
