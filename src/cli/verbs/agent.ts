import { resolve } from 'node:path';
import type { Command } from 'commander';
import { action, type Cli, example, pairs } from '../cli.ts';
import { usage } from '../failure.ts';
import { registerAgentManifests } from './agent-manifests.ts';

interface AgentFlags {
  readonly hub?: string;
  readonly join?: string;
  readonly name?: string;
  readonly kubeconfig?: string;
  readonly kubeContext?: string;
  readonly label?: { readonly [key: string]: string };
}

export function registerAgent(program: Command, cli: Cli): void {
  const { io, launchers } = cli;
  const agent = program
    .command('agent')
    .summary('run the agent of a cluster')
    .description('Runs the agent of one cluster: in a pod with its service account, or beside it with a kubeconfig.')
    .option('--hub <url>', 'the hub’s address for agents')
    .option(
      '--join <token>',
      'a join token, only the first time (better: LDC_JOIN_TOKEN; others can read a command line)',
    )
    .option('--name <name>', 'the name that the cluster gets, only to join')
    .option('--kubeconfig <file>', 'how the cluster is reached (default: the pod’s service account)')
    .option('--kube-context <name>', 'a context of the kubeconfig')
    .option('-l, --label <key=value>', 'a label of the cluster, only to join; may repeat', pairs)
    .addHelpText(
      'after',
      example('ldc agent --hub https://hub.example:7421 --name eu-3 --join TOKEN --kubeconfig ~/.kube/eu-3'),
    )
    .action(
      action<AgentFlags>(cli, (flags) => {
        if (flags.hub === undefined || flags.hub === '')
          throw usage(
            'the agent needs its hub',
            'ldc agent --hub https://HUB:7421; `ldc agent manifests` runs it in a cluster',
          );
        const joinToken = flags.join ?? io.env.LDC_JOIN_TOKEN;
        return launchers.agent({
          hub: flags.hub,
          labels: flags.label ?? {},
          ...(joinToken === undefined || joinToken === '' ? {} : { joinToken }),
          ...(flags.name === undefined ? {} : { name: flags.name }),
          ...(flags.kubeconfig === undefined ? {} : { kubeconfig: resolve(io.cwd, flags.kubeconfig) }),
          ...(flags.kubeContext === undefined ? {} : { context: flags.kubeContext }),
        });
      }),
    );
  registerAgentManifests(agent, cli);
}
