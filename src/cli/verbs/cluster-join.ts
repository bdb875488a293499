import { resolve } from 'node:path';
import type { Command } from 'commander';
import { limits } from '../../base/index.ts';
import { action, type Cli, example, type HubFlags, pairs, withHub, withOutput } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { withClient } from '../connect.ts';
import { exit, usage } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { durationMs } from './launch-options.ts';
import { type RightsFlags, rightsOf, withRights } from './rights-options.ts';

interface JoinFlags extends HubFlags, RightsFlags {
  readonly asKubeconfig?: boolean;
  readonly kubeconfig: string;
  readonly kubeContext?: string;
  readonly label?: { readonly [key: string]: string };
  readonly yes?: boolean;
}

interface TokenFlags extends HubFlags {
  readonly uses: string;
  readonly ttl: string;
  readonly label?: { readonly [key: string]: string };
  readonly yes?: boolean;
  readonly output?: string;
}

/** Of the token that `join` makes and uses at once. */
const JOIN_TTL_MS = 15 * 60_000;

/** Joining with one command: `join` does it all from here, `token` prints the command for the cluster's own side. */
export function registerJoin(cluster: Command, cli: Cli): void {
  withRights(withHub(cluster.command('join').argument('<name>', 'the name it gets')))
    .description(
      'Joins a cluster: makes a token, gives the agent an account with the rights of `ldc agent manifests`, starts it, and waits.',
    )
    .requiredOption('--kubeconfig <file>', 'how the cluster is reached from here')
    .option('--kube-context <name>', 'a context of the kubeconfig (default: its current one)')
    .option('-l, --label <key=value>', 'a label of the cluster, such as region=eu; may repeat', pairs)
    .option('--as-kubeconfig', 'the agent gets no account: it may do whatever the kubeconfig may')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', example('ldc cluster join eu-3 --kubeconfig ~/.kube/eu-3 -l region=eu -l env=prod'))
    .action(action<JoinFlags>(cli, (flags, [name]) => join(cli, flags, name ?? '')));
  withOutput(withHub(cluster.command('token')))
    .description(
      'Makes a join token and prints the command to run at the cluster. A use is bound to the key of the agent that makes it.',
    )
    .option('--uses <n>', 'how many clusters may join with it', '1')
    .option('--ttl <duration>', 'how long it is good, such as 15m or 1h', '15m')
    .option('-l, --label <key=value>', 'a label of clusters that join with it; may repeat', pairs)
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', example('ldc cluster token --uses 20 --ttl 1h -l region=eu --yes'))
    .action(action<TokenFlags>(cli, (flags) => token(cli, flags)));
}

async function join(cli: Cli, flags: JoinFlags, name: string): Promise<number> {
  const { io, launchers } = cli;
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    throw usage(`${name} is no name of a cluster`, 'a-z, 0-9 and "-", such as eu-3');
  const rights = flags.asKubeconfig === true ? null : rightsOf(flags);
  const kubeconfig = resolve(io.cwd, flags.kubeconfig);
  await io.files.read(kubeconfig); // says so before a token is made
  if (!(await confirm(io, `Join ${name} by ${flags.kubeconfig}?`, flags.yes))) return exit.usage;
  const labels = flags.label ?? {};
  const { made, joined } = await withClient(cli, flags, async (client, { routes }) => ({
    made: await client.call(routes.joinTokens.create, {
      body: { uses: 1, ttlMs: JOIN_TTL_MS, labels, cluster: name },
    }),
    joined: await client.all(routes.clusters.list),
  }));
  const code = await launchers.joinCluster({
    name,
    joined: joined.map(({ name, uid }) => ({ name, uid })),
    kubeconfig,
    ...(flags.kubeContext === undefined ? {} : { context: flags.kubeContext }),
    joinToken: made.token,
    hub: made.agents,
    labels,
    rights,
  });
  if (code === exit.done) io.out.write(`cluster ${name} has joined\n`);
  return code;
}

async function token(cli: Cli, flags: TokenFlags): Promise<number> {
  checkFormat(flags.output);
  const { io } = cli;
  const uses = Number(flags.uses);
  if (!Number.isInteger(uses) || uses < 1) throw usage(`${flags.uses} is no number of uses`, 'a whole number from 1');
  const ttlMs = durationMs(flags.ttl, 'time that a token may be good', limits.joinTokenTtlMsMax);
  if (
    !(await confirm(
      io,
      `Make a token with which ${uses === 1 ? 'a cluster' : `${uses} clusters`} may join?`,
      flags.yes,
    ))
  )
    return exit.usage;
  return withClient(cli, flags, async (client, { routes }) => {
    const made = await client.call(routes.joinTokens.create, { body: { uses, ttlMs, labels: flags.label ?? {} } });
    const command = `ldc agent --name NAME --hub ${made.agents} --join ${made.token}`;
    await print(io, flags.output, {
      value: { ...made, command },
      names: [`join-token/${made.record.id}`],
      human: () =>
        `Run this at each cluster, with its own name (in a pod, or with --kubeconfig FILE):\n\n  ${command}\n\n` +
        `The token is good for ${flags.uses} ${uses === 1 ? 'use' : 'uses'} until ${made.record.expiresAt}, and is shown only now.\n`,
    });
    return exit.done;
  });
}
