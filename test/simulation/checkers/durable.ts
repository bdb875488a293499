/** A command that reaches an agent has its intent in the durable journal, and what is durable stays. */
import { type Checker, type SimulationEvent, Violation } from '../events.ts';
import type { World } from '../world.ts';

const COMMAND = /^(tx-[^/]+)\/(.+)\/(do|undo)(?:#(\d+))?$/;

export function durableChecker(world: World): Checker & { readonly seen: { commands: number } } {
  /** `<transaction>/<step>/do` with the last attempt that is durable. */
  const intents = new Map<string, number>();
  const undone = new Set<string>();
  const seen = { commands: 0 };
  let position = 0;
  return {
    name: 'durable',
    seen,
    on(event: SimulationEvent) {
      if (world.disk.journal.length < position)
        fail(`the journal had ${position} entries and has ${world.disk.journal.length}`);
      if (event.kind === 'entry') {
        position = event.position;
        const { tx, type, data } = event.entry;
        const verb = type === 'step.started' ? 'do' : type === 'step.undoStarted' ? 'undo' : undefined;
        if (verb !== undefined) intents.set(`${tx}/${String(data.step)}/${verb}`, Number(data.attempt));
        if (type === 'tx.compensating') undone.add(tx);
      }
      if (event.kind !== 'command') return;
      const [, tx, step, verb, attempt = '1'] = COMMAND.exec(event.command.id) ?? [];
      if (tx === undefined) return;
      seen.commands++;
      // reading back what was undone is no step: it is due from the moment on that the undo is decided
      if (step?.startsWith('verify@') && undone.has(tx)) return;
      const known = intents.get(`${tx}/${step}/${verb}`);
      if (known === undefined || known < Number(attempt))
        fail(`${event.command.id} has reached ${event.cluster}, and its intent is not in the durable journal`);
    },
  };
}

function fail(sentence: string): never {
  throw new Violation('durable', sentence);
}
