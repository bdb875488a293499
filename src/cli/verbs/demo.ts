import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { checkFormat } from '../render/output.ts';

export function registerDemo(program: Command, cli: Cli): void {
  program
    .command('demo')
    .summary('the main job, shown and checked in about a minute')
    .description(
      'Deploys, breaks, undoes, cuts off, moves, kills and goes on, on embedded clusters of its own.\n' +
        'Exits 0 only if every claim on screen was checked. Never asks.',
    )
    .option('--keep', 'leave all of it running and say how to reach it')
    .option('-o, --output <format>', 'json: one report and nothing else')
    .option('-y, --yes', 'accepted; nothing is asked')
    .addHelpText('after', example('ldc demo', 'ldc demo --keep', 'ldc demo -o json'))
    .action(
      action<{ keep?: boolean; output?: string }>(cli, ({ keep, output }) => {
        checkFormat(output, ['json']);
        return cli.launchers.demo({ keep: keep === true, json: output === 'json' });
      }),
    );
}
