/** What an apply would change, asked of the clusters themselves: a dry run in each location, before and after. */
import { done, jsonEqual, type KubeObject, type Outcome, refText } from '../base/index.ts';
import { locationId, type Plan } from '../plan/index.ts';
import type { CommandOutput } from '../protocol/index.ts';
import type { Room } from './room.ts';
import type { ObjectDiff } from './types.ts';

const PREVIEW_TIMEOUT_MS = 60_000;
const AT_ONCE = 32;

type Preview = Extract<CommandOutput, { kind: 'preview' }>['objects'][number];

/** The first location that does not answer, or refuses, stands for all: half a diff would mislead. */
export async function previewPlan(plan: Plan, room: Room): Promise<Outcome<readonly ObjectDiff[]>> {
  const changed = new Set(plan.changes.filter(({ change }) => change !== 'remove').map(({ location }) => location));
  const asked = plan.locations.filter(({ location }) => changed.has(locationId(location)));
  const diffs: ObjectDiff[] = [];
  for (let at = 0; at < asked.length; at += AT_ONCE) {
    const outcomes = await Promise.all(asked.slice(at, at + AT_ONCE).map((each) => previewLocation(each, room)));
    for (const outcome of outcomes) {
      if (outcome.kind !== 'done') return outcome;
      diffs.push(...outcome.value);
    }
  }
  return done([...diffs, ...deletions(plan)]);
}

async function previewLocation(
  { location, bundle }: Plan['locations'][number],
  room: Room,
): Promise<Outcome<readonly ObjectDiff[]>> {
  const command = {
    id: room.ids.next('preview'),
    epoch: room.store.epoch,
    body: { kind: 'preview', location, bundle },
  } as const;
  const outcome = await room.link.execute(location.cluster, command, { timeoutMs: PREVIEW_TIMEOUT_MS });
  if (outcome.kind !== 'done') return outcome;
  if (outcome.value.kind !== 'preview') {
    return { kind: 'unknown', reason: `the agent of ${location.cluster} answered ${outcome.value.kind} to a preview` };
  }
  return done(outcome.value.objects.map((object) => diffOf(locationId(location), object)));
}

function diffOf(location: string, { ref, before, after, refusal }: Preview): ObjectDiff {
  const shared = {
    location,
    ref: ref as ObjectDiff['ref'],
    before: before as KubeObject | null,
    after: after as KubeObject | null,
  };
  if (refusal !== undefined) return { ...shared, change: 'refused', message: refusal.message };
  if (before === null) return { ...shared, change: 'create' };
  if (after === null) return { ...shared, change: 'delete' };
  return { ...shared, change: jsonEqual(before, after) ? 'none' : 'update' };
}

/** What the plan deletes after its decision; nothing is asked of the cluster for it. */
function deletions(plan: Plan): readonly ObjectDiff[] {
  return plan.changes.flatMap(({ location, change, objects }) => {
    const gone = objects.filter((object) => change === 'remove' || object.change === 'delete');
    return gone.map(({ ref }): ObjectDiff => {
      return {
        location,
        ref,
        change: 'delete',
        before: null,
        after: null,
        message: `${refText(ref)} is deleted after the decision`,
      };
    });
  });
}
