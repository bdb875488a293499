/**
 * Trees of reasons as lines. They come as JSON through the agents, newer ones included, so every part is optional; what is
 * not known here is left to `-o json`.
 */
import { duration } from './table.ts';

const CALM_EVENTS_SHOWN = 3;

type Fields = { readonly [key: string]: unknown };

/** @param reason one tree, a list, or what holds a list as `reasons`; anything else is nothing */
export function reasonText(reason: unknown, pad: string): string {
  if (Array.isArray(reason)) return reason.map((one) => reasonText(one, pad)).join('');
  if (typeof reason === 'string') return `${pad}${reason}\n`;
  if (typeof reason !== 'object' || reason === null) return '';
  const fields = reason as Fields;
  const own = [subjectOf(fields), saysOf(fields)].filter((text) => text !== '').join('  ');
  const deeper = `${pad}  `;
  return [
    own === '' ? '' : `${pad}${own}${whereText(fields)}\n`,
    reasonText(fields.reasons, own === '' ? pad : deeper),
    containersText(fields, deeper),
    reasonText(fields.causes, deeper),
    eventsText(fields.events, deeper),
    logsText(fields.logs, deeper),
    typeof fields.leftOut === 'string' ? `${deeper}(not shown: ${fields.leftOut})\n` : '',
  ].join('');
}

/** `Pod/checkout-x`, or `37 pods (checkout-a, checkout-b, …)`. */
function subjectOf(fields: Fields): string {
  const subject = [fields.ref, fields.object, fields.where, fields.container, fields.kind]
    .map(subjectText)
    .find((text) => text !== '');
  if (subject === undefined || typeof fields.count !== 'number' || fields.count < 2) return subject ?? '';
  const others = Array.isArray(fields.others) ? fields.others.filter((one) => typeof one === 'string') : [];
  const more = fields.count - 1 > others.length ? ', …' : '';
  return `${fields.count} alike: ${[subject, ...others].join(', ')}${more}`;
}

function subjectText(subject: unknown): string {
  if (typeof subject === 'string') return subject;
  if (typeof subject !== 'object' || subject === null) return '';
  const { kind, name } = subject as Fields;
  return typeof kind === 'string' && typeof name === 'string' ? `${kind}/${name}` : '';
}

function saysOf({ reason, message, status }: Fields): string {
  const says = [reason, message].filter((text) => typeof text === 'string' && text !== '').join(': ');
  if (says !== '') return says;
  const standing = typeof status === 'object' && status !== null ? (status as Fields).message : undefined;
  return typeof standing === 'string' ? standing : '';
}

function whereText({ cluster, at }: Fields): string {
  if (typeof cluster !== 'string') return '';
  return `  (${cluster}${typeof at === 'string' ? `, ${at}` : ''})`;
}

/** The first is what the pod's own line says already. */
function containersText({ containers, reason }: Fields, pad: string): string {
  return objectsIn(containers)
    .filter((one) => one.reason !== reason || typeof one.restarts === 'number')
    .map(({ container, reason: why, restarts, exitCode }) => {
      const exit = typeof exitCode === 'number' ? `, exit code ${exitCode}` : '';
      const again = typeof restarts === 'number' && restarts > 0 ? `, ${restarts} restarts` : '';
      return `${pad}container ${String(container)}: ${String(why)}${exit}${again}\n`;
    })
    .join('');
}

/** What a person looks for: the warnings, or where there is none the newest; `ldc events` has all. */
function eventsText(events: unknown, pad: string): string {
  const all = objectsIn(events);
  const warnings = all.filter(({ type }) => type === 'Warning');
  return (warnings.length > 0 ? warnings : all.slice(0, CALM_EVENTS_SHOWN))
    .map(({ at, since, type, reason, message, count }) => {
      const times = typeof count === 'number' && count > 1 ? ` (${timesText({ at, since, count })})` : '';
      return `${pad}${[at, type, reason].filter((one) => typeof one === 'string').join(' ')}${times}: ${String(message)}\n`;
    })
    .join('');
}

/** `x5 over 3m`, as kubectl has it. */
export function timesText({ at, since, count }: Fields): string {
  const overMs = Date.parse(String(at)) - Date.parse(String(since));
  return overMs >= 1_000 ? `x${String(count)} over ${duration(overMs)}` : `x${String(count)}`;
}

function logsText(logs: unknown, pad: string): string {
  return objectsIn(logs)
    .map(({ container, lines }) => {
      const all = Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : [];
      return `${pad}log of ${String(container)}:\n${all.map((line) => `${pad}  | ${line}\n`).join('')}`;
    })
    .join('');
}

function objectsIn(list: unknown): readonly Fields[] {
  if (!Array.isArray(list)) return [];
  return list.filter((one): one is Fields => typeof one === 'object' && one !== null);
}
