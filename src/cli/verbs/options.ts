import { type Command, Option } from 'commander';
import { withHub, withOutput } from '../cli.ts';
import { usage } from '../failure.ts';

/** The flags of verbs that begin a transaction. */
export function withSubmit(command: Command): Command {
  withOutput(withHub(command))
    .option('-y, --yes', 'do not ask')
    .option('--no-wait', 'begin it and do not follow')
    .option('--reason <text>', 'why; kept in the transaction')
    .addOption(
      new Option('--if-busy <how>', 'when another transaction holds it')
        .choices(['wait', 'fail', 'replace'])
        .default('wait'),
    );
  return command;
}

/** `shop` is in project default; `pay/shop` names the project. @throws Failure for anything else. */
export function stackRef(text: string | undefined, project?: string): { project: string; name: string } {
  const match = /^(?:([-a-z0-9]+)\/)?([-a-z0-9]+)$/.exec(text ?? '');
  if (match === null) throw usage(`${text} is no name of a stack`, 'NAME or PROJECT/NAME, such as shop or pay/shop');
  return { project: match[1] ?? project ?? 'default', name: match[2] as string };
}

/** A transaction's id, also as `-o name` prints it. @throws Failure for anything else. */
export function transactionId(text: string | undefined): string {
  const id = /^(?:transaction\/)?(tx-[0-9a-z]+)$/.exec(text ?? '')?.[1];
  if (id === undefined)
    throw usage(`${text} is no id of a transaction`, '`ldc tx list` shows them: tx-01jd3x8k2mq7v0c4ha9f');
  return id;
}

/** What a verb asks of its options that were given. */
export function reasonOf({ reason }: { readonly reason?: string }): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}
