import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { checkFormat } from '../render/output.ts';
import { CLUSTERS, wholeNumber, withReal } from './launch-options.ts';

export function registerDemo(program: Command, cli: Cli): void {
  withReal(program.command('demo'))
    .summary('the main job, shown and checked in about a minute')
    .description(
      'Deploys, breaks, undoes, cuts off, moves, kills and goes on, on four clusters of its own, embedded unless told.\n' +
        'Exits 0 only if every claim on screen was checked. Never asks.',
    )
    .option('--keep', 'leave all of it running and say how to reach it')
    .option('-o, --output <format>', 'json: one report and nothing else')
    .option('-y, --yes', 'accepted; nothing is asked')
    .addHelpText('after', example('ldc demo', 'ldc demo --keep', 'ldc demo -o json', 'ldc demo --real 3'))
    .action(
      action<{ real?: string; keep?: boolean; output?: string }>(cli, ({ real = '0', keep, output }) => {
        checkFormat(output, ['json']);
        const realOnes = wholeNumber(real, 'number of real control planes', 0, CLUSTERS);
        return cli.launchers.demo({ real: realOnes, keep: keep === true, json: output === 'json' });
      }),
    );
}
