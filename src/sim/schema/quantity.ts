/** Kubernetes resource quantities: exact decimal arithmetic on BigInt, canonical text as the API server writes it. */

/** A quantity as an exact integer of 10⁻⁹ units, and the family of suffixes it was written in. */
export interface Quantity {
  readonly nano: bigint;
  readonly format: 'decimalSI' | 'binarySI' | 'decimalExponent';
}

const PATTERN = /^([+-]?)(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i|)$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const NANO = 1_000_000_000n;

/** Divides rounding away from zero: a quantity never becomes smaller than what was asked for. */
function divideUp(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  if (value % by === 0n) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}

/** Parses a quantity; undefined: not one. Finer than 10⁻⁹ is rounded up. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, sign, digits, suffix] = match as unknown as [string, string, string, string];
  const [whole = '', fraction = ''] = digits.split('.');
  let value = BigInt(`${whole}${fraction}`);
  let exponent = 9 - fraction.length;
  let format: Quantity['format'] = 'decimalSI';
  if (suffix.endsWith('i')) {
    value *= 1024n ** BigInt(BINARY.indexOf(suffix));
    format = 'binarySI';
  } else if (/^[eE][+-]?\d/.test(suffix)) {
    exponent += Number(suffix.slice(1));
    format = 'decimalExponent';
  } else {
    exponent += (DECIMAL.indexOf(suffix) - 3) * 3;
  }
  // A number of this size is no resource; it would only make the arithmetic slow.
  if (Math.abs(exponent) > 100) return undefined;
  const nano = exponent >= 0 ? value * 10n ** BigInt(exponent) : divideUp(value, 10n ** BigInt(-exponent));
  return { nano: sign === '-' ? -nano : nano, format };
}

function decimalText(nano: bigint, exponentForm: boolean): string {
  let scale = -9;
  let value = nano;
  while (value % 1000n === 0n && scale < 18) {
    value /= 1000n;
    scale += 3;
  }
  if (exponentForm) return scale === 0 ? String(value) : `${value}e${scale}`;
  return `${value}${DECIMAL[scale / 3 + 3] ?? ''}`;
}

/** The text that the API server would store; text that is no quantity stays as it is (validation names it). */
export function canonicalQuantity(text: string): string {
  const quantity = parseQuantity(text.trim());
  if (quantity === undefined) return text;
  const { nano, format } = quantity;
  if (nano === 0n) return '0';
  if (format !== 'binarySI') return decimalText(nano, format === 'decimalExponent');
  // Small or broken binary quantities are written in decimal.
  if (nano % NANO !== 0n || (nano < 1024n * NANO && nano > -1024n * NANO)) return decimalText(nano, false);
  let value = nano / NANO;
  let step = 0;
  while (value % 1024n === 0n && step < BINARY.length - 1) {
    value /= 1024n;
    step += 1;
  }
  return `${value}${BINARY[step]}`;
}
