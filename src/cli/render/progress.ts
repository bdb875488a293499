import type { StepView, TransactionView } from '../../saga/types.ts';
import type { Output } from '../io.ts';
import { printable } from './printable.ts';
import { duration } from './table.ts';
import { stackName, stateText } from './transaction.ts';

/** Step ids that a step waits for, by step id; empty until the plan is known. */
export type Waits = ReadonlyMap<string, readonly string[]>;

/** Shows a transaction as it goes. */
export interface Progress {
  show(view: TransactionView, waits: Waits, elapsedMs: number): void;
  /** A remark in between, such as a broken line. */
  note(text: string): void;
  /** Takes the live part away. */
  done(): void;
}

const DONE = new Set<StepView['status']>(['succeeded', 'skipped', 'dropped', 'undone', 'owed']);
const MOVING = new Set<StepView['status']>(['started', 'undoStarted']);
const LINES_MAX = 12;

export function createProgress(out: Output): Progress {
  return out.isTerminal ? liveProgress(out) : plainProgress(out);
}

/** Redraws a few lines in place. */
function liveProgress(out: Output): Progress {
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  let last: readonly string[] = [];
  const draw = () => {
    out.write(last.map((line) => `${line}\n`).join(''));
    drawn = last.length;
  };
  return {
    show(view, waits, elapsedMs) {
      clear();
      last = liveLines(view, waits, elapsedMs).map((line) => cut(line, out.columns));
      draw();
    },
    note(text) {
      clear();
      out.write(printable(`${text}\n`));
      draw();
    },
    done: clear,
  };
}

/** Head, then what moves, what failed, and what waits for what. */
export function liveLines(view: TransactionView, waits: Waits, elapsedMs: number): string[] {
  const { steps } = view.plan;
  const status = new Map(steps.map((step) => [step.id, step.status]));
  const finished = steps.filter((step) => DONE.has(step.status)).length;
  const head = `${view.kind} ${stackName(view.stack)} r${view.revision}  ${stateText(view)}  ${waveText(view)}${finished}/${steps.length} steps  ${duration(elapsedMs)}`;
  const failed = steps.filter((step) => step.refusal !== undefined || /ailed$/.test(step.status));
  const moving = steps.filter((step) => MOVING.has(step.status));
  const waiting = steps
    .filter((step) => step.status === 'pending')
    .flatMap((step) => {
      const open = (waits.get(step.id) ?? []).filter((id) => !DONE.has(status.get(id) ?? 'pending'));
      return open.length > 0 && open.some((id) => MOVING.has(status.get(id) ?? 'pending')) ? [{ step, open }] : [];
    });
  const lines = [
    ...failed.map((step) => `  ✗ ${step.id}  ${step.refusal?.message ?? step.status}`),
    ...moving.map((step) => `  ${step.status === 'started' ? '▸' : '◂ undo'} ${step.id}${triesText(step)}`),
    ...waiting.map(({ step, open }) => `  · ${step.id} waits for ${listText(open)}`),
  ];
  const more = lines.length - LINES_MAX;
  return [head, ...lines.slice(0, LINES_MAX), ...(more > 0 ? [`  … and ${more} more`] : [])];
}

/** One line for each change of state or step. */
function plainProgress(out: Output): Progress {
  let state: string | undefined;
  let waves = '';
  const known = new Map<string, StepView['status']>();
  return {
    show(view) {
      const now = stateText(view);
      const wave = waveText(view);
      if (now !== state) out.write(`${view.id} ${now}\n`);
      if (wave !== waves && wave !== '' && view.state === 'running') out.write(`${view.id} ${wave.trim()}\n`);
      for (const step of view.plan.steps) {
        if (known.get(step.id) === step.status || step.status === 'pending') continue;
        known.set(step.id, step.status);
        const why = step.refusal === undefined ? '' : `: ${step.refusal.message}`;
        if (step.status !== 'started' && step.status !== 'undoStarted')
          out.write(printable(`  ${step.id} ${step.status}${why}\n`));
      }
      state = now;
      waves = wave;
    },
    note: (text) => out.write(printable(`${text}\n`)),
    done() {},
  };
}

function waveText({ waves }: TransactionView): string {
  return waves.total === 0 ? '' : `wave ${Math.min(waves.done + 1, waves.total)}/${waves.total}  `;
}

function triesText({ attempts }: StepView): string {
  return attempts > 1 ? ` (try ${attempts})` : '';
}

function listText(ids: readonly string[]): string {
  return ids.length <= 2 ? ids.join(', ') : `${ids.slice(0, 2).join(', ')} and ${ids.length - 2} more`;
}

function cut(line: string, columns: number): string {
  // a message of several lines would be drawn over lines that are not counted
  const characters = [...printable(line).replaceAll('\n', ' ')];
  return characters.length <= columns
    ? characters.join('')
    : `${characters.slice(0, Math.max(1, columns - 1)).join('')}…`;
}
