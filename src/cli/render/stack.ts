import type { StackDescription } from '../../api/client/index.ts';
import type { TransactionView } from '../../saga/types.ts';
import type {
  DriftView,
  FunctionView,
  ObjectDiff,
  RevisionView,
  StackSummary,
  WhatIfView,
} from '../../stacks/types.ts';
import { fieldChanges } from './field-changes.ts';
import { reasonText } from './reason.ts';
import { age, table } from './table.ts';
import { indent, outcomeText, stackName } from './transaction.ts';

export function stackTable(items: readonly StackSummary[], nowMs: number): string {
  if (items.length === 0) return 'no stacks; `ldc init` writes one, `ldc apply -f` deploys it\n';
  const rows = items.map((stack) => [
    stackName(stack),
    stack.state,
    stack.revision === 0 ? '-' : String(stack.revision),
    `${stack.functions.filter((one) => one.healthy >= one.min).length}/${stack.functions.length}`,
    stack.transaction ?? '-',
    age(Date.parse(stack.updatedAt), nowMs),
  ]);
  return table(['STACK', 'STATE', 'REVISION', 'FUNCTIONS', 'TRANSACTION', 'UPDATED'], rows);
}

/** Where each function is served now. */
export function functionTable(functions: readonly FunctionView[]): string {
  if (functions.length === 0) return 'no functions\n';
  const rows = functions.map((view) => [
    `${view.project}/${view.stack}`,
    view.function,
    `${view.healthy}/${view.min}${view.max === view.min ? '' : ` (max ${view.max})`}`,
    view.healthy >= view.min ? 'available' : view.healthy > 0 ? 'BELOW MINIMUM' : 'DOWN',
    view.locations.map(placeText).join(', '),
  ]);
  return table(['STACK', 'FUNCTION', 'SERVED', 'STATE', 'LOCATIONS'], rows);
}

/** `eu-1`, `eu-1 (inProgress)`, `eu-1: CrashLoopBackOff: exit code 1 (3 restarts)`. */
function placeText({ cluster, status, reason }: FunctionView['locations'][number]): string {
  if (status === 'current') return cluster;
  return reason === undefined ? `${cluster} (${status})` : `${cluster}: ${reason}`;
}

/** @param last the newest transaction, when it goes on or did not commit */
export function descriptionText(
  { summary, reasons, changes, source }: StackDescription,
  last?: TransactionView,
  drifts: readonly DriftView[] = [],
): string {
  const labels = Object.entries(summary.labels).map(([key, value]) => `${key}=${value}`);
  const head = [
    ['stack', stackName(summary)],
    ['state', summary.state],
    ['revision', String(summary.revision)],
    ['labels', labels.join(', ') || '-'],
    ['updated', summary.updatedAt],
    ['transaction', summary.transaction ?? '-'],
  ] as const;
  const taken = reasons.map(
    (one) => `  ${one.taken ? '+' : '-'} ${one.function} on ${one.cluster}: ${one.reason}${scoreText(one.score)}\n`,
  );
  const moved = changes.filter(({ change }) => change !== 'none').map((one) => `  ${one.change} ${one.location}\n`);
  return [
    head.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join(''),
    last === undefined ? '' : `\nlast transaction:\n${indent(outcomeText(last))}`,
    '\nfunctions:\n',
    ...summary.functions.map(functionText),
    summary.databases.length === 0 ? '' : '\ndatabases:\n',
    ...summary.databases.map((database) => `  ${database.name} (${database.driver})\n`),
    drifts.length === 0 ? '' : `\nlast drift:\n${drifts.slice(0, DRIFTS_SHOWN).map(driftText).join('')}`,
    taken.length === 0 ? '' : `\nplacement:\n${taken.join('')}`,
    moved.length === 0 ? '' : `\nlast change:\n${moved.join('')}`,
    `\ndefinition:\n${indent(source)}`,
  ].join('');
}

const DRIFTS_SHOWN = 5;

function driftText({ at, cluster, message, repaired, repairs = 0 }: DriftView): string {
  const fight = repairs > 1 ? `, ${repairs} times in a row` : '';
  return `  ${at} ${cluster}: ${message} (${repaired ? `repaired${fight}` : 'not repaired'})\n`;
}

function scoreText(score: number | undefined): string {
  return score === undefined ? '' : ` (score ${Math.round(score * 100) / 100})`;
}

function functionText(view: FunctionView): string {
  const locations = view.locations.map((one) => {
    const replicas = one.replicas === null ? '' : `, ${one.replicas} replicas`;
    const cause = one.status === 'current' || one.reason === undefined ? '' : `; ${one.reason}`;
    const line =
      `    ${one.cluster}: ${one.status}, revision ${one.revision}${replicas}  ${one.message}${cause}`.trimEnd();
    return `${line}\n${reasonText(one.reasons, '      ')}`;
  });
  return `  ${view.function}: ${view.healthy} healthy of at least ${view.min}, at most ${view.max}\n${locations.join('')}`;
}

export function revisionTable(items: readonly RevisionView[], nowMs: number): string {
  const rows = items.map((one) => [
    String(one.revision),
    one.state,
    one.digest.slice(0, 'sha256:'.length + 12),
    age(Date.parse(one.createdAt), nowMs),
    one.actor,
    one.transaction,
  ]);
  return table(['REVISION', 'STATE', 'DIGEST', 'AGE', 'BY', 'TRANSACTION'], rows);
}

const SIGN = { create: '+', update: '~', delete: '-', none: ' ', refused: '!' } as const;

/** Object by object, field by field. */
export function diffText(items: readonly ObjectDiff[]): string {
  const changed = items.filter(({ change }) => change !== 'none');
  if (changed.length === 0) return 'nothing differs\n';
  return changed
    .map(({ location, ref, change, before, after, message }) => {
      const name = `${ref.kind}/${ref.name}${ref.namespace === undefined ? '' : ` in ${ref.namespace}`}`;
      const head = `${SIGN[change]} ${location}  ${name}  ${change}${message === undefined ? '' : `: ${message}`}\n`;
      if (change !== 'update' || before === null || after === null) return head;
      return (
        head +
        fieldChanges(before, after)
          .map((line) => `    ${line}\n`)
          .join('')
      );
    })
    .join('');
}

function verdictText({ functions, survives }: WhatIfView): string {
  if (survives) return 'every function survives';
  const below = functions.filter(({ left, min }) => left < min);
  const nowhere = below.filter(({ replacement }) => replacement === 'none');
  const until =
    nowhere.length === 0 ? 'each of them has a place to go to' : `${nowhere.length} of them have NO place to go to`;
  return `NOT every function survives: ${below.length} of ${functions.length} fall below their minimum; ${until}`;
}

export function whatIfText(view: WhatIfView): string {
  const rows = view.functions.map((one) => [
    `${one.project}/${one.stack}`,
    one.function,
    `${one.left}/${one.min}`,
    one.replacement === 'notNeeded' ? 'not needed' : one.replacement === 'found' ? one.to.join(', ') : 'NONE',
    one.missing ?? '',
  ]);
  const head = `lose ${view.lose}: ${view.clusters.length} clusters (${view.clusters.join(', ') || 'none'})\n`;
  const body = rows.length === 0 ? '' : table(['STACK', 'FUNCTION', 'LEFT/MIN', 'GOES TO', 'MISSING'], rows);
  return `${head}${body}${verdictText(view)}\n`;
}
