/** What a child process of an installation runs: `ldc part hub|fleet <options as JSON>`, started only by startPart. */
import type { SimPort } from '../api/index.ts';
import { done, errorText, isObject, type JsonObject, refused, systemClock, systemRandom } from '../base/index.ts';
import type { AgentOptions } from '../cli/index.ts';
import { parentLine, sayWhyNotStarted } from './child.ts';
import { createLogger } from './logger.ts';
import type { FleetCluster, FleetPartOptions, HubPartOptions, HubReady } from './part-types.ts';
import type { Rpc } from './rpc.ts';

export async function runPart(part: string, options: string): Promise<void> {
  try {
    await startPartOf(part, options);
  } catch (error) {
    await sayWhyNotStarted(error);
    throw error; // its stack belongs in the part's log
  }
}

async function startPartOf(part: string, options: string): Promise<void> {
  const ports = { clock: systemClock, random: systemRandom };
  // Each part loads its own code only: a hub has no use for the clusters', nor they for the hub's.
  if (part === 'fleet') {
    const { startFleetPart } = await import('./fleet.ts');
    const given = JSON.parse(options) as FleetPartOptions;
    const fleet = await startFleetPart(given, { ...ports, logger: createLogger(given.logLevel) });
    const line = parentLine(fleet.handlers);
    endOnSignal(() => fleet.stop());
    await line?.call('ready', fleet.clusters satisfies readonly FleetCluster[]);
    return;
  }
  if (part === 'agent') {
    const { runAgent } = await import('./agent.ts');
    const joinToken = process.env.LDC_JOIN_TOKEN;
    const given = { ...(JSON.parse(options) as AgentOptions), ...(joinToken === undefined ? {} : { joinToken }) };
    process.exit(
      await runAgent(
        given,
        () => {},
        'info',
        () => void process.send?.('joined'),
      ),
    );
  }
  const { startHub } = await import('./hub.ts');
  const given = JSON.parse(options) as HubPartOptions;
  const line = parentLine();
  const sim = line === undefined ? undefined : simOver(line);
  const hub = await startHub(
    { ...given, ...(sim === undefined ? {} : { sim }) },
    { ...ports, logger: createLogger(given.logLevel) },
  );
  endOnSignal(() => hub.stop());
  const { url, agentsUrl, caPem, adminTokenFile } = hub;
  await line?.call('ready', { url, agentsUrl, caPem, adminTokenFile } satisfies HubReady);
}

/** SIGTERM and SIGINT end the part cleanly. A Ctrl-C at a terminal does not reach it: its parent ends it. */
function endOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  const end = () => {
    if (stopping) return;
    stopping = true;
    void stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

/** Faults are the fleet's to make: the hub asks its parent, which asks the fleet. */
function simOver(line: Rpc): SimPort {
  return {
    clusters: () => line.call<readonly JsonObject[]>('sim.clusters'),
    async fault(cluster, fault, options) {
      try {
        const value = await line.call<JsonObject>('sim.fault', { cluster, fault, ...options });
        return isObject(value) && value.notFound === true
          ? refused({
              kind: 'notFound',
              message: `no cluster of this machine is named ${cluster}`,
              hint: '`ldc cluster list` names them',
            })
          : done(value);
      } catch (error) {
        return refused({ kind: 'sim', message: errorText(error), hint: 'look at `ldc sim status` and try again' });
      }
    },
  };
}
