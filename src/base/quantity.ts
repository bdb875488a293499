/** Kubernetes resource quantities as plain numbers, for arithmetic that needs no exactness beyond a double. */

const FACTORS: { readonly [suffix: string]: number } = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The decimal and binary forms of a Kubernetes resource quantity; no negative ones. */
export const QUANTITY_PATTERN = /^\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;

/** The plain number of a Kubernetes quantity (`500m` → 0.5, `1Ki` → 1024), or undefined when it is none. */
export function quantity(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !QUANTITY_PATTERN.test(text)) return undefined;
  const match = /^(\+?[\d.]+)(?:[eE]([+-]?\d+)|([a-zA-Z]*))$/.exec(text);
  if (match === null) return undefined;
  const [, number, exponent, suffix] = match;
  return exponent === undefined
    ? Number(number) * (FACTORS[suffix ?? ''] ?? Number.NaN)
    : Number(`${number}e${exponent}`);
}

/** Thousandths of a CPU, rounded up as Kubernetes does; 0 when absent or no quantity. */
export function cpuMilli(value: unknown): number {
  return Math.ceil(roundNoise((quantity(value) ?? 0) * 1000));
}

/** Bytes, rounded up; 0 when absent or no quantity. */
export function memoryBytes(value: unknown): number {
  return Math.ceil(roundNoise(quantity(value) ?? 0));
}

/** Binary floating point makes 0.1 × 1000 × 3 a little more than 300: nine decimals are kept. */
function roundNoise(value: number): number {
  return Number.isSafeInteger(Math.round(value * 1e9)) ? Math.round(value * 1e9) / 1e9 : value;
}
