import type { Command } from 'commander';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { clusterTable, clusterText } from '../render/cluster.ts';
import { checkFormat, print } from '../render/output.ts';
import { registerJoin } from './cluster-join.ts';
import { registerMoves } from './cluster-move.ts';
import { registerRemove } from './cluster-remove.ts';
import { registerRename } from './cluster-rename.ts';

interface ShowFlags extends HubFlags {
  readonly output?: string;
  readonly label?: string;
}

/** `ldc cluster …`: joining, watching, draining and removing clusters. */
export function registerCluster(program: Command, cli: Cli): void {
  const cluster = program
    .command('cluster')
    .summary('clusters: join, list, show, cordon, drain, rename, remove, …')
    .description('Clusters: joining them, how they are, and a person’s will for them.')
    .addHelpText('after', example('ldc cluster join eu-3 --kubeconfig ~/.kube/eu-3', 'ldc cluster list'));
  withOutput(withHub(cluster.command('list')))
    .description('Lists clusters with health, intent and what they hold.')
    .option('-l, --label <key=value>', 'only clusters with this label')
    .addHelpText('after', example('ldc cluster list -l region=eu'))
    .action(action<ShowFlags>(cli, (flags) => list(cli, flags)));
  withOutput(withHub(cluster.command('show').argument('<name>', 'its name')))
    .description('Shows one cluster: health, agent, labels, taints, capacity.')
    .addHelpText('after', example('ldc cluster show eu-1'))
    .action(action<ShowFlags>(cli, (flags, [name]) => show(cli, flags, name ?? '')));
  registerJoin(cluster, cli);
  registerMoves(cluster, cli);
  registerRename(cluster, cli);
  registerRemove(cluster, cli);
}

async function list(cli: Cli, flags: ShowFlags): Promise<number> {
  checkFormat(flags.output);
  return withClient(cli, flags, async (client, { routes }) => {
    const query = flags.label === undefined ? {} : { label: flags.label };
    const items = await client.all(routes.clusters.list, { query });
    const names = items.map((one) => `cluster/${one.name}`);
    const human = () => clusterTable(items, cli.io.clock.now());
    await print(cli.io, flags.output, { value: { items, next: null }, names, human });
    return exit.done;
  });
}

async function show(cli: Cli, flags: ShowFlags, name: string): Promise<number> {
  checkFormat(flags.output);
  return withClient(cli, flags, async (client, { routes }) => {
    const value = await client.call(routes.clusters.get, { params: { name } });
    await print(cli.io, flags.output, { value, names: [`cluster/${name}`], human: () => clusterText(value) });
    return exit.done;
  });
}
