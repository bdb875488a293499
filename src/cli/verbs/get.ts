import type { Command } from 'commander';
import type { HubClient } from '../../api/client/index.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit, usage } from '../failure.ts';
import { clusterTable } from '../render/cluster.ts';
import { type Answer, checkFormat, print } from '../render/output.ts';
import { functionTable, revisionTable, stackTable } from '../render/stack.ts';
import { stackName, transactionName, transactionTable } from '../render/transaction.ts';
import { stackRef } from './options.ts';

interface GetFlags extends HubFlags {
  readonly output?: string;
}

type Api = typeof import('../../api/client/index.ts');
type Getter = (client: HubClient, api: Api, name: string | undefined, nowMs: number) => Promise<Answer>;

/** What can be got, by its name and short names, as with kubectl. */
const GETTERS: { readonly [noun: string]: Getter } = {
  stacks: getStacks,
  functions: getFunctions,
  clusters: getClusters,
  transactions: getTransactions,
  revisions: getRevisions,
};
const SHORT: { readonly [noun: string]: string } = {
  stack: 'stacks',
  function: 'functions',
  fn: 'functions',
  cluster: 'clusters',
  transaction: 'transactions',
  tx: 'transactions',
  revision: 'revisions',
};

export function registerGet(program: Command, cli: Cli): void {
  withOutput(
    withHub(
      program.command('get').argument('[what]', 'stacks, functions, clusters, transactions or revisions', 'stacks'),
    ),
  )
    .argument('[name]', 'one of them; for functions and revisions: the stack')
    .summary('list stacks, functions, clusters, transactions, revisions')
    .description('Lists what there is, or shows one.')
    .addHelpText('after', example('ldc get', 'ldc get clusters -o name', 'ldc get revisions shop'))
    .action(action<GetFlags>(cli, (flags, [what, name]) => get(cli, flags, what ?? 'stacks', name)));
}

async function get(cli: Cli, flags: GetFlags, what: string, name: string | undefined): Promise<number> {
  checkFormat(flags.output);
  const getter = GETTERS[SHORT[what] ?? what];
  if (getter === undefined) throw usage(`there is no ${what} to get`, `choose ${Object.keys(GETTERS).join(', ')}`);
  return withClient(cli, flags, async (client, api) => {
    await print(cli.io, flags.output, await getter(client, api, name, cli.io.clock.now()));
    return exit.done;
  });
}

async function getStacks(client: HubClient, { routes }: Api, name: string | undefined, nowMs: number): Promise<Answer> {
  const nameOf = (stack: { project: string; name: string }) => `stack/${stackName(stack)}`;
  if (name !== undefined) {
    const stack = await client.call(routes.stacks.get, { params: stackRef(name) });
    return { value: stack, names: [nameOf(stack)], human: () => stackTable([stack], nowMs) };
  }
  const items = await client.all(routes.stacks.list);
  return { value: { items, next: null }, names: items.map(nameOf), human: () => stackTable(items, nowMs) };
}

async function getFunctions(client: HubClient, { routes }: Api, name: string | undefined): Promise<Answer> {
  const ref = name === undefined ? undefined : stackRef(name);
  const query = ref === undefined ? {} : { project: ref.project, stack: ref.name };
  const items = await client.all(routes.functions.list, { query });
  const names = items.map((view) => `function/${view.project}/${view.stack}/${view.function}`);
  return { value: { items, next: null }, names, human: () => functionTable(items) };
}

async function getClusters(
  client: HubClient,
  { routes }: Api,
  name: string | undefined,
  nowMs: number,
): Promise<Answer> {
  if (name !== undefined) {
    const cluster = await client.call(routes.clusters.get, { params: { name } });
    return { value: cluster, names: [`cluster/${name}`], human: () => clusterTable([cluster], nowMs) };
  }
  const items = await client.all(routes.clusters.list);
  const names = items.map((cluster) => `cluster/${cluster.name}`);
  return { value: { items, next: null }, names, human: () => clusterTable(items, nowMs) };
}

async function getTransactions(
  client: HubClient,
  { routes }: Api,
  name: string | undefined,
  nowMs: number,
): Promise<Answer> {
  if (name !== undefined) {
    const view = await client.call(routes.transactions.get, { params: { id: name } });
    const summary = { ...view, plan: { digest: view.plan.digest, steps: view.plan.steps.length } };
    return { value: view, names: [transactionName(view)], human: () => transactionTable([summary], nowMs) };
  }
  const page = await client.call(routes.transactions.list);
  return { value: page, names: page.items.map(transactionName), human: () => transactionTable(page.items, nowMs) };
}

async function getRevisions(
  client: HubClient,
  { routes }: Api,
  name: string | undefined,
  nowMs: number,
): Promise<Answer> {
  if (name === undefined) throw usage('revisions of which stack?', 'ldc get revisions STACK');
  const params = stackRef(name);
  const items = await client.all(routes.stacks.revisions, { params });
  const names = items.map(({ revision }) => `revision/${stackName(params)}/${revision}`);
  return { value: { items, next: null }, names, human: () => revisionTable(items, nowMs) };
}
