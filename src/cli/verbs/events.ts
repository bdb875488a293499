import type { Command } from 'commander';
import type { Told } from '../../stacks/types.ts';
import { action, type Cli, example, type HubFlags, withHub, withOutput } from '../cli.ts';
import { withClient } from '../connect.ts';
import { checkFormat } from '../render/output.ts';
import { printable } from '../render/printable.ts';
import { type EventLine, eventLine, eventTable } from '../render/told.ts';
import { findTarget } from '../stack-target.ts';
import { followTold } from '../told.ts';

interface EventsFlags extends HubFlags {
  readonly output?: string;
  readonly cluster?: string;
  readonly watch?: boolean;
}

export function registerEvents(program: Command, cli: Cli): void {
  withOutput(withHub(program.command('events').argument('<stack>', 'STACK[/FUNCTION], or with the project')), 'json')
    .option('--cluster <name>', 'of this cluster only')
    .option('-w, --watch', 'go on with what comes')
    .summary('Kubernetes events about a stack, over all its clusters')
    .description(
      'Shows the Kubernetes events about everything that a stack has on its clusters, newest first; with -w oldest first, and then as they come.',
    )
    .addHelpText('after', example('ldc events shop', 'ldc events shop/checkout --cluster eu-1 -w'))
    .action(action<EventsFlags>(cli, (flags, [name]) => events(cli, flags, name ?? '')));
}

async function events(cli: Cli, flags: EventsFlags, name: string): Promise<number> {
  checkFormat(flags.output, ['json']);
  const { io } = cli;
  const { cluster, watch = false } = flags;
  return withClient(cli, flags, async (client, api) => {
    const { project, name: stack, function: one } = await findTarget(client, api, name);
    const query = {
      ...(one === undefined ? {} : { function: one }),
      ...(cluster === undefined ? {} : { cluster }),
      ...(watch ? { follow: 'true' } : {}),
    };
    const seen: EventLine[] = [];
    const text = (item: Told) => {
      if (item.kind !== 'event') return '';
      if (watch) return eventLine(item);
      seen.push(item);
      return '';
    };
    const show = { json: flags.output === 'json', follows: watch, text };
    const code = await followTold(
      io,
      client,
      api.routes.insight.events,
      { params: { project, name: stack }, query },
      show,
    );
    if (watch || show.json) return code;
    if (seen.length > 0) io.out.write(printable(eventTable(seen, io.clock.now())));
    else io.err.write('no events; Kubernetes keeps them for an hour\n');
    return code;
  });
}
