import type { Command } from 'commander';
import type { Operation } from '../../saga/types.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { newKey, withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { stateText, transactionName } from '../render/transaction.ts';
import { transactionId } from './options.ts';

interface OperateFlags extends HubFlags {
  readonly output?: string;
  readonly yes?: boolean;
  readonly reason?: string;
}

const OPERATIONS: { readonly [verb in Operation['verb']]: { readonly what: string; readonly mustSay: boolean } } = {
  approve: { what: 'Lets a transaction that awaits approval go on.', mustSay: false },
  pause: { what: 'Holds a transaction before its decision.', mustSay: false },
  resume: { what: 'Lets a paused transaction go on.', mustSay: false },
  abort: { what: 'Undoes a transaction that is not decided yet.', mustSay: false },
  retry: { what: 'Tries what failed in a stuck transaction again.', mustSay: false },
  skip: {
    what: 'Goes on without what failed in a stuck transaction: that is owed (of a settle: given up).',
    mustSay: true,
  },
  'force-close': {
    what: 'Closes a stuck transaction as it is: tries nothing more, what is left is owed.',
    mustSay: true,
  },
};

/** The seven things that a person may do to a transaction. */
export function registerOperations(tx: Command, cli: Cli): void {
  for (const [verb, { what, mustSay }] of Object.entries(OPERATIONS) as [
    Operation['verb'],
    { what: string; mustSay: boolean },
  ][]) {
    const command = withOutput(withHub(tx.command(verb).argument('<id>', 'its id')))
      .description(what)
      .option('-y, --yes', 'do not ask')
      .addHelpText(
        'after',
        example(`ldc tx ${verb} tx-01jd3x8k2mq7v0c4ha9f${mustSay ? ' --reason "cluster is scrapped"' : ''}`),
      );
    if (mustSay) command.requiredOption('--reason <text>', 'why; kept in the journal');
    else command.option('--reason <text>', 'why; kept in the journal');
    command.action(action<OperateFlags>(cli, (flags, [id]) => operate(cli, flags, verb, transactionId(id))));
  }
}

async function operate(cli: Cli, flags: OperateFlags, verb: Operation['verb'], id: string): Promise<number> {
  checkFormat(flags.output);
  const { io } = cli;
  return withClient(cli, flags, async (client, { routes }) => {
    const params = { id };
    const before = await client.call(routes.transactions.get, { params });
    const asked = `${verb} ${before.kind} of ${before.stack.project}/${before.stack.name}, which is ${stateText(before)}?`;
    if (!(await confirm(io, asked, flags.yes))) return exit.usage;
    const body = flags.reason === undefined ? {} : { reason: flags.reason };
    const view = await client.call(routes.transactions[verb], { params, body, idempotencyKey: newKey(io) });
    const human = () => `${verb}: ${id} is ${stateText(view)}\nfollow it: ldc tx watch ${id}\n`;
    await print(io, flags.output, { value: view, names: [transactionName(view)], human });
    return exit.done;
  });
}
