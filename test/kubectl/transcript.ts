/** Transcripts as a person reads them: one section a step, `== name [@variant]`, what was typed, what was printed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, Printed } from './types.ts';

const FOLDER = join(import.meta.dirname, 'expected');

export function transcriptPath(scenario: string): string {
  return join(FOLDER, `${scenario}.txt`);
}

/** Sections by step; within a step by variant, '' being the ordinary one. */
export type Transcript = Map<string, Map<string, string>>;

export function readTranscript(scenario: string): Transcript {
  const path = transcriptPath(scenario);
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const sections: Transcript = new Map();
  for (const part of text.split(/^== /m).slice(1)) {
    const end = part.indexOf('\n');
    const [step = '', variant = ''] = part.slice(0, end).split(' @');
    const variants = sections.get(step) ?? new Map<string, string>();
    variants.set(variant, part.slice(end + 1).replace(/\n+$/, '\n'));
    sections.set(step, variants);
  }
  return sections;
}

export function transcriptText(sections: Transcript): string {
  return [...sections]
    .flatMap(([step, variants]) =>
      [...variants].map(([variant, text]) => `== ${step}${variant === '' ? '' : ` @${variant}`}\n${text}`),
    )
    .join('\n');
}

/** The text of one section. */
export function show({ args, code, out, err }: Printed): string {
  const errors = err.replace(/^(?=.)/gm, '2> ');
  return `$ kubectl ${args}\n${out}${errors}${code === 0 ? '' : `[exit ${code}]\n`}`.replace(/\n+$/, '\n');
}

/** `embedded`, `1.27`, `1.27-1.29`, `embedded 1.27-1.29`: where a section holds. Undefined: not there; else how narrowly. */
function narrowness(variant: string, { server, minor }: Place): number | undefined {
  const found = /^(embedded)? ?(?:1\.(\d+)(?:-1\.(\d+))?)?$/.exec(variant);
  if (found === null) throw new Error(`the variant "${variant}" is none`);
  const [, where, from, to] = found;
  if (where !== undefined && server !== where) return undefined;
  if (from !== undefined && (minor < Number(from) || minor > Number(to ?? from))) return undefined;
  return (where === undefined ? 0 : 2) + (from === undefined ? 0 : 1);
}

/** What is expected of a step at a place: its narrowest section that holds there. */
export function expectedAt(sections: Transcript, step: string, place: Place): string | undefined {
  const holding = [...(sections.get(step) ?? [])].flatMap(([variant, text]) => {
    const rank = narrowness(variant, place);
    return rank === undefined ? [] : [{ rank, text }];
  });
  return holding.sort((a, b) => b.rank - a.rank)[0]?.text;
}
