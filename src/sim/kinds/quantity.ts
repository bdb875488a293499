const SCALE: { readonly [suffix: string]: number } = {
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

/** The value of a Kubernetes quantity (`500m`, `2Gi`, `1e3`) in its base unit. @throws RangeError when it is none. */
export function quantity(text: string | number): number {
  if (typeof text === 'number') return text;
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text.trim());
  if (match === null) throw new RangeError(`not a quantity: ${text}`);
  const [, digits, exponent, suffix] = match;
  return Number(`${digits}${exponent ?? ''}`) * (SCALE[suffix ?? ''] ?? 1);
}

/** CPU in thousandths of a core, rounded up as the scheduler does. */
export function milliCpu(text: string | number): number {
  return Math.ceil(quantity(text) * 1000 - 1e-6);
}
