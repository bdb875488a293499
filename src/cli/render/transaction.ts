import { refText } from '../../base/index.ts';
import type { LeftWork, StepView, TransactionSummary, TransactionView } from '../../saga/types.ts';
import { reasonText } from './reason.ts';
import { rollbackText } from './rollback.ts';
import { age, duration, table } from './table.ts';

/** `default/shop` */
export function stackName({ project, name }: { readonly project: string; readonly name: string }): string {
  return `${project}/${name}`;
}

export function transactionName({ id }: { readonly id: string }): string {
  return `transaction/${id}`;
}

export function transactionTable(items: readonly TransactionSummary[], nowMs: number): string {
  if (items.length === 0) return 'no transactions\n';
  const rows = items.map((view) => [
    view.id,
    view.kind,
    stackName(view.stack),
    String(view.revision),
    stateText(view),
    `${view.waves.done}/${view.waves.total}`,
    view.owed.length === 0 ? '-' : String(view.owed.length),
    age(Date.parse(view.createdAt), nowMs),
    view.actor,
  ]);
  return table(['ID', 'KIND', 'STACK', 'REVISION', 'STATE', 'WAVES', 'OWED', 'AGE', 'BY'], rows);
}

export function stateText({ state, heldFrom, forced }: Pick<TransactionView, 'state' | 'heldFrom' | 'forced'>): string {
  const held = heldFrom === undefined ? '' : ` (was ${heldFrom})`;
  return `${state}${held}${forced ? ', forced' : ''}`;
}

/** All that a person needs of one transaction: how it ended and why, its steps, what was proven, what is owed. */
export function transactionText(view: TransactionView): string {
  const head = [
    ['transaction', view.id],
    ['kind', view.kind],
    ['stack', `${stackName(view.stack)} revision ${view.revision} (from ${view.baseRevision})`],
    ['state', stateText(view)],
    ...(view.waitsFor ?? []).map(({ id, kind, state }) => ['waits for', `${id} (${kind}, ${state})`]),
    ['by', view.actor + (typeof view.reason === 'string' ? `: ${view.reason}` : '')],
    ['created', view.createdAt],
    ...(view.startedAt === null ? [] : [['started', view.startedAt]]),
    ...(view.endedAt === null ? [] : [['ended', `${view.endedAt}${tookText(view)}`]]),
    ['plan', `${view.plan.digest} (${view.plan.steps.length} steps, ${view.waves.total} waves)`],
  ] as [string, string][];
  const sections = [
    head.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join(''),
    causeText(view),
    leftOutText(view),
    rollbackText(view),
    owedText(view),
    stuckText(view),
    choicesText(view),
    view.plan.steps.length === 0 ? '' : `\nsteps:\n${indent(stepTable(view.plan.steps))}`,
    failedText(view),
  ];
  return sections.join('');
}

/** One line (and the reasons under it) at the end of a verb. */
export function outcomeText(view: TransactionView): string {
  const what = `${view.kind} of ${stackName(view.stack)} revision ${view.revision}`;
  const head = `${what}: ${stateText(view)}${withoutText(view)}${tookText(view)}  (${view.id})\n`;
  return `${head}${causeText(view)}${leftOutText(view)}${rollbackText(view)}${owedText(view)}${stuckText(view)}${choicesText(view)}`;
}

/** Committed is not everywhere: whoever reads one line must see it. */
function withoutText({ state, leftOut = [] }: TransactionView): string {
  if (state !== 'committed' || leftOut.length === 0) return '';
  return ` without ${[...new Set(leftOut.flatMap(({ clusters }) => clusters))].join(', ')}`;
}

function leftOutText({ leftOut = [] }: TransactionView): string {
  return leftOut.map(({ explanation, at }) => `  left out: ${explanation} (${at})\n`).join('');
}

function tookText({ startedAt, endedAt }: TransactionView): string {
  return startedAt === null || endedAt === null ? '' : ` in ${duration(Date.parse(endedAt) - Date.parse(startedAt))}`;
}

/** Objects of one place that are named on a terminal; `-o json` has those that the hub names. */
const OBJECTS_SHOWN_MAX = 10;

/** Since when, why, what is left, and what a person may choose. */
function stuckText({ id, stuck }: TransactionView): string {
  if (stuck === undefined) return '';
  const { since, why, left, more, choices } = stuck;
  const verbs = choices.map(({ verb, does, needsReason }) => ({ does, verb: `ldc tx ${verb} ${id}${needsReason ? ' --reason TEXT' : ''}` })); // biome-ignore format: one line
  const width = Math.max(...verbs.map(({ verb }) => verb.length));
  return [
    `  stuck since ${since}: ${why.message}\n`,
    left.length === 0 ? '' : '  what is left:\n',
    ...left.map(leftText),
    more === 0 ? '' : `    and ${more} more\n`,
    '  choose:\n',
    ...verbs.map(({ verb, does }) => `    ${verb.padEnd(width)}  ${does}\n`),
  ].join('');
}

function leftText({ cluster, location, step, objects = [], why }: LeftWork): string {
  const where = [step ?? location ?? '', cluster === undefined ? '' : `on ${cluster}`].filter((word) => word !== '');
  const shown = objects.slice(0, OBJECTS_SHOWN_MAX).map((object) => `      ${refText(object.ref)}: ${object.why}\n`);
  const rest = objects.length > OBJECTS_SHOWN_MAX ? `      and ${objects.length - OBJECTS_SHOWN_MAX} more\n` : '';
  return `    ${where.join(' ')}: ${why}\n${shown.join('')}${rest}`;
}

/** What a person can do with one that cannot go on by itself. */
function choicesText({ id, state, stuck }: TransactionView): string {
  switch (state) {
    case 'stuck': // a hub of an earlier release names no choices
      return stuck === undefined
        ? `  choose: ldc tx retry ${id}, or with --reason: ldc tx skip ${id}, ldc tx force-close ${id}\n`
        : '';
    case 'awaitingApproval':
      return `  choose: ldc tx approve ${id}, or ldc tx abort ${id}\n`;
    case 'paused':
      return `  choose: ldc tx resume ${id}, or ldc tx abort ${id}\n`;
    default:
      return '';
  }
}

function causeText({ cause }: TransactionView): string {
  if (cause === null) return '';
  const where = cause.where === undefined ? '' : `  at:    ${cause.where}\n`;
  const hint = cause.hint === undefined ? '' : `  next:  ${cause.hint}\n`;
  return `  cause: ${cause.message}\n${where}${hint}${reasonText(cause.details, '    ')}`;
}

function owedText({ owed }: TransactionView): string {
  return owed
    .map((work) => `  owed: ${work.kind} of ${work.location}, settled when ${work.cluster} returns\n`)
    .join('');
}

function stepTable(steps: readonly StepView[]): string {
  const rows = steps.map((step) => [
    step.wave === undefined ? '-' : String(step.wave + 1),
    step.id,
    step.status,
    step.attempts > 1 ? `${step.attempts} tries` : '',
    step.refusal?.message ?? '',
  ]);
  return table(['WAVE', 'STEP', 'STATUS', '', ''], rows);
}

/** Why each step failed, as its own cluster says; the cause stands above already. */
function failedText({ plan, cause }: TransactionView): string {
  return plan.steps
    .filter(({ refusal }) => refusal?.details !== undefined && refusal.message !== cause?.message)
    .map(({ id, refusal }) => {
      const chain = reasonText(refusal?.details, '    ');
      return chain === '' ? '' : `\n${id}: ${refusal?.message}\n${chain}`;
    })
    .join('');
}

export function indent(text: string, by = '  '): string {
  return text.replace(/^(?=.)/gm, by);
}
