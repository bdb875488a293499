import type { Command } from 'commander';
import { type Problem, problemText } from '../../base/index.ts';
import { action, type Cli, example, withFiles, withOutput } from '../cli.ts';
import { exit } from '../failure.ts';
import { checkFormat, print } from '../render/output.ts';
import { placed, readSources } from '../sources.ts';

export function registerValidate(program: Command, cli: Cli): void {
  withOutput(withFiles(program.command('validate')), 'json|yaml')
    .summary('check stack definitions and their manifests; needs no hub')
    .description(
      'Checks stack definitions and all manifests that they name, and says every problem at once as file:line:column. Needs no hub.',
    )
    .addHelpText('after', example('ldc validate -f examples/shop', 'kustomize build . | ldc validate -f -'))
    .action(action<{ file: string[]; output?: string }>(cli, (options) => validate(cli, options)));
}

async function validate({ io }: Cli, { file, output }: { file: string[]; output?: string }): Promise<number> {
  checkFormat(output, ['json', 'yaml']);
  const sources = await readSources(io, file);
  const { readStack } = await import('../../ldc/index.ts');
  const results = sources.map((source) => {
    const { path, stack, files } = source;
    const { resolved, problems } = readStack({ path, text: stack, files: new Map(Object.entries(files)) });
    const { functions = [], databases = [] } = resolved ?? {};
    const parts = [...functions, ...databases];
    const objects = parts.reduce((sum, part) => sum + part.objects.length, 0);
    return {
      path,
      problems: placed(source, problems),
      name: resolved && `${resolved.project}/${resolved.name}`,
      functions: functions.length,
      databases: databases.length,
      objects,
    };
  });
  const problems = results.flatMap((result) => result.problems);
  await print(io, output, {
    value: { valid: problems.length === 0, problems },
    names: [],
    human: () => results.map((result) => resultText(result)).join(''),
  });
  return problems.length === 0 ? exit.done : exit.usage;
}

interface Result {
  readonly path: string;
  readonly problems: readonly Problem[];
  readonly name: string | undefined;
  readonly functions: number;
  readonly databases: number;
  readonly objects: number;
}

function resultText({ path, problems, name, functions, databases, objects }: Result): string {
  if (problems.length === 0) {
    const counts = [counted(functions, 'function'), ...(databases === 0 ? [] : [counted(databases, 'database')])];
    return `${path}: stack ${name} is valid (${[...counts, counted(objects, 'object')].join(', ')})\n`;
  }
  const lines = problems.map((problem) => `${problemText(problem)}\n`).join('');
  return `${lines}${path}: ${counted(problems.length, 'problem')}\n`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
