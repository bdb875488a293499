import { randomBytes } from 'node:crypto';

/** Randomness as a port. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `count` random bytes. From systemRandom they are fit for keys and tokens. */
  bytes(count: number): Uint8Array;
}

export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => new Uint8Array(randomBytes(count)),
};

/** Repeatable randomness from a seed (splitmix32); for simulation and tests, never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  };
  return { next, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) };
}

/** A stream of its own for each consumer of one seed, so that one that draws more does not change what the others see. */
export function deriveRandom(seed: number, name: string): Random {
  let hash = 0x811c9dc5; // FNV-1a; seededRandom mixes it further
  for (const byte of Buffer.from(`${seed}/${name}`)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return seededRandom(hash);
}

/** A whole number in [0, below). */
export function randomInt(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

/** Exponential back-off with full jitter: uniform in [base/2, base] where base = first × 2^attempt, at most `maxMs`. */
export function backoffMs(random: Random, attempt: number, firstMs: number, maxMs: number): number {
  const base = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30));
  return Math.round(base / 2 + (base / 2) * random.next());
}
