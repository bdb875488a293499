import type { Command } from 'commander';
import type { FunctionView, StackSummary } from '../../stacks/types.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { functionTable } from '../render/stack.ts';
import { stackName } from '../render/transaction.ts';
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
    // of one: says so when there is none
    const stacks =
      ref === undefined
        ? await client.all(routes.stacks.list)
        : [await client.call(routes.stacks.get, { params: ref })];
    const query = ref === undefined ? {} : { project: ref.project, stack: ref.name };
    const [items, availability] = await Promise.all([
      client.all(routes.functions.list, { query }),
      client.call(routes.fleet.availability),
    ]);
    await print(cli.io, flags.output, {
      value: { functions: items, availability },
      names: items.map((view) => `function/${view.project}/${view.stack}/${view.function}`),
      human: () => `${functionTable(items)}${begun(stacks)}${trouble(items)}${brakes(availability.brakes)}`,
    });
    return exit.done;
  });
}

/** Stacks of which nothing is committed yet: their functions are not served, but not nowhere to be found either. */
function begun(stacks: readonly StackSummary[]): string {
  return stacks
    .filter(({ revision, transaction }) => revision === 0 && transaction !== null)
    .map(
      (one) =>
        `${stackName(one)}: nothing is committed yet; what goes on: ldc describe ${stackName(one)}, ldc tx show ${one.transaction}\n`,
    )
    .join('');
}

/** Why what is not well is not. */
export function trouble(items: readonly FunctionView[]): string {
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
