import type { Command } from 'commander';
import { action, type Cli, example, withFiles } from '../cli.ts';
import { newKey, withClient } from '../connect.ts';
import { exit } from '../failure.ts';
import { checkFormat } from '../render/output.ts';
import { aboutSource, readSources } from '../sources.ts';
import { reasonOf, withSubmit } from './options.ts';
import { type SubmitFlags, submitAndFollow } from './submit.ts';

interface ApplyFlags extends SubmitFlags {
  readonly file: string[];
}

export function registerApply(program: Command, cli: Cli): void {
  withSubmit(withFiles(program.command('apply')))
    .summary('deploy a stack as one transaction')
    .description(
      'Deploys stacks, each as one transaction over all its clusters: all of it is committed, or all of it is undone.\n' +
        'Exits 0 committed, 3 rolled back, 4 stuck, 5 refused.',
    )
    .addHelpText('after', example('ldc apply -f examples/shop', 'ldc apply -f stack.yaml --yes -o json'))
    .action(action<ApplyFlags>(cli, (flags) => apply(cli, flags)));
}

async function apply(cli: Cli, flags: ApplyFlags): Promise<number> {
  checkFormat(flags.output);
  const sources = await readSources(cli.io, flags.file);
  return withClient(cli, flags, async (client, api) => {
    for (const source of sources) {
      const { plan, apply: submit } = api.routes.stacks;
      const code = await submitAndFollow(cli, client, api, flags, {
        question: `Apply ${source.path}?`,
        plan: () => aboutSource(source, () => client.call(plan, { body: source })),
        submit: async ({ expectPlan }) => {
          const body = {
            ...source,
            ...reasonOf(flags),
            ifBusy: flags.ifBusy ?? 'wait',
            ...(expectPlan ? { expectPlan } : {}),
          };
          const idempotencyKey = newKey(cli.io);
          return aboutSource(source, () => client.call(submit, { body, idempotencyKey }));
        },
      });
      if (code !== exit.done) return code;
    }
    return exit.done;
  });
}
