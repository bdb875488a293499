import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withFiles, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { diffText } from '../render/stack.ts';
import { aboutSource, readSources } from '../sources.ts';

interface DiffFlags extends HubFlags {
  readonly file: string[];
  readonly output?: string;
}

export function registerDiff(program: Command, cli: Cli): void {
  withOutput(withHub(withFiles(program.command('diff'))))
    .summary('show what would change on each cluster')
    .description(
      'Asks every cluster by a server-side dry run what an apply would change, object by object. Exits 1 when something differs.',
    )
    .addHelpText('after', example('ldc diff -f examples/shop'))
    .action(action<DiffFlags>(cli, (flags) => diff(cli, flags)));
}

async function diff(cli: Cli, flags: DiffFlags): Promise<number> {
  checkFormat(flags.output);
  const sources = await readSources(cli.io, flags.file);
  return withClient(cli, flags, async (client, { routes }) => {
    let differs = false;
    for (const source of sources) {
      const { items } = await aboutSource(source, () => client.call(routes.stacks.diff, { body: source }));
      const changed = items.filter(({ change }) => change !== 'none');
      differs ||= changed.length > 0;
      const names = changed.map(({ location, ref }) => `${location}/${ref.kind}/${ref.name}`);
      await print(cli.io, flags.output, { value: { items }, names, human: () => diffText(items) });
    }
    return differs ? exit.failed : exit.done;
  });
}
