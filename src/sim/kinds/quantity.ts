import { quantity as parse } from '../../base/index.ts';

/** The value of a Kubernetes quantity (`500m`, `2Gi`, `1e3`) in its base unit. @throws RangeError when it is none. */
export function quantity(text: string | number): number {
  const value = parse(typeof text === 'string' ? text.trim() : text);
  if (value === undefined) throw new RangeError(`not a quantity: ${text}`);
  return value;
}

/** CPU in thousandths of a core, rounded up as the scheduler does. */
export function milliCpu(text: string | number): number {
  return Math.ceil(quantity(text) * 1000 - 1e-6);
}
