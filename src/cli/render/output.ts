import { usage } from '../failure.ts';
import type { Io } from '../io.ts';
import { printable } from './printable.ts';

export type Format = 'json' | 'yaml' | 'name';

/** One answer in the forms that `-o` chooses from; `human` is what stands on a screen without it. */
export interface Answer {
  readonly value: unknown;
  readonly names: readonly string[];
  readonly human: () => string;
}

/** @throws Failure (exit 2) for a form that does not exist. */
export async function print({ out }: Io, format: string | undefined, answer: Answer): Promise<void> {
  out.write(await textOf(format, answer));
}

async function textOf(format: string | undefined, { value, names, human }: Answer): Promise<string> {
  switch (format) {
    case undefined:
      return printable(human());
    case 'json':
      return `${JSON.stringify(value, null, 2)}\n`;
    case 'yaml': {
      const { stringify } = await import('yaml');
      return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
    }
    case 'name':
      return names.map((name) => `${name}\n`).join('');
    default:
      throw wrongFormat(format);
  }
}

/** Refuses a wrong `-o` before anything is done. */
export function checkFormat(format: string | undefined, allowed: readonly string[] = ['json', 'yaml', 'name']): void {
  if (format !== undefined && !allowed.includes(format)) throw wrongFormat(format, allowed);
}

function wrongFormat(format: string, allowed: readonly string[] = ['json', 'yaml', 'name']) {
  return usage(`there is no output format ${format}`, `choose ${allowed.join(', ')}, or none for people`);
}
