/** What clusters say, line by line and as a table. */
import { foldAlike } from '../../base/index.ts';
import type { Told } from '../../stacks/types.ts';
import { timesText } from './reason.ts';
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
const countText = (one: EventLine) => `${one.count > 1 ? `(${timesText({ ...one })}) ` : ''}${one.message}`;

/** Newest first; what a cluster says of several objects in the same words is one line. */
export function eventTable(events: readonly EventLine[], nowMs: number): string {
  const rows = foldAlike(events, (one) => [one.cluster, objectText(one)]).map(({ event, members }) => {
    const others = new Set(members.map(objectText)).size - 1;
    return [
      Number.isNaN(Date.parse(event.at)) ? '-' : age(Date.parse(event.at), nowMs),
      event.cluster,
      event.type,
      event.reason,
      `${objectText(event)}${others === 0 ? '' : ` and ${others} more`}`,
      countText(event),
    ];
  });
  return table(['LAST SEEN', 'CLUSTER', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'], rows);
}

/** One event as it comes. */
export function eventLine(one: EventLine): string {
  return `${one.at}  ${one.cluster}  ${one.type.padEnd(7)}  ${one.reason}  ${objectText(one)}  ${countText(one)}\n`;
}
