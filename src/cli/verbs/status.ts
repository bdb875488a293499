import type { Command } from 'commander';
import type { FunctionView } from '../../stacks/types.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { functionTable } from '../render/stack.ts';
import { stackRef } from './options.ts';

interface StatusFlags extends HubFlags {
  readonly output?: string;
}

export function registerStatus(program: Command, cli: Cli): void {
  withOutput(withHub(program.command('status').argument('[stack]', 'NAME or PROJECT/NAME; default: all')))
    .summary('where each function is served now')
    .description('Shows where each function is served now, and which brakes hold automatic moves.')
    .addHelpText('after', example('ldc status', 'ldc status shop -o json'))
    .action(action<StatusFlags>(cli, (flags, [name]) => status(cli, flags, name)));
}

async function status(cli: Cli, flags: StatusFlags, name: string | undefined): Promise<number> {
  checkFormat(flags.output);
  const ref = name === undefined ? undefined : stackRef(name);
  return withClient(cli, flags, async (client, { routes }) => {
    if (ref !== undefined) await client.call(routes.stacks.get, { params: ref }); // says so when there is none
    const query = ref === undefined ? {} : { project: ref.project, stack: ref.name };
    const [items, availability] = await Promise.all([
      client.all(routes.functions.list, { query }),
      client.call(routes.fleet.availability),
    ]);
    await print(cli.io, flags.output, {
      value: { functions: items, availability },
      names: items.map((view) => `function/${view.project}/${view.stack}/${view.function}`),
      human: () => `${functionTable(items)}${trouble(items)}${brakes(availability.brakes)}`,
    });
    return exit.done;
  });
}

/** Why what is not well is not. */
function trouble(items: readonly FunctionView[]): string {
  const lines = items.flatMap((view) =>
    view.locations
      .filter((location) => location.status !== 'current' && location.message !== '')
      .map(({ cluster, message, reason }) => {
        return `  ${view.function} on ${cluster}: ${message}${reason === undefined ? '' : `; ${reason}`}\n`;
      }),
  );
  const [first] = items;
  if (lines.length === 0 || first === undefined) return '';
  return `\n${lines.join('')}  more: ldc describe ${first.project}/${first.stack}\n`;
}

function brakes(items: readonly { readonly reason: string }[]): string {
  return items.map((brake) => `brake: ${brake.reason}\n`).join('');
}
