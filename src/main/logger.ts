import pino, { type Logger as Pino } from 'pino';
import type { Logger } from '../base/index.ts';

/** Structured logs (one JSON object a line) on standard error. */
export function createLogger(level: string): Logger {
  return adapt(
    pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: 2, sync: true })),
  );
}

function adapt(target: Pino): Logger {
  return {
    debug: (fields, message) => target.debug(fields, message),
    info: (fields, message) => target.info(fields, message),
    warn: (fields, message) => target.warn(fields, message),
    error: (fields, message) => target.error(fields, message),
    child: (fields) => adapt(target.child(fields)),
  };
}
