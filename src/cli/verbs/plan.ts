import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withFiles, withHub } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { aboutSource, readSources } from '../sources.ts';

interface PlanFlags extends HubFlags {
  readonly file: string[];
  readonly output?: string;
}

export function registerPlan(program: Command, cli: Cli): void {
  withHub(withFiles(program.command('plan')))
    .summary('show what an apply would do')
    .description(
      'Shows what an apply would do: which clusters and why, which objects, in which waves. Changes nothing.',
    )
    .option('-o, --output <format>', 'json|yaml|mermaid')
    .addHelpText('after', example('ldc plan -f examples/shop', 'ldc plan -f examples/shop -o mermaid > plan.mmd'))
    .action(action<PlanFlags>(cli, (flags) => plan(cli, flags)));
}

async function plan(cli: Cli, flags: PlanFlags): Promise<number> {
  checkFormat(flags.output, ['json', 'yaml', 'mermaid']);
  const sources = await readSources(cli.io, flags.file);
  return withClient(cli, flags, async (client, { routes }) => {
    for (const source of sources) {
      const planned = await aboutSource(source, () => client.call(routes.stacks.plan, { body: source }));
      if (flags.output === 'mermaid') cli.io.out.write(planned.mermaid);
      else
        await print(cli.io, flags.output, {
          value: planned.plan,
          names: [],
          human: () => `${planned.text.trimEnd()}\n`,
        });
    }
    return exit.done;
  });
}
