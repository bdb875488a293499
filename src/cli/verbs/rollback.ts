import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { newKey, withClient } from '../connect.ts';
import { usage } from '../failure.ts';
import { checkFormat } from '../render/output.ts';
import { reasonOf, stackRef, withSubmit } from './options.ts';
import { type SubmitFlags, submitAndFollow } from './submit.ts';

interface RollbackFlags extends SubmitFlags {
  readonly to?: string;
}

export function registerRollback(program: Command, cli: Cli): void {
  withSubmit(program.command('rollback').argument('<stack>', 'NAME or PROJECT/NAME'))
    .summary('go back to an earlier revision')
    .description('Goes back to an earlier committed revision of a stack, as a transaction of its own.')
    .option('--to <revision>', 'the revision (default: the one before; `ldc get revisions STACK` lists them)')
    .addHelpText('after', example('ldc rollback shop', 'ldc rollback shop --to 3 --reason "payment errors" --yes'))
    .action(action<RollbackFlags>(cli, (flags, [name]) => rollback(cli, flags, name)));
}

function rollback(cli: Cli, flags: RollbackFlags, name: string | undefined): Promise<number> {
  checkFormat(flags.output);
  const params = stackRef(name);
  const to: number | 'previous' = flags.to === undefined ? 'previous' : revisionOf(flags.to);
  return withClient(cli, flags, (client, api) => {
    const { planRollback, rollback: submit } = api.routes.stacks;
    return submitAndFollow(cli, client, api, flags, {
      question: `Roll ${params.project}/${params.name} back?`,
      plan: () => client.call(planRollback, { params, body: { to } }),
      submit: ({ expectPlan }) => {
        const body = { to, ...reasonOf(flags), ifBusy: flags.ifBusy ?? 'wait', ...(expectPlan ? { expectPlan } : {}) };
        return client.call(submit, { params, body, idempotencyKey: newKey(cli.io) });
      },
    });
  });
}

function revisionOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usage(`${text} is no revision`, 'a whole number from 1');
}
