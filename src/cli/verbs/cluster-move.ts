import type { Command } from 'commander';
import type { HubClient } from '../../api/client/index.ts';
import { action, type Cli, example, type HubFlags, withHub } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { newKey, withClient } from '../connect.ts';
import { exit, Failure } from '../failure.ts';
import { stackName } from '../render/transaction.ts';

interface MoveFlags extends HubFlags {
  readonly yes?: boolean;
  readonly reason?: string;
  readonly wait?: boolean;
}

export type Api = typeof import('../../api/client/index.ts');

const POLL_MS = 500;

/** Cordon, uncordon, drain: a person's will for a cluster. */
export function registerMoves(cluster: Command, cli: Cli): void {
  const verb = (name: string, what: string) =>
    withHub(cluster.command(name).argument('<name>', 'its name').description(what))
      .option('-y, --yes', 'do not ask')
      .option('--reason <text>', 'why; kept in the journal')
      .addHelpText('after', example(`ldc cluster ${name} eu-1${name === 'uncordon' ? '' : ' --reason "new kernel"'}`));
  for (const [name, what] of [
    ['cordon', 'Places nothing new on a cluster; what runs there stays.'],
    ['uncordon', 'Opens a cordoned or draining cluster again.'],
  ] as const)
    verb(name, what).action(action<MoveFlags>(cli, (flags, [cluster]) => setIntent(cli, flags, name, cluster ?? '')));
  verb('drain', 'Moves everything off a cluster: made elsewhere before it is taken away here. Waits until it is empty.')
    .option('--no-wait', 'begin it and do not wait')
    .action(action<MoveFlags>(cli, (flags, [name]) => drain(cli, flags, name ?? '')));
}

async function setIntent(cli: Cli, flags: MoveFlags, verb: 'cordon' | 'uncordon', name: string): Promise<number> {
  if (!(await confirm(cli.io, `${verb} ${name}?`, flags.yes))) return exit.usage;
  return withClient(cli, flags, async (client, { routes }) => {
    const view = await client.call(routes.clusters[verb], callOf(cli, flags, name));
    cli.io.out.write(`${name} is ${view.intent}\n`);
    return exit.done;
  });
}

async function drain(cli: Cli, flags: MoveFlags, name: string): Promise<number> {
  const { io } = cli;
  if (!(await confirm(io, `Move everything off ${name}?`, flags.yes))) return exit.usage;
  return withClient(cli, flags, async (client, api) => {
    const view = await client.call(api.routes.clusters.drain, callOf(cli, flags, name));
    io.out.write(`${name} is ${view.intent}; ${view.locations.wanted} locations have to move\n`);
    if (flags.wait === false) return exit.done;
    await emptied(cli, client, api, name);
    io.out.write(`${name} is empty\n`);
    return exit.done;
  });
}

/** Waits until nothing is wanted on a cluster. @throws Failure after Ctrl-C: the moves go on by themselves. */
export async function emptied({ io }: Cli, client: HubClient, { routes }: Api, name: string): Promise<void> {
  const stop = new AbortController();
  const cancel = io.onInterrupt(() => stop.abort());
  try {
    const told = new Set<string>();
    for (let before = Number.NaN; ; ) {
      const { items } = await client.call(routes.clusters.locations, { params: { name } });
      const left = items.filter(({ wanted }) => wanted);
      if (left.length === 0) return;
      if (left.length !== before)
        io.err.write(
          `  ${left.length} left: ${left
            .slice(0, 5)
            .map((one) => one.location)
            .join(', ')}\n`,
        );
      before = left.length;
      const { cooldowns } = await client.call(routes.fleet.availability);
      for (const line of refusals(left, cooldowns)) {
        if (!told.has(line)) io.err.write(line);
        told.add(line);
      }
      await io.clock.sleep(POLL_MS, stop.signal);
      if (stop.signal.aborted)
        throw new Failure(exit.interrupted, `stopped waiting; ${name} goes on draining`, {
          hint: `ldc cluster show ${name} says how far it is, ldc cluster uncordon ${name} ends it`,
        });
    }
  } finally {
    cancel();
  }
}

interface Refused {
  readonly stack: { readonly project: string; readonly name: string };
  readonly message: string;
}

/** Why stacks that are still there do not move: the refusal of their last try. */
function refusals(left: readonly Pick<Refused, 'stack'>[], cooldowns: readonly Refused[]): readonly string[] {
  const names = new Set(left.map(({ stack }) => stackName(stack)));
  return cooldowns
    .filter(({ stack }) => names.has(stackName(stack)))
    .map(({ stack, message }) => `  ${stackName(stack)} does not move: ${message}\n`);
}

function callOf({ io }: Cli, { reason }: MoveFlags, name: string) {
  return { params: { name }, body: reason === undefined ? {} : { reason }, idempotencyKey: newKey(io) };
}
