/** Both judges at once: plays scripts on a real and an embedded server and says where they differ. */
import { compareAnswers } from './compare.ts';
import { type Played, play } from './play.ts';
import type { Difference, Script, Target } from './types.ts';

/** A run's name, in the names of everything that it makes: `r` and six letters or digits. */
export function runName(): string {
  return `r${Math.floor(performance.timeOrigin + performance.now())
    .toString(36)
    .slice(-6)}`;
}

export function differencesOf(
  script: Script,
  real: readonly Pick<Played, 'answer'>[],
  embedded: readonly Played[],
): readonly Difference[] {
  return embedded.flatMap(({ step, answer }, index) => {
    const other = real[index];
    if (step.compared === false || other === undefined) return [];
    return compareAnswers(`${script.name}/${step.name}`, other.answer, answer);
  });
}

/** Plays a script on both, one after the other. */
export async function judgeScript(
  script: Script,
  run: string,
  real: Target,
  embedded: Target,
): Promise<readonly Difference[]> {
  const theirs = await play(real, run, script);
  return differencesOf(script, theirs, await play(embedded, run, script));
}

function short(text: string): string {
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** Differences as a person reads them. */
export function shownDifferences(differences: readonly Difference[]): string {
  const lines = differences.map(
    ({ at, path, real, embedded }) => `${at}\n  ${path}\n    real     ${short(real)}\n    embedded ${short(embedded)}`,
  );
  return lines.join('\n');
}
