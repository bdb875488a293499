import { resolve } from 'node:path';
import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import {
  CLUSTERS,
  type CountFlags,
  countsOf,
  portOf,
  STATE,
  type TimerFlags,
  timingsOf,
  withReal,
  withTimers,
} from './launch-options.ts';
import { kindsOf, kindsOption } from './rights-options.ts';

interface DevFlags extends TimerFlags, CountFlags {
  readonly kinds?: readonly string[];
  readonly state: string;
  readonly port: string;
}

export function registerDev(program: Command, cli: Cli): void {
  withReal(withTimers(program.command('dev')))
    .summary('a hub with clusters on this machine, embedded or real')
    .description(
      'Starts a hub, clusters and their agents on this machine, and keeps them until it is stopped. Clusters are embedded,\n' +
        'which takes nothing but this program, or real control planes (--real). Started again on the same state it goes on where it was. Agents have the\n' +
        'rights that `ldc agent manifests` prints, no more. Never asks.',
    )
    .option('--clusters <n>', `how many (default: as many as are real, or ${CLUSTERS})`)
    .option('--state <folder>', 'where all of it is kept', STATE)
    .option('--port <port>', 'of the hub; agents use the next one', '7420')
    .addOption(kindsOption())
    .option('-y, --yes', 'accepted; nothing is asked')
    .addHelpText(
      'after',
      example(
        'ldc dev',
        'ldc dev --clusters 6 --state /tmp/ldc',
        'ldc dev --real 2',
        'ldc dev --kinds example.com/widgets',
      ),
    )
    .action(
      action<DevFlags>(cli, ({ clusters, real, state, port, kinds, ...timers }) =>
        cli.launchers.dev({
          ...countsOf({ ...(clusters === undefined ? {} : { clusters }), ...(real === undefined ? {} : { real }) }),
          state: resolve(cli.io.cwd, state),
          port: portOf(port),
          timers: timingsOf(timers),
          kinds: kindsOf(kinds ?? []),
        }),
      ),
    );
}
