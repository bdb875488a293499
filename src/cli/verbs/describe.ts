import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { clusterText } from '../render/cluster.ts';
import { checkFormat, print } from '../render/output.ts';
import { descriptionText } from '../render/stack.ts';
import { stackName, transactionName, transactionText } from '../render/transaction.ts';
import { stackRef } from './options.ts';

interface DescribeFlags extends HubFlags {
  readonly output?: string;
}

export function registerDescribe(program: Command, cli: Cli): void {
  withOutput(
    withHub(program.command('describe').argument('<name>', 'STACK, PROJECT/STACK, cluster/NAME or a transaction id')),
  )
    .summary('all about a stack, cluster or transaction')
    .description(
      'Says all about one stack: where it is served, why there, and for anything not ready the reason that a person would dig for.',
    )
    .addHelpText('after', example('ldc describe shop', 'ldc describe cluster/eu-1'))
    .action(action<DescribeFlags>(cli, (flags, [name]) => describe(cli, flags, name ?? '')));
}

async function describe(cli: Cli, flags: DescribeFlags, name: string): Promise<number> {
  checkFormat(flags.output);
  const { io } = cli;
  return withClient(cli, flags, async (client, { routes }) => {
    const [kind, rest] = name.split('/') as [string, string | undefined];
    if (kind === 'cluster' && rest !== undefined) {
      const cluster = await client.call(routes.clusters.get, { params: { name: rest } });
      await print(io, flags.output, { value: cluster, names: [`cluster/${rest}`], human: () => clusterText(cluster) });
    } else if (/^(transaction\/)?tx-[0-9a-z]+$/.test(name)) {
      const view = await client.call(routes.transactions.get, { params: { id: rest ?? name } });
      await print(io, flags.output, {
        value: view,
        names: [transactionName(view)],
        human: () => transactionText(view),
      });
    } else {
      const params = stackRef(name.replace(/^stack\//, ''));
      const description = await client.call(routes.stacks.describe, { params });
      const names = [`stack/${stackName(params)}`];
      await print(io, flags.output, { value: description, names, human: () => descriptionText(description) });
    }
    return exit.done;
  });
}
