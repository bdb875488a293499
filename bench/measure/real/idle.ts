/** Nothing happens for a while: what agents ask their API servers for, and what hub and agents use. */
import { rounded } from '../figures.ts';
import { cpuSecondsOf } from '../local.ts';
import type { RealFleet } from './fleet.ts';
import { memory } from './processes.ts';
import { type Asked, askedSince, auditMarks, counted } from './requests.ts';
import { sleep } from './wait.ts';

/** `objects` are watched by the agents together. Needs an audited fleet for the requests. */
export async function idle(fleet: RealFleet, seconds: number, objects: number) {
  const pids = [fleet.hubPid, ...fleet.agents.values()];
  const before = pids.map(cpuSecondsOf);
  const marks = auditMarks(fleet);
  await sleep(seconds * 1_000);
  const [hub, ...agents] = pids.map((pid, index) =>
    rounded(((cpuSecondsOf(pid) - (before[index] ?? 0)) / seconds) * 100, 2),
  );
  const ours = askedSince(marks).filter(({ userAgent }) => userAgent === 'ldc');
  return {
    seconds,
    objects,
    agentRequests: requests(ours, seconds, objects, fleet.agents.size),
    hubCpuPercentOfOneCore: hub,
    agentCpuPercentOfOneCore: agents,
    ...memory(fleet),
  };
}

function requests(all: readonly Asked[], seconds: number, objects: number, agents: number) {
  const classes = { watch: [] as Asked[], lease: [] as Asked[], rest: [] as Asked[] };
  for (const one of all)
    classes[one.verb === 'watch' ? 'watch' : one.resource === 'leases' ? 'lease' : 'rest'].push(one);
  const hours = seconds / 3_600;
  const shown = (some: readonly Asked[]) => ({
    count: some.length,
    perAgentPerHour: rounded(some.length / agents / hours),
    perObjectPerHour: rounded(some.length / objects / hours, 3),
    asked: counted(some),
  });
  return { all: shown(all), watch: shown(classes.watch), lease: shown(classes.lease), rest: shown(classes.rest) };
}
