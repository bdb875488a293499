/** Each transaction has one outcome, each step at most one of each kind, nothing follows the seal, and what was told stays true. */
import type { Entry } from '../../../src/base/index.ts';
import { type Checker, type SimulationEvent, Violation } from '../events.ts';

interface Fate {
  outcome: 'committed' | 'rolledBack' | undefined;
  compensating: boolean;
  sealed: boolean;
  /** Done and not undone since. */
  readonly done: Set<string>;
}

export function outcomeChecker(): Checker & { readonly seen: { committed: number; rolledBack: number; told: number } } {
  const fates = new Map<string, Fate>();
  const seen = { committed: 0, rolledBack: 0, told: 0 };
  return {
    name: 'outcome',
    seen,
    on(event: SimulationEvent) {
      if (event.kind === 'entry' && event.entry.tx.startsWith('tx-')) judge(event.entry);
      if (event.kind !== 'told') return;
      seen.told++;
      const fate = fates.get(event.transaction);
      if (event.sealed && (fate?.sealed !== true || fate.outcome !== event.state))
        fail(`a person was told that ${event.transaction} is ${event.state}, and the durable journal does not say so`);
    },
    end() {
      for (const [id, { sealed }] of fates) if (!sealed) fail(`${id} has not ended`);
    },
  };

  function judge({ tx, seq, type, data }: Entry): void {
    const fate = fates.get(tx) ?? { outcome: undefined, compensating: false, sealed: false, done: new Set() };
    fates.set(tx, fate);
    if (fate.sealed) fail(`${tx}: ${type} comes after the seal`);
    const step = String(data.step);
    switch (type) {
      case 'tx.committed':
        if (fate.compensating && data.forced !== true) fail(`${tx} is committed after its undo began`);
        decide(tx, fate, 'committed');
        return;
      case 'tx.rolledBack':
        decide(tx, fate, 'rolledBack');
        return;
      case 'tx.compensating':
        if (fate.outcome !== undefined) fail(`${tx} is undone after its outcome`);
        fate.compensating = true;
        return;
      case 'tx.sealed':
        if (data.count !== seq) fail(`${tx} is sealed with count ${data.count} at entry ${seq}`);
        if (data.outcome !== fate.outcome) fail(`${tx} is sealed as ${data.outcome}, its outcome is ${fate.outcome}`);
        fate.sealed = true;
        return;
      case 'step.succeeded':
        if (fate.done.has(step)) fail(`${tx}: ${step} has succeeded twice`);
        fate.done.add(step);
        return;
      case 'step.undone':
        fate.done.delete(step);
        return;
    }
  }
  function decide(tx: string, fate: Fate, outcome: 'committed' | 'rolledBack'): void {
    if (fate.outcome !== undefined) fail(`${tx} is ${outcome} after it was ${fate.outcome}`);
    fate.outcome = outcome;
    seen[outcome]++;
  }
}

function fail(sentence: string): never {
  throw new Violation('outcome', sentence);
}
