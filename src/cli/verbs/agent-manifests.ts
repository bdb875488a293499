import type { Command } from 'commander';
import type { KubeObject } from '../../base/index.ts';
import type { AgentManifestsOptions } from '../../hub-agent/index.ts';
import { action, type Cli, example } from '../cli.ts';
import { exit, usage } from '../failure.ts';
import { checkFormat } from '../render/output.ts';
import { type RightsFlags, rightsOf, withRights } from './rights-options.ts';

interface ManifestsFlags extends RightsFlags {
  readonly hub?: string;
  readonly token?: string;
  readonly clusterName?: string;
  readonly rightsOnly?: boolean;
  readonly image?: string;
  readonly output?: string;
}

export function registerAgentManifests(agent: Command, cli: Cli): void {
  withRights(agent.command('manifests'))
    .summary('print what to kubectl apply for an agent in its cluster')
    .description(
      'Prints what an agent needs in its cluster: namespace, ServiceAccount, rights, NetworkPolicy, Deployment.\n' +
        'Reads nothing and asks nobody: look at it, then pipe it to `kubectl apply -f -`.',
    )
    .option('--rights-only', 'without the pod that runs it')
    .option('--image <image>', `the image of the pod (default: ldc:${cli.version})`)
    .option('--hub <url>', 'the hub’s address for agents, only to join')
    .option('--token <token>', 'a join token (better: LDC_JOIN_TOKEN; others can read a command line)')
    .option('--cluster-name <name>', 'the name that the cluster gets, only to join')
    .option('-o, --output <format>', 'yaml|json', 'yaml')
    .addHelpText(
      'after',
      example(
        'ldc agent manifests | kubectl apply -f -',
        'ldc agent manifests --namespaces shop,pay --kinds kafka.strimzi.io/kafkas --hub https://hub.example:7421 --cluster-name eu-3',
        'ldc agent manifests --rights-only --no-own-rights --service-accounts shop/deployer',
      ),
    )
    .action(action<ManifestsFlags>(cli, (flags) => manifests(cli, flags)));
}

async function manifests({ io, launchers, version }: Cli, flags: ManifestsFlags): Promise<number> {
  checkFormat(flags.output, ['yaml', 'json']);
  const options = optionsOf(flags, io.env.LDC_JOIN_TOKEN, version);
  const objects = await launchers.agentManifests(options);
  io.out.write(flags.output === 'json' ? jsonOf(objects) : await yamlOf(objects, options));
  return exit.done;
}

/** @throws Failure (exit 2) for what cannot be meant. */
function optionsOf(flags: ManifestsFlags, tokenOfEnv: string | undefined, version: string): AgentManifestsOptions {
  const { hub, clusterName } = flags;
  const rights = rightsOf(flags);
  const token = flags.token ?? tokenOfEnv;
  const given = [hub, token, clusterName].filter((one) => one !== undefined && one !== '').length;
  if (flags.token !== undefined && given < 3)
    throw usage('a join needs all of --hub, --token and --cluster-name', 'ldc cluster token makes a token');
  return {
    ...rights,
    image: flags.rightsOnly === true ? null : (flags.image ?? `ldc:${version}`),
    ...(given === 3 ? { join: { hub: hub ?? '', token: token ?? '', name: clusterName ?? '' } } : {}),
  };
}

function jsonOf(items: readonly KubeObject[]): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2)}\n`;
}

async function yamlOf(objects: readonly KubeObject[], options: AgentManifestsOptions): Promise<string> {
  const { stringify } = await import('yaml');
  const documents = objects.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }));
  const head = headOf(options).map((line) => (line === '' ? '#' : `# ${line}`));
  return `${head.join('\n')}\n${documents.join('---\n')}`;
}

function headOf({ namespaces, serviceAccounts, ownRights, image, join }: AgentManifestsOptions): readonly string[] {
  const limited = namespaces.length > 0 || !ownRights;
  return [
    'The ldc agent in a cluster, as `ldc agent manifests` prints it: kubectl apply -f - does the rest.',
    ...(image !== null && join === undefined
      ? [
          'Before it, by what it joins:',
          '  kubectl create namespace ldc-system; kubectl -n ldc-system create secret generic ldc-join \\',
          '    --from-literal=hub=https://HUB:7421 --from-literal=token=ldc1.… --from-literal=name=CLUSTER',
        ]
      : []),
    '',
    'Its rights, part by part, so that each can be read and taken on its own:',
    '  ldc-agent-memory    in ldc-system: its own ConfigMaps, Secrets and Lease',
    '  ldc-agent-capacity  nodes, pods, storage classes and definitions of kinds of the whole cluster, only to be read:',
    '                      how much room there is, and what is served',
    '  ldc-agent-observe   pods, events and logs: why something is not well',
    ...(limited
      ? []
      : [
          '  ldc-agent-look      lists what else comes with Kubernetes: a namespace that a transaction made goes with its',
        ]),
    ...(limited
      ? []
      : ['                      undo only when nothing foreign is in it; with a kind that it may not list, it stays']),
    ...(ownRights
      ? [
          namespaces.length > 0
            ? `  ldc-agent-deploy    what stacks may hold, in ${namespaces.join(', ')}: namespaces, CRDs and what is of the whole cluster are not`
            : '  ldc-agent-deploy    what stacks may hold: the sum of all ClusterRoles with rbac.ldc.dev/aggregate-to-agent: "true"',
        ]
      : []),
    ...(serviceAccounts.length > 0
      ? ['  ldc-agent-token     to act as the ServiceAccounts that stacks name, and as no other']
      : []),
    'It never holds escalate, bind or impersonate, and no verb or kind by `*`.',
  ];
}
