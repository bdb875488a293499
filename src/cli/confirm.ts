import { usage } from './failure.ts';
import type { Io } from './io.ts';

/**
 * Asks before something changes. `--yes` answers it; without it and without a terminal nobody could answer: exit 2.
 * Answers whether to go on.
 */
export async function confirm({ input, err }: Io, question: string, yes: boolean | undefined): Promise<boolean> {
  if (yes === true) return true;
  if (!input.isTerminal || !err.isTerminal)
    throw usage('this changes something, and there is no terminal to ask at', 'look at it, then say --yes');
  const answer = await input.question(`${question} [y/N] `);
  const agreed = /^y(es)?$/i.test(answer.trim());
  if (!agreed) err.write('nothing was changed\n');
  return agreed;
}
