/** How a running plan goes on without clusters that were lost under it: place again, or owe their part. */
import { type Digest, done, type Outcome, refused, unreachable } from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import { type PlacedLocation, place } from '../placement/index.ts';
import {
  type Bundle,
  locationId,
  makePlan,
  type Plan,
  type PlanAmendment,
  type Step,
  type StepWork,
} from '../plan/index.ts';
import { without } from './fleet.ts';
import { type LocationRecord, locationsOf } from './records.ts';
import type { Room } from './room.ts';

export interface Amended {
  readonly amendment: PlanAmendment;
  readonly bundles: ReadonlyMap<Digest, Bundle>;
}

/** Refused: the transaction is undone. Silence alone is no refusal, so as long as every minimum is met it goes on. */
export function amend(plan: Plan, resolved: ResolvedStack, lost: readonly string[], room: Room): Outcome<Amended> {
  const remaining = plan.locations.filter(({ location }) => !lost.includes(location.cluster));
  switch (plan.rollout.onLostCluster) {
    case 'undo':
      return refused({
        kind: 'clusterLost',
        message: `${lost.join(', ')} was lost, and rollout.onLostCluster says undo`,
      });
    case 'owe':
      return goOn({ plan, resolved, lost, remaining, added: [] }, room);
    case 'replace':
      return goOn(
        { plan, resolved, lost, remaining, added: replacements(plan, resolved, lost, remaining, room) },
        room,
      );
    default:
      return unreachable(plan.rollout.onLostCluster);
  }
}

interface GoingOn {
  readonly plan: Plan;
  readonly resolved: ResolvedStack;
  readonly lost: readonly string[];
  readonly remaining: readonly LocationRecord[];
  readonly added: readonly PlacedLocation[];
}

/** Where what the lost clusters should have served can go, at most as many locations as were lost. */
function replacements(
  plan: Plan,
  resolved: ResolvedStack,
  lost: readonly string[],
  remaining: readonly LocationRecord[],
  room: Room,
): readonly PlacedLocation[] {
  const current = room.bundles.current(remaining, resolved);
  const compile = room.compile === undefined ? {} : { compile: room.compile };
  const { locations } = place({ stack: resolved, snapshot: without(room.snapshot(), lost), current, ...compile });
  return resolved.functions.flatMap(({ name }) => {
    const gone = plan.locations.filter(({ location }) => location.name === name && lost.includes(location.cluster));
    const fresh = locations.filter((one) => one.name === name && !current.some((old) => isSame(old, one)));
    return fresh.slice(0, gone.length);
  });
}

function goOn(request: GoingOn, room: Room): Outcome<Amended> {
  const { plan, resolved, lost, remaining, added } = request;
  const short = resolved.functions.find(({ name, spec }) => {
    const left = [...remaining.map(({ location }) => location), ...added].filter((one) => one.name === name).length;
    return left < spec.availability.locations.min;
  });
  if (short !== undefined) {
    const message = `without ${lost.join(', ')} function ${short.name} would have fewer locations than its minimum, and no other cluster fits`;
    return refused({
      kind: 'noCandidate',
      message,
      where: lost.join(', '),
      hint: 'join a cluster that fits, or make room',
    });
  }
  const extra = stepsFor(request, room);
  if (extra.kind !== 'done') return extra;
  const dropped = plan.steps.filter(({ work }) => lost.includes(clusterOf(work) ?? '')).map(({ id }) => id);
  const kept = keptOnLost(request, room);
  const locations = [...remaining, ...extra.value.locations, ...kept].sort((a, b) =>
    locationId(a.location) < locationId(b.location) ? -1 : 1,
  );
  const locks = [
    ...new Set([...plan.locks, ...extra.value.locations.map(({ location }) => locationId(location))]),
  ].sort();
  const amendment = {
    ...{ dropped, added: extra.value.steps, locations, locks, owed: lost },
    explanation: explanationOf(request),
  };
  return done({ amendment, bundles: extra.value.bundles });
}

/** What a lost cluster served before and nothing replaces stays wanted as it was committed: that is what its undo restores. */
function keptOnLost({ plan, lost, added }: GoingOn, room: Room): readonly LocationRecord[] {
  const committed = locationsOf(room.store.documents, plan.stack);
  const replaced = Map.groupBy(added, (one) => one.name);
  return [...new Set(plan.locations.map(({ location }) => location.name))].flatMap((name) => {
    const gone = plan.locations.filter(({ location }) => location.name === name && lost.includes(location.cluster));
    const unreplaced = gone.slice(replaced.get(name)?.length ?? 0).map(({ location }) => locationId(location));
    return committed.filter(({ location }) => unreplaced.includes(locationId(location)));
  });
}

interface Extra {
  readonly steps: readonly Step[];
  readonly locations: readonly LocationRecord[];
  readonly bundles: ReadonlyMap<Digest, Bundle>;
}

/** Steps that bring up the replacements, as a plan of their own would; they join the last wave. */
function stepsFor({ plan, resolved, added }: GoingOn, room: Room): Outcome<Extra> {
  if (added.length === 0) return done({ steps: [], locations: [], bundles: new Map() });
  const outcome = makePlan({
    ...{ kind: plan.kind, stack: resolved, revision: plan.revision, baseRevision: plan.baseRevision },
    committed: [],
    placement: { locations: added, reasons: [], score: 0, unmet: [], notes: [] },
    reasons: [],
    clusters: room.snapshot().clusters,
    acceptUnmet: true,
  });
  if (outcome.kind === 'refused') return outcome;
  const { plan: small, bundles } = outcome.value;
  const lastWave = Math.max(0, ...plan.steps.map((step) => step.wave ?? 0));
  const taken = new Set(plan.steps.map(({ id }) => id));
  const idOf = (id: string) => (taken.has(id) ? freeId(id, taken) : id);
  const steps = small.steps.map((step): Step => {
    const renamed = { ...step, id: idOf(step.id), after: step.after.map(idOf) };
    return step.wave === undefined ? renamed : { ...renamed, wave: lastWave };
  });
  return done({ steps, locations: small.locations, bundles });
}

/** `soak:0` may be in the plan already, and again when clusters were lost twice. */
function freeId(id: string, taken: ReadonlySet<string>): string {
  for (let count = 2; ; count++) if (!taken.has(`${id}#${count}`)) return `${id}#${count}`;
}

function clusterOf(work: StepWork): string | undefined {
  if ('location' in work) return work.location.cluster;
  return work.action === 'ensure' ? work.cluster : undefined;
}

function explanationOf({ lost, added }: GoingOn): string {
  const where = lost.join(', ');
  if (added.length === 0) return `${where} was lost; every minimum is met without, its part is owed`;
  const to = added.map((one) => `${one.name}@${one.cluster}`).join(', ');
  return `${where} was lost; served by ${to} instead`;
}

function isSame(a: Pick<PlacedLocation, 'name' | 'cluster'>, b: Pick<PlacedLocation, 'name' | 'cluster'>): boolean {
  return a.name === b.name && a.cluster === b.cluster;
}
