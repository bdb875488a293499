/** The flags that say what an agent may do in its cluster, shared by the verbs that print and that install it. */
import { type Command, Option } from 'commander';
import type { AgentManifestsOptions } from '../../hub-agent/index.ts';
import { usage } from '../failure.ts';

export interface RightsFlags {
  readonly namespaces?: readonly string[];
  readonly kinds?: readonly string[];
  readonly serviceAccounts?: readonly string[];
  readonly ownRights: boolean;
}

export type Rights = Pick<AgentManifestsOptions, 'namespaces' | 'kinds' | 'serviceAccounts' | 'ownRights'>;

/** Takes `a,b` and, repeated, more of it. */
const list = (text: string, before: readonly string[] = []) => [...before, ...text.split(',').filter(Boolean)];

export function kindsOption(): Option {
  const says = 'kinds beside the usual ones, such as kafka.strimzi.io/kafkas; may repeat';
  return new Option('--kinds <list>', says).argParser(list);
}

export function withRights(command: Command): Command {
  return command
    .option('--namespaces <list>', 'stacks only in these (they must be there): Roles in place of ClusterRoles', list)
    .addOption(kindsOption())
    .option('--service-accounts <list>', 'NAMESPACE/NAME: accounts as which stacks may be applied; may repeat', list)
    .option('--no-own-rights', 'it changes nothing as itself, only as one of --service-accounts');
}

/** @throws Failure (exit 2) for what cannot be meant. */
export function rightsOf({ namespaces = [], kinds = [], ownRights, ...flags }: RightsFlags): Rights {
  const serviceAccounts = (flags.serviceAccounts ?? []).map(accountOf);
  for (const namespace of namespaces) {
    if (!NAME.test(namespace)) throw usage(`${namespace} is no name of a namespace`, 'such as --namespaces shop,pay');
  }
  if (!ownRights && serviceAccounts.length === 0)
    throw usage('with --no-own-rights it could change nothing', 'name accounts: --service-accounts shop/deployer');
  if (!ownRights && (namespaces.length > 0 || kinds.length > 0))
    throw usage('--namespaces and --kinds are about rights of its own', 'leave them out, or --no-own-rights');
  return { namespaces, kinds: kindsOf(kinds), serviceAccounts, ownRights };
}

/** @throws Failure (exit 2) for what is no kind. */
export function kindsOf(texts: readonly string[]): Rights['kinds'] {
  return texts.map(kindOf);
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
const UNDOTTED_GROUPS = ['', 'apps', 'batch', 'autoscaling', 'policy'];

function accountOf(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (NAME.test(namespace) && NAME.test(name) && more.length === 0) return { namespace, name };
  throw usage(`${text} is no ServiceAccount`, 'NAMESPACE/NAME, such as shop/deployer');
}

/** `kafka.strimzi.io/kafkas`, or as kubectl writes it: `kafkas.kafka.strimzi.io`, `persistentvolumes`. */
function kindOf(text: string): { readonly group: string; readonly plural: string } {
  const slash = text.indexOf('/');
  const [first = '', ...rest] = text.split('.');
  const [group, plural] = slash < 0 ? [rest.join('.'), first] : [text.slice(0, slash), text.slice(slash + 1)];
  const isGroup = UNDOTTED_GROUPS.includes(group) || /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(group);
  // a right over all kinds, or over a subresource such as `serviceaccounts/token`, is not given by mistake
  if (isGroup && /^[a-z0-9]+$/.test(plural)) return { group, plural };
  throw usage(`${text} is no kind`, 'GROUP/PLURAL in lower case, such as kafka.strimzi.io/kafkas');
}
