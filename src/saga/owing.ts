/**
 * "Settle first" (DESIGN §5): to a cluster on which work of a stack is owed goes nothing of that stack but its settle. Whoever
 * has begun there before is not held up; whoever has not waits at that cluster until it is settled.
 */
import type { Cancel, DocumentReader, Entry, Journal } from '../base/index.ts';
import type { StackRef } from '../plan/index.ts';
import type { Contender } from './locks.ts';
import type { OwedDocument } from './project.ts';
import { clustersOf } from './reach.ts';
import type { TransactionData } from './state.ts';

export class Owing {
  readonly #documents: DocumentReader;
  /** By stack and cluster: the transactions that owe there. Made when it is asked for, let go of when something changes. */
  #known: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  readonly stop: Cancel;

  /** @param settled called when less is owed than before */
  constructor(documents: DocumentReader, journal: Pick<Journal, 'onAppend'>, settled: () => void) {
    this.#documents = documents;
    this.stop = journal.onAppend((entries) => {
      const less = entries.some(isLess);
      if (less || entries.some(({ type }) => type === 'step.owed')) this.#known = undefined;
      if (less) settled();
    });
  }

  /** @param settles unfinished ones */
  holdsBack(data: TransactionData, cluster: string, settles: Iterable<Contender>): boolean {
    const { id, kind, stack } = data.header;
    if (kind === 'settle') return false;
    const isAtWork = [...settles].some((other) => isOf(other, stack) && other.clusters().has(cluster));
    if (!isAtWork && !this.#owes(stack, cluster, id)) return false;
    return !clustersOf(data).has(cluster);
  }

  #owes(stack: StackRef, cluster: string, except: string): boolean {
    this.#known ??= this.#read();
    const by = this.#known.get(keyOf(stack, cluster));
    return by !== undefined && (by.size > 1 || !by.has(except));
  }

  #read(): ReadonlyMap<string, ReadonlySet<string>> {
    const known = new Map<string, Set<string>>();
    for (const { body } of this.#documents.list('owed')) {
      const owed = body as unknown as OwedDocument;
      if (!canBeSettled(owed)) continue;
      const key = keyOf(owed.stack, owed.cluster);
      known.set(key, (known.get(key) ?? new Set()).add(owed.transaction));
    }
    return known;
  }
}

function keyOf({ project, name }: StackRef, cluster: string): string {
  return `${project}/${name}@${cluster}`;
}

function isOf({ header }: Contender, { project, name }: StackRef): boolean {
  return header.kind === 'settle' && header.stack.project === project && header.stack.name === name;
}

/** What no settle can do is for a person, and holds nobody back (stacks plans by the same rule). */
function canBeSettled({ kind, ensured, preImages, bundle }: OwedDocument): boolean {
  if (kind === 'undo') return ensured !== undefined || (preImages !== null && bundle !== null);
  return kind === 'prune' || bundle !== null;
}

function isLess({ type, data }: Entry): boolean {
  return data.settles !== undefined || type === 'cluster.removed' || type === 'hub.rearmed';
}
