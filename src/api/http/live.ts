import type { Request, Response } from 'express';
import type { Cancel, Clock, Json } from '../../base/index.ts';
import { HttpProblem } from './problem.ts';

export interface LiveEvent {
  /** Grows; a client that comes back hands in the last one it saw. */
  readonly id: number;
  readonly event: string;
  readonly data: Json | object;
}

/** Something that moves: read from where one was, told when there is more. Nothing is buffered for slow readers. */
export interface LiveSource {
  /** The next events after `cursor`, at most a few hundred. */
  read(cursor: number): readonly LiveEvent[];
  subscribe(wake: () => void): Cancel;
  /** Whether nothing more can come. */
  finished(): boolean;
}

const KEEP_ALIVE_MS = 15_000;
const STREAMS_MAX = 2_000;
/** What may wait for one reader; a page of usual events fits, so that it is read once. */
const WAITING_BYTES_MAX = 128 * 1024;
const WRITE_CHARACTERS = 16 * 1024;

/** Server-sent events, one factory a hub: it bounds how many streams are open. */
export function createLive(clock: Clock) {
  let open = 0;
  return async function streamLive(
    request: Request,
    response: Response,
    source: LiveSource,
    options: { readonly after: number; readonly stillAllowed: () => boolean },
  ) {
    if (open >= STREAMS_MAX) throw tooMany();
    const after = lastEventId(request) ?? options.after;
    open++;
    const gone = closing(response);
    try {
      response.status(200).set({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      response.flushHeaders();
      await pump(response, source, { ...options, after }, clock, gone);
    } finally {
      open--;
      response.end();
    }
  };
}

async function pump(
  response: Response,
  source: LiveSource,
  { after, stillAllowed }: { readonly after: number; readonly stillAllowed: () => boolean },
  clock: Clock,
  gone: AbortSignal,
) {
  let cursor = after;
  let woken = false;
  let wake = () => {};
  const unsubscribe = source.subscribe(() => {
    woken = true;
    wake();
  });
  try {
    while (!gone.aborted && stillAllowed()) {
      woken = false;
      const sent = send(response, source.read(cursor));
      if (sent !== undefined) {
        cursor = sent.cursor;
        // what was read and not sent is let go of, and read again when there is room: a reader may be slow for hours
        if (sent.full) await drained(response, gone);
        continue;
      }
      if (source.finished()) return await write(response, 'event: end\ndata: {}\n\n', gone);
      if (woken) continue;
      const idle = await new Promise<boolean>((resolve) => {
        const cancel = clock.after(KEEP_ALIVE_MS, () => resolve(true));
        wake = () => {
          cancel();
          resolve(false);
        };
        gone.addEventListener('abort', wake, { once: true });
      });
      gone.removeEventListener('abort', wake);
      if (idle) await write(response, ': still here\n\n', gone);
    }
  } finally {
    unsubscribe();
  }
}

/** One JSON value a line, as fast as the reader takes them. */
export async function streamLines(response: Response, values: Iterable<unknown>): Promise<void> {
  const gone = closing(response);
  response.status(200).set('content-type', 'application/x-ndjson; charset=utf-8');
  for (const value of values) {
    if (gone.aborted) return;
    await write(response, `${JSON.stringify(value)}\n`, gone);
  }
  response.end();
}

/** Sends events, many small ones with one write, until enough is waiting for the reader; undefined: there were none. */
function send(
  response: Response,
  events: readonly LiveEvent[],
): { readonly cursor: number; readonly full: boolean } | undefined {
  const last = events.at(-1)?.id;
  if (last === undefined) return undefined;
  let text = '';
  for (const event of events) {
    text += frame(event);
    if (text.length < WRITE_CHARACTERS && event.id !== last) continue;
    response.write(text);
    if (response.writableLength > WAITING_BYTES_MAX) return { cursor: event.id, full: true };
    text = '';
  }
  return { cursor: last, full: false };
}

function frame({ id, event, data }: LiveEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function write(response: Response, text: string, gone: AbortSignal): Promise<void> {
  return gone.aborted || response.write(text) ? Promise.resolve() : drained(response, gone);
}

function drained(response: Response, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go);
      gone.removeEventListener('abort', go);
      resolve();
    };
    response.on('drain', go);
    gone.addEventListener('abort', go, { once: true });
  });
}

export function closing(response: Response): AbortSignal {
  const controller = new AbortController();
  if (response.destroyed) controller.abort();
  response.once('close', () => controller.abort());
  return controller.signal;
}

function lastEventId(request: Request): number | undefined {
  const header = request.get('last-event-id');
  if (header === undefined) return undefined;
  if (!/^\d{1,15}$/.test(header))
    throw new HttpProblem(400, {
      kind: 'invalidRequest',
      message: 'Last-Event-ID must be a number',
      hint: 'send the id of the last event that arrived, or none',
    });
  return Number(header);
}

function tooMany(): HttpProblem {
  return new HttpProblem(
    503,
    { kind: 'tooManyStreams', message: `${STREAMS_MAX} event streams are open`, hint: 'try again in a moment' },
    { headers: { 'retry-after': '5' } },
  );
}
