/** From what was printed everywhere to the fewest sections that say it. */
import { expectedAt, type Transcript } from './transcript.ts';
import type { Place } from './types.ts';

/** One step's text at one place. */
export interface Sight extends Place {
  readonly step: string;
  readonly text: string;
}

/** @param sights the newest kubectl first, the real server before the embedded one. */
export function sectionsOf(sights: readonly Sight[]): Transcript {
  const sections: Transcript = new Map();
  for (const step of new Set(sights.map((sight) => sight.step))) {
    const own = sights.filter((sight) => sight.step === step);
    const judge = own[0]?.server;
    sections.set(step, new Map([['', own[0]?.text ?? '']]));
    const apart = (server: Place['server']) =>
      own.filter((sight) => sight.server === server && sight.text !== expectedAt(sections, step, sight));
    for (const server of judge === 'real' ? (['real', 'embedded'] as const) : (['embedded'] as const)) {
      const label = server === judge ? '' : 'embedded';
      const everywhere = own.filter((sight) => sight.server === server).length;
      for (const [range, text] of ranges(apart(server), everywhere)) {
        sections.get(step)?.set(`${label} ${range}`.trim(), text);
      }
    }
  }
  return sections;
}

/** Neighbouring minors with the same text together; '' for all of them. */
function ranges(sights: readonly Sight[], everywhere: number): readonly (readonly [string, string])[] {
  const groups: Sight[][] = [];
  for (const sight of [...sights].sort((a, b) => a.minor - b.minor)) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && last.minor === sight.minor - 1 && last.text === sight.text) groups.at(-1)?.push(sight);
    else groups.push([sight]);
  }
  return groups.map((group) => {
    const [from, to] = [group[0]?.minor, group.at(-1)?.minor];
    const range = group.length === everywhere ? '' : from === to ? `1.${from}` : `1.${from}-1.${to}`;
    return [range, group[0]?.text ?? ''];
  });
}
