import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { exit } from '../failure.ts';

export function registerSchema(program: Command, cli: Cli): void {
  program
    .command('schema')
    .summary('print the JSON Schema of a stack definition')
    .description('Prints the JSON Schema of a stack definition, for editors and checks. Needs no hub.')
    .addHelpText('after', example('ldc schema > ldc-stack.schema.json'))
    .action(
      action(cli, async () => {
        const { stackJsonSchema } = await import('../../ldc/index.ts');
        cli.io.out.write(`${JSON.stringify(stackJsonSchema(), null, 2)}\n`);
        return exit.done;
      }),
    );
}
