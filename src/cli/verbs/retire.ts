import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { newKey, withClient } from '../connect.ts';
import { checkFormat } from '../render/output.ts';
import { reasonOf, stackRef, withSubmit } from './options.ts';
import { type SubmitFlags, submitAndFollow } from './submit.ts';

export function registerRetire(program: Command, cli: Cli): void {
  withSubmit(program.command('retire').argument('<stack>', 'NAME or PROJECT/NAME'))
    .summary('take a stack off every cluster')
    .description('Takes a stack off every cluster, as a transaction. Its revisions and its log stay.')
    .addHelpText('after', example('ldc retire shop --reason "replaced by shop2"'))
    .action(action<SubmitFlags>(cli, (flags, [name]) => retire(cli, flags, name)));
}

function retire(cli: Cli, flags: SubmitFlags, name: string | undefined): Promise<number> {
  checkFormat(flags.output);
  const params = stackRef(name);
  return withClient(cli, flags, (client, api) => {
    const { planRetire, retire: submit } = api.routes.stacks;
    return submitAndFollow(cli, client, api, flags, {
      question: `Take ${params.project}/${params.name} off every cluster?`,
      plan: () => client.call(planRetire, { params }),
      submit: ({ expectPlan }) => {
        const body = { ...reasonOf(flags), ifBusy: flags.ifBusy ?? 'wait', ...(expectPlan ? { expectPlan } : {}) };
        return client.call(submit, { params, body, idempotencyKey: newKey(cli.io) });
      },
    });
  });
}
