import type { HubClient, PlannedView, SubmittedView } from '../../api/client/index.ts';
import type { Digest } from '../../base/index.ts';
import type { Cli, HubFlags } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { exit } from '../failure.ts';
import { exitOf, followTransaction } from '../follow.ts';
import { print } from '../render/output.ts';
import { outcomeText, transactionName } from '../render/transaction.ts';
import { trouble } from './status.ts';

/** Flags of every verb that begins a transaction. */
export interface SubmitFlags extends HubFlags {
  readonly yes?: boolean;
  readonly output?: string;
  readonly wait?: boolean;
  readonly reason?: string;
  readonly ifBusy?: 'wait' | 'fail' | 'replace';
}

export interface Submission {
  readonly question: string;
  readonly plan: () => Promise<PlannedView>;
  readonly submit: (expectPlan: { readonly expectPlan?: Digest }) => Promise<SubmittedView>;
}

/**
 * Shows the plan, asks, submits and follows: the one way in which the CLI changes a stack. For programs (`-o` with
 * `--yes`) the plan is not shown; stdout holds the finished transaction and nothing else.
 */
export async function submitAndFollow(
  cli: Cli,
  client: HubClient,
  api: typeof import('../../api/client/index.ts'),
  flags: SubmitFlags,
  { question, plan, submit }: Submission,
): Promise<number> {
  const { io } = cli;
  const quiet = flags.output !== undefined;
  let shown: Digest | undefined;
  let stack: PlannedView['plan']['stack'] | undefined;
  if (!(quiet && flags.yes)) {
    const planned = await plan();
    shown = planned.plan.digest;
    stack = planned.plan.stack;
    const to = quiet ? io.err : io.out;
    to.write(planned.text.endsWith('\n') ? planned.text : `${planned.text}\n`);
    if (!(await confirm(io, question, flags.yes))) return exit.usage;
  }
  const answer = await submit(shown === undefined || flags.yes ? {} : { expectPlan: shown });
  if (answer.kind === 'nothing') {
    // the same definition is no repair: what is not well stays so, and that is said
    const query = { project: stack?.project, stack: stack?.name };
    const items = quiet || stack === undefined ? [] : await client.all(api.routes.functions.list, { query });
    const human = () => `nothing to do: ${answer.message}\n${trouble(items)}`;
    await print(io, flags.output, { value: answer, names: [], human });
    return exit.done;
  }
  const { id } = answer.transaction;
  if (flags.wait === false) {
    const human = () => `transaction ${id} was begun; follow it: ldc tx watch ${id}\n`;
    await print(io, flags.output, { value: answer.transaction, names: [transactionName({ id })], human });
    return exit.done;
  }
  const view = await followTransaction(io, client, api, id, quiet);
  await print(io, flags.output, { value: view, names: [transactionName(view)], human: () => outcomeText(view) });
  return exitOf(view.state);
}
