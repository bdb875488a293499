import type { Command } from 'commander';
import type { HubClient, StackDescription } from '../../api/client/index.ts';
import type { TransactionView } from '../../saga/types.ts';
import type { DriftView } from '../../stacks/types.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit, usage } from '../failure.ts';
import { clusterText } from '../render/cluster.ts';
import { checkFormat, print } from '../render/output.ts';
import { descriptionText } from '../render/stack.ts';
import { stackName, transactionName, transactionText } from '../render/transaction.ts';
import { findTarget, type StackTarget } from '../stack-target.ts';

interface DescribeFlags extends HubFlags {
  readonly output?: string;
}

export function registerDescribe(program: Command, cli: Cli): void {
  withOutput(
    withHub(
      program
        .command('describe')
        .argument('<name...>', 'STACK[/FUNCTION] (or with the project), cluster NAME, or a transaction id'),
    ),
  )
    .summary('all about a stack, cluster or transaction')
    .description(
      'Says all about one stack: where it is served, why there, and for anything not ready the reason that a person would dig for.',
    )
    .addHelpText('after', example('ldc describe shop', 'ldc describe shop/checkout', 'ldc describe cluster/eu-1'))
    .action(action<DescribeFlags>(cli, (flags, words) => describe(cli, flags, nameOf(words))));
}

/** `cluster eu-1` is `cluster/eu-1`, as with kubectl. @throws Failure for more than that */
function nameOf(words: readonly string[]): string {
  const [first = '', second, ...more] = words;
  if (second === undefined) return first;
  if (more.length === 0 && ['stack', 'cluster', 'transaction'].includes(first)) return `${first}/${second}`;
  throw usage(`${words.join(' ')} is not one thing to describe`, 'STACK, cluster NAME, stack NAME or a transaction id');
}

async function describe(cli: Cli, flags: DescribeFlags, name: string): Promise<number> {
  checkFormat(flags.output);
  const { io } = cli;
  return withClient(cli, flags, async (client, api) => {
    const { routes } = api;
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
      const target = await findTarget(client, api, name);
      const params = { project: target.project, name: target.name };
      const description = await freshDescription(client, api, target);
      const names = [
        target.function === undefined
          ? `stack/${stackName(params)}`
          : `function/${stackName(params)}/${target.function}`,
      ];
      const last = flags.output === undefined ? await lastTransaction(client, routes, stackName(params)) : undefined;
      const drifts = await lastDrifts(client, api, target);
      const value = { ...description, drifts };
      await print(io, flags.output, { value, names, human: () => descriptionText(description, last, drifts) });
    }
    return exit.done;
  });
}

/** The description with what the agents say now of what is not well; a hub without that route has what they said last. */
async function freshDescription(
  client: HubClient,
  { routes, HubProblem }: typeof import('../../api/client/index.ts'),
  { project, name, function: one }: StackTarget,
): Promise<StackDescription> {
  const params = { project, name };
  const query = one === undefined ? {} : { function: one };
  const [description, fresh] = await Promise.all([
    client.call(routes.stacks.describe, { params }),
    client.call(routes.insight.reasons, { params, query }).catch((error: unknown) => {
      if (error instanceof HubProblem && error.problem.status === 404) return { items: [] };
      throw error;
    }),
  ]);
  const { summary, reasons } = description;
  const functions = summary.functions
    .filter((view) => one === undefined || view.function === one)
    .map((view) => ({
      ...view,
      locations: view.locations.map((location) => {
        const read = fresh.items.find((item) => item.function === view.function && item.cluster === location.cluster);
        if (read === undefined) return location;
        const problem = read.problem === null ? '' : ` (${read.problem})`;
        return { ...location, message: `${location.message}${problem}`, reasons: read.reasons };
      }),
    }));
  return {
    ...description,
    summary: { ...summary, functions },
    reasons: reasons.filter((reason) => one === undefined || reason.function === one),
  };
}

/** What other hands changed last; nothing from a hub without that route. */
async function lastDrifts(
  client: HubClient,
  { routes, HubProblem }: typeof import('../../api/client/index.ts'),
  { project, name, function: one }: StackTarget,
): Promise<readonly DriftView[]> {
  const call = { params: { project, name }, query: one === undefined ? {} : { function: one } };
  const answer = await client.call(routes.insight.drift, call).catch((error: unknown) => {
    if (error instanceof HubProblem && error.problem.status === 404) return { items: [] };
    throw error;
  });
  return answer.items;
}

/** The stack's newest transaction, unless it committed everywhere: then there is nothing of it that a person has to look into. */
async function lastTransaction(
  client: HubClient,
  routes: typeof import('../../api/client/index.ts').routes,
  stack: string,
): Promise<TransactionView | undefined> {
  const { items } = await client.call(routes.transactions.list, { query: { stack, limit: 1 } });
  const [newest] = items;
  if (newest === undefined || (newest.state === 'committed' && newest.leftOut === undefined)) return undefined;
  return client.call(routes.transactions.get, { params: { id: newest.id } });
}
