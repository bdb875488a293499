import type { Command } from 'commander';
import { action, type Cli, example } from '../cli.ts';
import { exit, usage } from '../failure.ts';

const SHELLS: { readonly [shell: string]: (tree: readonly Node[]) => string } = { bash, zsh, fish };

/** The words after which others come: `''` for the verbs, `tx` for its sub-verbs. */
interface Node {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly what: string }[];
}

/** Completion made from the commands themselves, so that it never lags behind. */
export function registerCompletion(program: Command, cli: Cli): void {
  program
    .command('completion')
    .argument('<shell>', 'bash, zsh or fish')
    .summary('print shell completion')
    .description('Prints the completion of a shell, to be sourced.')
    .addHelpText(
      'after',
      example('source <(ldc completion bash)', 'ldc completion fish > ~/.config/fish/completions/ldc.fish'),
    )
    .action(
      action(cli, (_, [shell]) => {
        const write = SHELLS[shell ?? ''];
        if (write === undefined) throw usage(`there is no completion for ${shell}`, 'bash, zsh or fish');
        cli.io.out.write(write(nodesOf(program, '')));
        return exit.done;
      }),
    );
}

function nodesOf(command: Command, path: string): Node[] {
  const verbs = command.commands.map((one) => ({ word: one.name(), what: one.summary() || one.description() }));
  const flags = command.options.flatMap(({ long, description }) => (long ? [{ word: long, what: description }] : []));
  const below = command.commands.flatMap((one) => nodesOf(one, path === '' ? one.name() : `${path} ${one.name()}`));
  return [{ path, words: [...verbs, ...flags, { word: '--help', what: 'what it does' }] }, ...below];
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`);
  return `_ldc() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) continue ;; esac
    case "\${path:+$path }$word" in
${nodes
  .filter(({ path }) => path !== '')
  .map(({ path }) => `      '${path}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _ldc ldc
`;
}

function zsh(nodes: readonly Node[]): string {
  return `#compdef ldc\nautoload -U +X bashcompinit && bashcompinit\n${bash(nodes)}`;
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words }) => {
    const verbs = path.split(' ').filter((word) => word !== '');
    const seen = verbs.map((verb) => `__fish_seen_subcommand_from ${verb}`).join('; and ');
    const when = path === '' ? '__fish_use_subcommand' : seen;
    return words.map(({ word, what }) => {
      const text = `-d '${what.split('\n')[0]?.replace(/'/g, "\\'") ?? ''}'`;
      const kind = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c ldc -n '${when}' ${kind} ${text}`;
    });
  });
  return `${lines.join('\n')}\n`;
}
