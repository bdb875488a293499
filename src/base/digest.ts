import { createHash, createHmac } from 'node:crypto';
import { canonical } from './json.ts';

/** A content address: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** The digest of a value's canonical JSON (RFC 8785). */
export function digestOf(value: unknown): Digest {
  return `sha256:${sha256Hex(canonical(value))}`;
}

/** A keyed digest (HMAC-SHA-256, hex): says "the same value" to whoever holds the key, and nothing to others. */
export function keyedDigest(key: Uint8Array, data: string | Uint8Array): string {
  return createHmac('sha256', key).update(data).digest('hex');
}
