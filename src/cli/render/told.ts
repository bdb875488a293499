/** What clusters say, line by line and as a table. */
import type { Told } from '../../stacks/types.ts';
import { age, table } from './table.ts';

type Line = Extract<Told, { kind: 'line' }>;
export type EventLine = Extract<Told, { kind: 'event' }>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const COLOUR = /\x1b\[[0-9;]*m/g;

/** `eu-1 checkout-7d4c-x2x5z c  text`, or the text alone. */
export function logLine({ cluster, pod, container, at, line }: Line, show: { prefix: boolean; timestamps: boolean }) {
  const where = show.prefix ? `${cluster} ${pod} ${container}  ` : '';
  const time = show.timestamps && at !== '' ? `${at} ` : '';
  return `${where}${time}${line.replace(COLOUR, '')}\n`;
}

const objectText = ({ ref }: EventLine) => `${ref.kind}/${ref.name}`;
const timesText = ({ count, message }: EventLine) => `${count > 1 ? `(${count} times) ` : ''}${message}`;

/** Newest first. */
export function eventTable(events: readonly EventLine[], nowMs: number): string {
  const rows = [...events]
    .sort((a, b) => (Date.parse(b.at) || 0) - (Date.parse(a.at) || 0))
    .map((one) => [
      Number.isNaN(Date.parse(one.at)) ? '-' : age(Date.parse(one.at), nowMs),
      one.cluster,
      one.type,
      one.reason,
      objectText(one),
      timesText(one),
    ]);
  return table(['LAST SEEN', 'CLUSTER', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'], rows);
}

/** One event as it comes. */
export function eventLine(one: EventLine): string {
  return `${one.at}  ${one.cluster}  ${one.type.padEnd(7)}  ${one.reason}  ${objectText(one)}  ${timesText(one)}\n`;
}
