import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** Makes ids that sort by time: a prefix, 10 characters of time and 10 of randomness, in Crockford's base 32, lower case. */
export interface Ids {
  /** For example `next('tx')` → `tx-01jd3x8k2mq7v0c4ha9f`. */
  next(prefix: string): string;
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export function createIds(clock: Clock, random: Random): Ids {
  let lastMs = 0;
  return {
    next(prefix) {
      lastMs = Math.max(lastMs + 1, clock.now()); // two ids of one process never share their time part: they sort as made
      const noise = Array.from(random.bytes(10), (byte) => ALPHABET[byte & 31]).join('');
      return `${prefix}-${encodeTime(lastMs)}${noise}`;
    },
  };
}

function encodeTime(unixMs: number): string {
  let rest = unixMs;
  let text = '';
  for (let i = 0; i < 10; i++) {
    text = `${ALPHABET[rest % 32]}${text}`;
    rest = Math.floor(rest / 32);
  }
  return text;
}
