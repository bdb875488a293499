import { usage } from '../failure.ts';

/** Where a hub keeps its state unless told. */
export const STATE = '.ldc';

/** @throws Failure when it is no port with room for the agents' port beside it. */
export function portOf(text: string): number {
  return wholeNumber(text, 'port', 1, 65_534);
}

/** @throws Failure when the text is no whole number in [min, max]. */
export function wholeNumber(text: string, what: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw usage(`${text} is no ${what}`, `a whole number from ${min} to ${max}`);
}
