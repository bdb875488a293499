import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { newKey, withClient } from '../connect.ts';
import { exit, usage } from '../failure.ts';
import { clusterText } from '../render/cluster.ts';
import { checkFormat, print } from '../render/output.ts';

interface RenameFlags extends HubFlags {
  readonly yes?: boolean;
  readonly reason?: string;
  readonly output?: string;
}

/** Another name for the same cluster: nothing that runs there is touched, its agent goes on with the key that it has. */
export function registerRename(cluster: Command, cli: Cli): void {
  withOutput(
    withHub(cluster.command('rename').argument('<name>', 'its name').argument('<new-name>', 'the one it gets')),
  )
    .description(
      'Gives a cluster another name. What runs there is not touched. Refused while work is under way or owed there, while its agent is not there, and when a stack chooses clusters by name.',
    )
    .option('-y, --yes', 'do not ask')
    .option('--reason <text>', 'why; kept in the journal')
    .addHelpText('after', example('ldc cluster rename eu-1 eu-west-1 --reason "names of the new scheme"'))
    .action(action<RenameFlags>(cli, (flags, [name, to]) => rename(cli, flags, name ?? '', to ?? '')));
}

async function rename(cli: Cli, flags: RenameFlags, name: string, to: string): Promise<number> {
  checkFormat(flags.output);
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(to))
    throw usage(`${to} is no name of a cluster`, 'a-z, 0-9 and "-", such as eu-3');
  if (!(await confirm(cli.io, `Rename ${name} to ${to}?`, flags.yes))) return exit.usage;
  return withClient(cli, flags, async (client, { routes }) => {
    const body = { to, ...(flags.reason === undefined ? {} : { reason: flags.reason }) };
    const value = await client.call(routes.clusters.rename, { params: { name }, body, idempotencyKey: newKey(cli.io) });
    const human = () => `${name} is ${to} now\n\n${clusterText(value)}`;
    await print(cli.io, flags.output, { value, names: [`cluster/${to}`], human });
    return exit.done;
  });
}
