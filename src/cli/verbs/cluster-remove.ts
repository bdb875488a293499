import type { Command } from 'commander';
import type { HubClient } from '../../api/client/index.ts';
import type { ClusterView } from '../../api/contract/index.ts';
import { action, type Cli, example, type HubFlags, withHub } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { newKey, withClient } from '../connect.ts';
import { exit, usage } from '../failure.ts';
import { type Api, emptied } from './cluster-move.ts';

interface RemoveFlags extends HubFlags {
  readonly yes?: boolean;
  readonly reason?: string;
  readonly orphan?: boolean;
  readonly force?: boolean;
  readonly forgetOwed?: boolean;
}

/** A cluster leaves: emptied first (made elsewhere before it is taken away), then everything of ldc goes, then its record. */
export function registerRemove(cluster: Command, cli: Cli): void {
  withHub(cluster.command('remove').argument('<name>', 'its name'))
    .description(
      'Removes a cluster: drains it, has its agent take away everything that ldc put there, and ends the agent. `--orphan` leaves the workloads running, without ldc.',
    )
    .option('-y, --yes', 'do not ask')
    .option('--reason <text>', 'why; kept in the journal (needed with --force and --forget-owed)')
    .option('--orphan', 'workloads stay and run on as they are; only the marks and the agent of ldc go')
    .option(
      '--force',
      'it will never come back: without its agent, and although it still serves; what is there stays there',
    )
    .option(
      '--forget-owed',
      'work that is owed there (an undo, a removal) will never be done; journaled, needs --reason',
    )
    .addHelpText(
      'after',
      example(
        'ldc cluster remove eu-1 --reason "end of life"',
        'ldc cluster remove eu-1 --orphan',
        'ldc cluster remove eu-1 --force --reason "burnt down"',
        'ldc cluster remove eu-1 --force --forget-owed --reason "burnt down in mid-deploy"',
      ),
    )
    .action(action<RemoveFlags>(cli, (flags, [name]) => remove(cli, flags, name ?? '')));
}

async function remove(cli: Cli, flags: RemoveFlags, name: string): Promise<number> {
  if (flags.force === true && flags.reason === undefined)
    throw usage('--force needs a reason', 'say why with --reason: it is kept in the journal');
  if (flags.forgetOwed === true && flags.reason === undefined)
    throw usage(
      '--forget-owed needs a reason',
      'say why with --reason: it is kept in the journal with what is forgotten',
    );
  if (!(await confirm(cli.io, question(name, flags), flags.yes))) return exit.usage;
  return withClient(cli, flags, async (client, api) => {
    const { routes } = api;
    const view = await client.call(routes.clusters.get, { params: { name } });
    if (flags.orphan !== true && flags.force !== true && view.locations.wanted > 0)
      await drainFirst(cli, flags, client, api, view);
    const query = {
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      ...(flags.force === true ? { force: 'true' } : {}),
      ...(flags.orphan === true ? { orphan: 'true' } : {}),
      ...(flags.forgetOwed === true ? { forgetOwed: 'true' } : {}),
    };
    const call = { params: { name }, query, idempotencyKey: newKey(cli.io) };
    const { objects, remains } = await client.call(routes.clusters.remove, call);
    cli.io.out.write(`${name} was removed${done(objects, flags)}\n`);
    if (remains.length > 0) cli.io.out.write('what is still there, and what takes it away:\n');
    for (const { what, why, command } of remains)
      cli.io.out.write(`  ${what}: ${why}${command === undefined ? '' : `\n    ${command}`}\n`);
    return exit.done;
  });
}

function question(name: string, { orphan, force }: RemoveFlags): string {
  if (force === true) return `Remove ${name} although it may still serve? What runs there is no longer looked after.`;
  if (orphan === true) return `Remove ${name} and leave its workloads running, without ldc?`;
  return `Remove ${name}? What runs there moves elsewhere first; then everything that ldc put there is deleted.`;
}

function done(objects: number | null, { orphan }: RemoveFlags): string {
  if (objects === null) return '';
  const many = objects === 1 ? '1 object' : `${objects} objects`;
  return orphan === true ? `; ${many} there run on without ldc` : `, and what ldc had put there`;
}

async function drainFirst(cli: Cli, flags: RemoveFlags, client: HubClient, api: Api, view: ClusterView): Promise<void> {
  const { name, locations } = view;
  const body = { reason: flags.reason ?? 'it is being removed' };
  await client.call(api.routes.clusters.drain, { params: { name }, body, idempotencyKey: newKey(cli.io) });
  cli.io.err.write(`${name} is draining; ${locations.wanted} locations have to move\n`);
  await emptied(cli, client, api, name);
}
