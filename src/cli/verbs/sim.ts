import type { Command } from 'commander';
import type { Fault } from '../../api/client/index.ts';
import { action, type Cli, example, type HubFlags, withHub } from '../cli.ts';
import { withClient } from '../connect.ts';
import { exit, usage } from '../failure.ts';

interface SimFlags extends HubFlags {
  readonly latency?: string;
}

const FAULTS: { readonly [fault in Fault]: string } = {
  cut: 'nothing goes in or out; inside it goes on',
  heal: 'takes every fault away',
  crash: 'ends its API server and its pods',
  slow: 'delays all that goes in and out',
  full: 'leaves its nodes no room',
};

/** Faults of the clusters of `ldc dev`; asks nothing, accepts --yes. */
export function registerSim(program: Command, cli: Cli): void {
  const sim = program
    .command('sim')
    .summary('faults of the clusters of `ldc dev`')
    .description(
      'Faults of the clusters that `ldc dev` runs, embedded or real; they go through the hub, and work while every cluster is cut.',
    )
    .addHelpText('after', example('ldc sim cut eu-1', 'ldc sim slow eu-1 --latency 300', 'ldc sim heal eu-1'));
  for (const [fault, what] of Object.entries(FAULTS) as [Fault, string][]) {
    const command = withHub(sim.command(fault).argument('<cluster>', 'its name').description(what)).option(
      '-y, --yes',
      'accepted; nothing is asked',
    );
    if (fault === 'slow') command.option('--latency <ms>', 'milliseconds, each way', '200');
    command.action(action<SimFlags>(cli, (flags, [name]) => setFault(cli, flags, fault, name ?? '')));
  }
}

async function setFault(cli: Cli, flags: SimFlags, fault: Fault, name: string): Promise<number> {
  const latencyMs = flags.latency === undefined ? undefined : Number(flags.latency);
  if (latencyMs !== undefined && !(Number.isInteger(latencyMs) && latencyMs > 0))
    throw usage(`${flags.latency} is no latency`, 'milliseconds, a whole number from 1');
  return withClient(cli, flags, async (client, { routes }) => {
    const body = latencyMs === undefined ? {} : { latencyMs };
    await client.call(routes.sim.fault, { params: { name, fault }, body });
    cli.io.out.write(fault === 'heal' ? `${name}: no fault any more\n` : `${name}: ${fault}, ${FAULTS[fault]}\n`);
    return exit.done;
  });
}
