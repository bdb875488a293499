import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { contextPath, readContexts, useContext } from '../context-file.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { table } from '../render/table.ts';

/** The hubs that the CLI knows by name. Tokens are never shown. */
export function registerContext(program: Command, cli: Cli): void {
  const context = program
    .command('context')
    .summary('the hubs that this CLI knows: list, use')
    .description('The hubs that this CLI knows by name, in ~/.config/ldc/config.yaml or LDC_CONFIG.')
    .addHelpText('after', example('ldc context list', 'ldc context use dev'));
  context
    .command('list')
    .description('Lists the contexts; * marks the current one.')
    .option('-o, --output <format>', 'json|yaml|name')
    .action(action<{ output?: string }>(cli, (flags) => list(cli, flags)));
  context
    .command('use')
    .argument('<name>', 'its name')
    .description('Makes a context the current one.')
    .action(
      action(cli, async (_, [name]) => {
        await useContext(cli.io, name ?? '');
        cli.io.out.write(`${name} is the current context\n`);
        return exit.done;
      }),
    );
}

async function list({ io }: Cli, { output }: { output?: string }): Promise<number> {
  checkFormat(output);
  const { current, contexts } = await readContexts(io);
  const items = Object.entries(contexts).map(([name, { hub, ca }]) => ({
    name,
    hub,
    ca: ca ?? null,
    current: name === current,
  }));
  const rows = items.map((one) => [one.current ? '*' : '', one.name, one.hub, one.ca ?? '-']);
  await print(io, output, {
    value: { current, items },
    names: items.map(({ name }) => name),
    human: () =>
      items.length === 0
        ? `no contexts in ${contextPath(io)}; \`ldc dev\` makes one\n`
        : table(['', 'NAME', 'HUB', 'CA'], rows),
  });
  return exit.done;
}
