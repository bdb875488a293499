import { type Command, Option } from 'commander';
import type { TransactionKind } from '../../plan/types.ts';
import type { TransactionState } from '../../saga/types.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { exitOf, followTransaction } from '../follow.ts';
import { checkFormat, print } from '../render/output.ts';
import { outcomeText, stackName, transactionName, transactionTable, transactionText } from '../render/transaction.ts';
import { stackRef, transactionId } from './options.ts';
import { registerOperations } from './tx-operate.ts';

interface ListFlags extends HubFlags {
  readonly output?: string;
  readonly stack?: string;
  readonly kind?: TransactionKind;
  readonly state?: TransactionState;
  readonly cluster?: string;
  readonly unfinished?: boolean;
  readonly limit: string;
  readonly after?: string;
}

interface ShowFlags extends HubFlags {
  readonly output?: string;
}

/** `ldc tx …`: the transactions and what a person may do to one. */
export function registerTx(program: Command, cli: Cli): void {
  const tx = program
    .command('tx')
    .summary('transactions: list, show, watch, approve, pause, resume, abort, …')
    .description('Transactions: what ran, what runs, and what a person may do to one.')
    .addHelpText('after', example('ldc tx list --state stuck', 'ldc tx watch tx-01jd3x8k2mq7v0c4ha9f'));
  withOutput(withHub(tx.command('list')))
    .description('Lists transactions, newest first.')
    .option('--stack <stack>', 'NAME or PROJECT/NAME')
    .option('--kind <kind>', 'deploy, rollback, reschedule, retire, settle, …')
    .option('--state <state>', 'running, stuck, committed, rolledBack, …')
    .option('--cluster <name>', 'that touch this cluster')
    .option('--unfinished', 'only those that have not ended')
    .option('--after <id>', '`next` of the page before')
    .addOption(new Option('--limit <n>', 'items of a page').default('50'))
    .addHelpText('after', example('ldc tx list --unfinished', 'ldc tx list --stack shop -o json'))
    .action(action<ListFlags>(cli, (flags) => list(cli, flags)));
  withOutput(withHub(tx.command('show').argument('<id>', 'its id')))
    .description('Shows one transaction: how it stands, its steps, why it was undone and what was proven.')
    .addHelpText('after', example('ldc tx show tx-01jd3x8k2mq7v0c4ha9f'))
    .action(action<ShowFlags>(cli, (flags, [id]) => show(cli, flags, transactionId(id))));
  withOutput(withHub(tx.command('watch').argument('<id>', 'its id')))
    .description(
      'Follows a transaction until it ends. Exits 0 committed, 3 rolled back, 4 stuck. Ctrl-C stops the following only.',
    )
    .addHelpText('after', example('ldc tx watch tx-01jd3x8k2mq7v0c4ha9f'))
    .action(action<ShowFlags>(cli, (flags, [id]) => watch(cli, flags, transactionId(id))));
  registerOperations(tx, cli);
}

async function list(cli: Cli, flags: ListFlags): Promise<number> {
  checkFormat(flags.output);
  const query = {
    limit: flags.limit,
    ...(flags.stack === undefined ? {} : { stack: stackName(stackRef(flags.stack)) }),
    ...(flags.kind === undefined ? {} : { kind: flags.kind }),
    ...(flags.state === undefined ? {} : { state: flags.state }),
    ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    ...(flags.unfinished === undefined ? {} : { unfinished: 'true' }),
    ...(flags.after === undefined ? {} : { after: flags.after }),
  };
  return withClient(cli, flags, async (client, { routes }) => {
    const page = await client.call(routes.transactions.list, { query });
    const more = page.next === null ? '' : `more: --after ${page.next}\n`;
    const human = () => transactionTable(page.items, cli.io.clock.now()) + more;
    await print(cli.io, flags.output, { value: page, names: page.items.map(transactionName), human });
    return exit.done;
  });
}

async function show(cli: Cli, flags: ShowFlags, id: string): Promise<number> {
  checkFormat(flags.output);
  return withClient(cli, flags, async (client, { routes }) => {
    const view = await client.call(routes.transactions.get, { params: { id } });
    const human = () => transactionText(view);
    await print(cli.io, flags.output, { value: view, names: [transactionName(view)], human });
    return exit.done;
  });
}

async function watch(cli: Cli, flags: ShowFlags, id: string): Promise<number> {
  checkFormat(flags.output);
  return withClient(cli, flags, async (client, api) => {
    const view = await followTransaction(cli.io, client, api, id, flags.output !== undefined);
    const human = () => outcomeText(view);
    await print(cli.io, flags.output, { value: view, names: [transactionName(view)], human });
    return exitOf(view.state);
  });
}
