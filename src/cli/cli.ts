import type { Command, OptionValues } from 'commander';
import type { Io } from './io.ts';
import type { Launchers } from './launchers.ts';

/** What every verb is handed. */
export interface Cli {
  readonly io: Io;
  readonly launchers: Launchers;
  readonly version: string;
  /** Set by the verb that ran. */
  exitCode: number;
}

/** Options that every verb that talks to a hub has. */
export interface HubFlags {
  readonly hub?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly context?: string;
}

/** Joins a verb's work to its command; what it answers is the exit code. */
export function action<O extends object>(
  cli: Cli,
  run: (options: O, args: readonly string[]) => Promise<number> | number,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const args = (command.processedArgs as (string | string[] | undefined)[]).flat().filter((arg) => arg !== undefined);
    cli.exitCode = await run(command.optsWithGlobals<OptionValues & O>(), args);
  };
}

/** `Example:` under a verb's help. */
export function example(...lines: readonly string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

/** The flags by which a verb finds its hub. */
export function withHub(command: Command): Command {
  return command
    .option('--hub <url>', 'the hub (default: LDC_HUB, then the context file)')
    .option('--token <token>', 'bearer token (default: LDC_TOKEN)')
    .option('--ca <file>', 'CA of the hub, PEM (default: LDC_CA)')
    .option('--context <name>', 'a context of the context file');
}

export function withOutput(command: Command, formats = 'json|yaml|name'): Command {
  return command.option('-o, --output <format>', `for programs: ${formats}`);
}

export function withFiles(command: Command): Command {
  return command.requiredOption('-f, --file <path...>', 'stack files, folders with one, or - for stdin');
}

/** Collects a repeated `KEY=VALUE`. */
export function pairs(text: string, before: { readonly [key: string]: string } = {}): { [key: string]: string } {
  const at = text.indexOf('=');
  return { ...before, [at < 0 ? text : text.slice(0, at)]: at < 0 ? '' : text.slice(at + 1) };
}
