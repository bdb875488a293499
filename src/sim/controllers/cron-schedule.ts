/** Five-field cron schedules as CronJobs use them; pure. */

export interface Schedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** When both fields of days are restricted, either may match. */
  readonly eitherDay: boolean;
}

const MACROS: { readonly [name: string]: string } = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTE_MS = 60_000;
/** Longer than any wait for a 29th of February on a given weekday that a schedule can ask for. */
const SEARCH_DAYS = 366 * 28 + 2;

/** @throws RangeError naming the field that cannot be read. */
export function parseSchedule(text: string): Schedule {
  const fields = (MACROS[text.trim()] ?? text).trim().split(/\s+/);
  if (fields.length !== 5) throw new RangeError(`expected exactly 5 fields, found ${fields.length}: ${text}`);
  const [minutes, hours, days, months, weekdays] = fields as [string, string, string, string, string];
  const ofWeek = parseField(weekdays, 0, 7, WEEKDAYS, 0);
  return {
    minutes: parseField(minutes, 0, 59),
    hours: parseField(hours, 0, 23),
    days: parseField(days, 1, 31),
    months: parseField(months, 1, 12, MONTHS, 1),
    weekdays: new Set([...ofWeek].map((day) => day % 7)),
    eitherDay: !isOpen(days) && !isOpen(weekdays),
  };
}

function isOpen(field: string): boolean {
  return field.startsWith('*') || field.startsWith('?');
}

function parseField(field: string, min: number, max: number, names: readonly string[] = [], offset = 0): Set<number> {
  const values = new Set<number>();
  const number = (text: string) => {
    const name = names.indexOf(text.toLowerCase());
    const value = name === -1 ? Number(text) : name + offset;
    if (!Number.isInteger(value) || text === '' || value < min || value > max)
      throw new RangeError(`cannot read ${text} in the schedule field ${field}`);
    return value;
  };
  for (const part of field.split(',')) {
    const [range = '', step = '1', more] = part.split('/');
    const every = Number(step);
    if (more !== undefined || !Number.isInteger(every) || every < 1)
      throw new RangeError(`cannot read ${part} in the schedule field ${field}`);
    const [low = '', high] = range.split('-');
    const open = range === '*' || range === '?';
    const first = open ? min : number(low);
    // `5/10` means from 5 on
    const last = open || (high === undefined && part.includes('/')) ? max : number(high ?? low);
    if (first > last) throw new RangeError(`${range} runs backwards in the schedule field ${field}`);
    for (let value = first; value <= last; value += every) values.add(value);
  }
  return values;
}

/** The first time after `afterMs` (Unix milliseconds, UTC) that the schedule names; undefined: never. */
export function nextTime(schedule: Schedule, afterMs: number): number | undefined {
  const start = new Date(Math.floor(afterMs / MINUTE_MS) * MINUTE_MS + MINUTE_MS);
  for (let day = 0; day < SEARCH_DAYS; day++) {
    const date = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate() + day));
    if (!matchesDay(schedule, date)) continue;
    const fromMinute = day === 0 ? start.getUTCHours() * 60 + start.getUTCMinutes() : 0;
    for (let minute = fromMinute; minute < 1440; minute++) {
      if (schedule.hours.has(Math.floor(minute / 60)) && schedule.minutes.has(minute % 60))
        return date.getTime() + minute * MINUTE_MS;
    }
  }
  return undefined;
}

function matchesDay({ days, months, weekdays, eitherDay }: Schedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const ofMonth = days.has(date.getUTCDate());
  const ofWeek = weekdays.has(date.getUTCDay());
  return eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek;
}
