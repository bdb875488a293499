import { resolve } from 'node:path';
import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { portOf, STATE, type TimerFlags, timingsOf, wholeNumber, withTimers } from './launch-options.ts';

interface DevFlags extends TimerFlags {
  readonly clusters: string;
  readonly state: string;
  readonly port: string;
}

export function registerDev(program: Command, cli: Cli): void {
  withTimers(program.command('dev'))
    .summary('a hub with embedded clusters on this machine')
    .description(
      'Starts a hub, embedded clusters and their agents on this machine, and keeps them until it is stopped.\n' +
        'Started again on the same state it goes on where it was. Never asks.',
    )
    .option('--clusters <n>', 'how many', '4')
    .option('--state <folder>', 'where all of it is kept', STATE)
    .option('--port <port>', 'of the hub; agents use the next one', '7420')
    .option('-y, --yes', 'accepted; nothing is asked')
    .addHelpText('after', example('ldc dev', 'ldc dev --clusters 6 --state /tmp/ldc'))
    .action(
      action<DevFlags>(cli, ({ clusters, state, port, ...timers }) =>
        cli.launchers.dev({
          clusters: wholeNumber(clusters, 'number of clusters', 1, 1_000),
          state: resolve(cli.io.cwd, state),
          port: portOf(port),
          timers: timingsOf(timers),
        }),
      ),
    );
}
