import type { Command } from 'commander';
import { action, type Cli } from '../cli.ts';
import { exit } from '../failure.ts';

interface VersionFlags {
  readonly output?: string;
}

export function registerVersion(program: Command, cli: Cli): void {
  program
    .command('version')
    .option('-o, --output <format>', 'json')
    .description('Prints the version of this program.')
    .action(
      action<VersionFlags>(cli, ({ output }) => {
        cli.io.out.write(output === 'json' ? `${JSON.stringify({ ldc: cli.version })}\n` : `ldc ${cli.version}\n`);
        return exit.done;
      }),
    );
}
