import type { JsonObject } from './json.ts';

/** Where a part says what it does. Fields hold ids and counts, never secrets. */
export interface Logger {
  debug(fields: JsonObject, message: string): void;
  info(fields: JsonObject, message: string): void;
  warn(fields: JsonObject, message: string): void;
  error(fields: JsonObject, message: string): void;
  child(fields: JsonObject): Logger;
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
