import type { Command } from 'commander';
import type { KubeObject } from '../../base/index.ts';
import type { AgentManifestsOptions } from '../../hub-agent/index.ts';
import { action, type Cli, example } from '../cli.ts';
import { exit, usage } from '../failure.ts';
import { checkFormat } from '../render/output.ts';

interface ManifestsFlags {
  readonly hub?: string;
  readonly token?: string;
  readonly clusterName?: string;
  readonly namespaces?: readonly string[];
  readonly kinds?: readonly string[];
  readonly serviceAccounts?: readonly string[];
  readonly ownRights: boolean;
  readonly rightsOnly?: boolean;
  readonly image?: string;
  readonly output?: string;
}

/** Takes `a,b` and, repeated, more of it. */
const list = (text: string, before: readonly string[] = []) => [...before, ...text.split(',').filter(Boolean)];

export function registerAgentManifests(agent: Command, cli: Cli): void {
  agent
    .command('manifests')
    .summary('print what to kubectl apply for an agent in its cluster')
    .description(
      'Prints what an agent needs in its cluster: namespace, ServiceAccount, rights, NetworkPolicy, Deployment.\n' +
        'Reads nothing and asks nobody: look at it, then pipe it to `kubectl apply -f -`.',
    )
    .option('--namespaces <list>', 'stacks only in these (they must be there): Roles in place of ClusterRoles', list)
    .option('--kinds <list>', 'kinds beside the usual ones, such as kafka.strimzi.io/kafkas; may repeat', list)
    .option('--service-accounts <list>', 'NAMESPACE/NAME: accounts as which stacks may be applied; may repeat', list)
    .option('--no-own-rights', 'it changes nothing as itself, only as one of --service-accounts')
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
  const { hub, clusterName, namespaces = [], ownRights } = flags;
  const serviceAccounts = (flags.serviceAccounts ?? []).map(accountOf);
  for (const namespace of namespaces) {
    if (!NAME.test(namespace)) throw usage(`${namespace} is no name of a namespace`, 'such as --namespaces shop,pay');
  }
  if (!ownRights && serviceAccounts.length === 0)
    throw usage('with --no-own-rights it could change nothing', 'name accounts: --service-accounts shop/deployer');
  if (!ownRights && (namespaces.length > 0 || (flags.kinds ?? []).length > 0))
    throw usage('--namespaces and --kinds are about rights of its own', 'leave them out, or --no-own-rights');
  const token = flags.token ?? tokenOfEnv;
  const given = [hub, token, clusterName].filter((one) => one !== undefined && one !== '').length;
  if (flags.token !== undefined && given < 3)
    throw usage('a join needs all of --hub, --token and --cluster-name', 'ldc cluster token makes a token');
  return {
    ...{ namespaces, serviceAccounts, ownRights },
    kinds: (flags.kinds ?? []).map(kindOf),
    image: flags.rightsOnly === true ? null : (flags.image ?? `ldc:${version}`),
    ...(given === 3 ? { join: { hub: hub ?? '', token: token ?? '', name: clusterName ?? '' } } : {}),
  };
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

function accountOf(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (NAME.test(namespace) && NAME.test(name) && more.length === 0) return { namespace, name };
  throw usage(`${text} is no ServiceAccount`, 'NAMESPACE/NAME, such as shop/deployer');
}

/** `kafka.strimzi.io/kafkas`, or as kubectl writes it: `kafkas.kafka.strimzi.io`, `persistentvolumes`. */
function kindOf(text: string): { readonly group: string; readonly plural: string } {
  const slash = text.indexOf('/');
  const dot = text.indexOf('.');
  const [group, plural] =
    slash >= 0
      ? [text.slice(0, slash), text.slice(slash + 1)]
      : dot >= 0
        ? [text.slice(dot + 1), text.slice(0, dot)]
        : ['', text];
  // a right over all kinds, or over a subresource such as `serviceaccounts/token`, is not given by mistake
  const isGroup =
    ['', 'apps', 'batch', 'autoscaling', 'policy'].includes(group) || /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(group);
  if (isGroup && /^[a-z0-9]+$/.test(plural)) return { group, plural };
  throw usage(`${text} is no kind`, 'GROUP/PLURAL in lower case, such as kafka.strimzi.io/kafkas');
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
    '  ldc-agent-capacity  nodes, pods and storage classes of the whole cluster, only to be read: how much room there is',
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
