import { resolve } from 'node:path';
import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { exit } from '../failure.ts';
import { portOf, STATE, type TimerFlags, timingsOf, withTimers } from './launch-options.ts';

interface HubOwnFlags extends TimerFlags {
  readonly name: string;
  readonly hostName?: readonly string[];
  readonly state: string;
  readonly host: string;
  readonly port: string;
  readonly reachable?: readonly string[];
  readonly yes?: boolean;
  readonly reason?: string;
}

/** `ldc hub`: runs the control plane; and its backup, restore and rearm, which work on its state. */
export function registerHub(program: Command, cli: Cli): void {
  const { io, launchers } = cli;
  const stateOf = ({ state }: HubOwnFlags) => resolve(io.cwd, state);
  const hub = withTimers(program.command('hub'))
    .summary('run the control plane; backup, restore, rearm')
    .description('Runs the hub: REST on its port, agents on the next one.')
    .option('--state <folder>', 'where its state is kept', STATE)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port of REST', '7420')
    .option('--name <name>', 'what it calls itself, in its CA and to its agents', 'ldc')
    .option('--host-name <name...>', 'names and addresses under which it is reached, for its certificates')
    .option('--reachable <url...>', 'what must answer for the hub to believe in its own network')
    .addHelpText(
      'after',
      example('ldc hub --state /var/lib/ldc --host 0.0.0.0', 'ldc hub backup hub.bak --state /var/lib/ldc'),
    )
    .action(
      action<HubOwnFlags>(cli, (flags) =>
        launchers.hub({
          state: stateOf(flags),
          host: flags.host,
          port: portOf(flags.port),
          names: flags.hostName ?? [],
          name: flags.name,
          timers: timingsOf(flags),
          reachable: flags.reachable ?? [],
        }),
      ),
    );
  hub
    .command('backup')
    .argument('<file>', 'the backup')
    .description(
      'Writes a consistent backup of a hub, running or not. The master key is not in it: keep that elsewhere.',
    )
    .addHelpText('after', example('ldc hub backup hub.bak --state /var/lib/ldc'))
    .action(
      action<HubOwnFlags>(cli, (flags, [file]) =>
        launchers.backup({ state: stateOf(flags), file: resolve(io.cwd, file ?? '') }),
      ),
    );
  hub
    .command('restore')
    .argument('<file>', 'the backup')
    .option('-y, --yes', 'do not ask')
    .description(
      'Puts a backup in place of the state of a hub that is stopped. It then only watches, until it is armed again (`ldc hub rearm`).',
    )
    .addHelpText('after', example('ldc hub restore hub.bak --state /var/lib/ldc --yes'))
    .action(
      action<HubOwnFlags>(cli, async (flags, [file]) => {
        if (!(await confirm(io, `Put ${file} in place of ${flags.state}?`, flags.yes))) return exit.usage;
        return launchers.restore({ state: stateOf(flags), file: resolve(io.cwd, file ?? '') });
      }),
    );
  hub
    .command('rearm')
    .requiredOption('--reason <text>', 'why it may act again; kept in the journal')
    .option('-y, --yes', 'do not ask')
    .description('Lets a restored hub act again: it adopts what the agents report, and takes an epoch above theirs.')
    .addHelpText('after', example('ldc hub rearm --state /var/lib/ldc --reason "the old machine is scrapped" --yes'))
    .action(
      action<HubOwnFlags>(cli, async (flags) => {
        if (!(await confirm(io, 'Let this hub act again? No other hub of this state may run.', flags.yes)))
          return exit.usage;
        return launchers.rearm({ state: stateOf(flags), reason: flags.reason ?? '' });
      }),
    );
}
