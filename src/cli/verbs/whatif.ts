import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { whatIfText } from '../render/stack.ts';

interface WhatIfFlags extends HubFlags {
  readonly lose: string;
  readonly output?: string;
}

export function registerWhatIf(program: Command, cli: Cli): void {
  withOutput(withHub(program.command('whatif')))
    .requiredOption('--lose <labels>', 'KEY=VALUE[,KEY=VALUE] of the clusters that are lost; cluster=NAME for one')
    .summary('what would be left if clusters were lost')
    .description(
      'Asks what would be left, and where it would go, if the clusters with these labels were lost. Exits 1 when a function would not survive.',
    )
    .addHelpText('after', example('ldc whatif --lose region=eu', 'ldc whatif --lose cluster=eu-1 -o json'))
    .action(action<WhatIfFlags>(cli, (flags) => whatIf(cli, flags)));
}

async function whatIf(cli: Cli, flags: WhatIfFlags): Promise<number> {
  checkFormat(flags.output);
  return withClient(cli, flags, async (client, { routes }) => {
    const view = await client.call(routes.fleet.whatIf, { query: { lose: flags.lose } });
    const names = view.clusters.map((cluster) => `cluster/${cluster}`);
    await print(cli.io, flags.output, { value: view, names, human: () => whatIfText(view) });
    return view.survives ? exit.done : exit.failed;
  });
}
