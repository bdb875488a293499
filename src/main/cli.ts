/** The command line: its Io is this process, its launchers are loaded when one is asked for. */
import { systemClock, systemRandom } from '../base/index.ts';
import { type Io, processIo, run, saveContext } from '../cli/index.ts';
import { launchersFor } from './launchers.ts';
import { programVersion } from './version.ts';

export async function runCli(argv: readonly string[]): Promise<number> {
  const io: Io = processIo({ env: process.env, clock: systemClock, random: systemRandom });
  const launchers = launchersFor({ io, saveContext: (name, context) => saveContext(io, name, context) });
  // The clock's timers keep no process alive, and a verb may wait for nothing else: a drain, an agent that is to join.
  const keepAlive = setInterval(() => {}, 60_000);
  try {
    return await run(argv.slice(2), { io, launchers, version: programVersion() });
  } finally {
    clearInterval(keepAlive);
  }
}
