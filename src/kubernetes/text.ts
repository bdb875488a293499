import { limits } from '../base/index.ts';

/** A text in at most so many characters; `…` says that there was more. */
export function clip(text: string, charactersMax: number = limits.logLineBytesMax): string {
  return text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;
}
