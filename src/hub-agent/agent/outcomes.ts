/**
 * What an agent has answered, for a hub that did not hear it and asks again. Kept in memory; in the cluster only from one agent
 * to the next: a command that was begun and whose answer is not known is done again, which changes nothing.
 */
import { limits, type Outcome } from '../../base/index.ts';
import type { CommandOutput } from '../../protocol/index.ts';

export type Final = Extract<Outcome<CommandOutput>, { kind: 'done' | 'refused' }>;

export interface Outcomes {
  of(command: string): Final | undefined;
  ended(command: string, outcome: Final): void;
  /** The latest ones that were added, as far as they have room in a ConfigMap. */
  newest(atMs: number): { readonly [command: string]: { readonly atMs: number; readonly outcome: Final } };
}

export function createOutcomes(before: { readonly [command: string]: { readonly outcome?: Final } }): Outcomes {
  const known = new Map<string, Final>();
  const sizes = new Map<string, number>();
  let bytes = 0;
  function keep(command: string, outcome: Final): void {
    const size = JSON.stringify(outcome).length;
    known.set(command, outcome);
    sizes.set(command, size);
    bytes += size;
    for (const oldest of known.keys()) {
      if (known.size <= limits.agentOutcomesMax && bytes <= limits.agentOutcomesBytesMax) break;
      known.delete(oldest);
      bytes -= sizes.get(oldest) ?? 0;
      sizes.delete(oldest);
    }
  }
  for (const [command, { outcome }] of Object.entries(before)) if (outcome !== undefined) keep(command, outcome);
  const added = new Set<string>();
  return {
    of: (command) => known.get(command),
    ended(command, outcome) {
      if (known.has(command)) return;
      added.add(command);
      keep(command, outcome);
    },
    newest(atMs) {
      const found: [string, { readonly atMs: number; readonly outcome: Final }][] = [];
      let room = limits.agentOutcomesStoredBytesMax;
      for (const [command, outcome] of [...known].reverse()) {
        room -= sizes.get(command) ?? 0;
        if (room < 0) break;
        if (added.has(command)) found.push([command, { atMs, outcome }]);
      }
      return Object.fromEntries(found.reverse());
    },
  };
}
