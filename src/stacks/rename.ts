/** A cluster gets another name: what stands against it, asked before its records go over. */
import { type Outcome, type Refusal, refused } from '../base/index.ts';
import type { ClusterRecord } from '../hub-agent/types.ts';
import type { ClusterSelector, ResolvedStack } from '../ldc/index.ts';
import type { ClusterView } from '../placement/index.ts';
import type { Plan, StepWork } from '../plan/index.ts';
import { bodies, collections, HELD_REPORTS, locationsOn, OWED, type StackRecord, stackId, staleOn } from './records.ts';
import type { Room } from './room.ts';

export interface Renaming {
  readonly name: string;
  readonly to: string;
  readonly actor: string;
  readonly reason: string | null;
}

const SHOWN_MAX = 5;

/**
 * From the last check to the entry nothing is awaited. A plan of that moment that names the cluster as it was is stale by its
 * basis, or, where it is the first of its stack there, finds no such cluster and is made anew without it.
 */
export async function renameCluster(renaming: Renaming, room: Room): Promise<Outcome<ClusterRecord>> {
  const { name, to, actor, reason } = renaming;
  if (room.registry.cluster(name) === undefined) return room.registry.rename(name, to, actor, reason); // says so
  if (name === to) return refused(invalid(name));
  const refusal =
    away(name, room) ?? due(name, room) ?? remembered(to, room) ?? underWay(name, room) ?? chosenByName(name, to, room);
  return refusal === undefined ? room.registry.rename(name, to, actor, reason) : refused(refusal);
}

function invalid(name: string): Refusal {
  return { kind: 'invalid', message: `cluster ${name} has that name already`, hint: 'give it another one' };
}

/** Its agent is to hear of it: its certificate carries the name. */
function away(name: string, { link, health }: Room): Refusal | undefined {
  if (link.connected(name) && health(name)?.health === 'ready') return undefined;
  return {
    kind: 'agentAway',
    message: `cluster ${name} is not ready: its agent could not be told of its new name`,
    where: `cluster ${name}`,
    hint: `\`ldc cluster show ${name}\` says how it is`,
  };
}

/** What is owed is settled by steps that name the cluster. */
function due(name: string, { store: { documents } }: Room): Refusal | undefined {
  const isOwed =
    documents.list(OWED, { prefix: `${name}/`, limit: 1 }).length > 0 || staleOn(documents, name).length > 0;
  if (!isOwed && documents.get(HELD_REPORTS, name) === undefined) return undefined;
  return {
    kind: 'stillOwed',
    message: `work is owed on cluster ${name}: an undo, a removal, or what it holds since a restore`,
    where: `cluster ${name}`,
    hint: `it is settled by itself while the cluster is ready: \`ldc cluster show ${name}\`; then rename it`,
  };
}

/** A removed cluster's name, while something is still wanted or owed there, would bring that to the one that takes it. */
function remembered(to: string, { store: { documents } }: Room): Refusal | undefined {
  const isWanted = locationsOn(documents, to).length > 0 || staleOn(documents, to).length > 0;
  if (!isWanted && documents.list(OWED, { prefix: `${to}/`, limit: 1 }).length === 0) return undefined;
  return {
    kind: 'clusterExists',
    message: `a cluster ${to} was removed, and stacks still count on what it held`,
    where: `cluster ${to}`,
    hint: 'choose another name, or wait until they have moved (`ldc status`)',
  };
}

function underWay(name: string, room: Room): Refusal | undefined {
  const { documents } = room.store;
  const ids = documents.list(collections.transaction).map(({ key }) => key);
  const touching = ids.filter((id) => namesCluster(room.engine().plan(id), name));
  room.snapshot(); // forgets what was promised to transactions that have begun since
  const isPlanned = room.reservations.locations().has(name);
  if (touching.length === 0 && !isPlanned) return undefined;
  const which = touching.length === 0 ? 'a transaction that begins' : `transaction ${shown(touching)}`;
  return {
    kind: 'busy',
    message: `cluster ${name} is part of ${which}`,
    where: `cluster ${name}`,
    hint: 'wait until it has ended (`ldc tx list`), then rename it',
  };
}

/** Steps there, or a location that stays: its commit would bring the former name back. Without a plan in doubt. */
function namesCluster(plan: Plan | undefined, name: string): boolean {
  if (plan === undefined) return true;
  const isThere = plan.locations.some(({ location }) => location.cluster === name);
  return isThere || plan.steps.some(({ work }) => clusterOf(work) === name);
}

function clusterOf(work: StepWork): string | undefined {
  if ('location' in work) return work.location.cluster;
  return 'cluster' in work ? work.cluster : undefined;
}

/** Stacks of which an expression answers otherwise for the new name: they would move on or off. */
function chosenByName(name: string, to: string, room: Room): Refusal | undefined {
  const seen = room.snapshot().clusters.find((cluster) => cluster.name === name);
  const records = bodies<StackRecord>(room.store.documents, collections.stack);
  const choosing = records.flatMap((stack) => {
    const revision = room.committed(stack);
    const isChosen =
      revision !== undefined &&
      selectorsOf(room.resolved(revision)).some((one) => seen !== undefined && differs(one, seen, to, room));
    return isChosen ? [stackId(stack)] : [];
  });
  if (choosing.length === 0) return undefined;
  return {
    kind: 'chosenByName',
    message: `${shown(choosing)} ${choosing.length === 1 ? 'chooses' : 'choose'} clusters by name, and would choose otherwise for ${to} than for ${name}`,
    where: `cluster ${name}`,
    hint: `apply ${choosing.length === 1 ? 'it' : 'them'} first with an expression that is the same for both names, or better with a label`,
  };
}

function selectorsOf({ stack, functions }: ResolvedStack): readonly ClusterSelector[] {
  return [stack.spec.placement.clusters, ...functions.flatMap(({ spec }) => spec.clusters ?? [])];
}

function differs({ cel }: ClusterSelector, seen: ClusterView, to: string, { compile }: Room): boolean {
  const compiled = cel === undefined ? undefined : compile?.(cel);
  if (compiled?.kind !== 'compiled') return false;
  const [before, after] = [compiled.holds(seen), compiled.holds({ ...seen, name: to })];
  return (before === true) !== (after === true);
}

function shown(all: readonly string[]): string {
  const more = all.length - SHOWN_MAX;
  return `${all.slice(0, SHOWN_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
