import { Command, CommanderError } from 'commander';
import { type Cli, example } from './cli.ts';
import { exit, failureOf, failureText } from './failure.ts';
import type { Io } from './io.ts';
import type { Launchers } from './launchers.ts';
import { printable } from './render/printable.ts';
import { registerAgent } from './verbs/agent.ts';
import { registerApply } from './verbs/apply.ts';
import { registerCluster } from './verbs/cluster.ts';
import { registerCompletion } from './verbs/completion.ts';
import { registerContext } from './verbs/context.ts';
import { registerDemo } from './verbs/demo.ts';
import { registerDescribe } from './verbs/describe.ts';
import { registerDev } from './verbs/dev.ts';
import { registerDiff } from './verbs/diff.ts';
import { registerEvents } from './verbs/events.ts';
import { registerGet } from './verbs/get.ts';
import { registerHub } from './verbs/hub.ts';
import { registerInit } from './verbs/init.ts';
import { registerLogs } from './verbs/logs.ts';
import { registerPlan } from './verbs/plan.ts';
import { registerRetire } from './verbs/retire.ts';
import { registerRollback } from './verbs/rollback.ts';
import { registerSchema } from './verbs/schema.ts';
import { registerSim } from './verbs/sim.ts';
import { registerStatus } from './verbs/status.ts';
import { registerTx } from './verbs/tx.ts';
import { registerValidate } from './verbs/validate.ts';
import { registerVersion } from './verbs/version.ts';
import { registerWhatIf } from './verbs/whatif.ts';

/** In the order in which help lists them. */
const VERBS: readonly (readonly [group: string, register: (program: Command, cli: Cli) => void])[] = [
  ['Stacks:', registerInit],
  ['Stacks:', registerValidate],
  ['Stacks:', registerPlan],
  ['Stacks:', registerDiff],
  ['Stacks:', registerApply],
  ['Stacks:', registerStatus],
  ['Stacks:', registerGet],
  ['Stacks:', registerDescribe],
  ['Stacks:', registerLogs],
  ['Stacks:', registerEvents],
  ['Stacks:', registerRollback],
  ['Stacks:', registerRetire],
  ['Operations:', registerTx],
  ['Operations:', registerCluster],
  ['Operations:', registerWhatIf],
  ['Programs:', registerDev],
  ['Programs:', registerDemo],
  ['Programs:', registerHub],
  ['Programs:', registerAgent],
  ['Programs:', registerSim],
  ['This CLI:', registerContext],
  ['This CLI:', registerSchema],
  ['This CLI:', registerCompletion],
  ['This CLI:', registerVersion],
];

/** What main hands to the CLI. */
export interface ProgramPorts {
  readonly io: Io;
  readonly launchers: Launchers;
  readonly version: string;
}

/** The commands; nothing heavy is loaded before a verb runs. */
export function createProgram(ports: ProgramPorts): { readonly program: Command; readonly cli: Cli } {
  const { io } = ports;
  const cli: Cli = { ...ports, exitCode: exit.done };
  const program = new Command('ldc')
    .description(
      'Deploys stacks (applications together with their databases) over many clusters as one verifiable transaction.',
    )
    .version(ports.version, '--version', 'print the version')
    .showHelpAfterError('  next: `ldc VERB --help` says more')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
      getOutHelpWidth: () => Math.min(io.out.columns, 120),
      getErrHelpWidth: () => Math.min(io.err.columns, 120),
    })
    .addHelpText('after', example('ldc dev', 'ldc apply -f examples/shop', 'ldc status'))
    .addHelpText('after', 'Exit codes: 0 done, 1 failed, 2 usage or invalid input, 3 rolled back, 4 stuck, 5 refused');
  for (const [group, register] of VERBS) {
    program.commandsGroup(group);
    register(program, cli);
  }
  return { program, cli };
}

/** Runs one command line (without the program's name) and answers its exit code; never rejects. */
export async function run(argv: readonly string[], ports: ProgramPorts): Promise<number> {
  const { program, cli } = createProgram(ports);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    const failure = failureOf(error);
    ports.io.err.write(printable(failureText(failure)));
    return failure.code;
  }
}
