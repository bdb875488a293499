/** What the way back comes to: a verdict on each touched cluster, one of the whole, and whether a person has to look. Pure. */
import { digestOf, isObject, type Json } from '../base/index.ts';
import { clusterOf } from './actions/index.ts';
import { type Ask, type Decision, journal, NOTHING, type Surroundings } from './decision.ts';
import { rolledBack } from './endings.ts';
import type { TransactionEvent } from './events.ts';
import { createdNothing } from './faults.ts';
import type { ClusterVerdict, StepState, TransactionData } from './state.ts';

/** All is undone or owed: each touched cluster gets its verdict, then the whole. */
export function verdicts(data: TransactionData, { lost }: Surroundings): Decision {
  const events: TransactionEvent[] = [];
  const asks: Ask[] = [];
  for (const [cluster, states] of touched(data)) {
    if (data.verdicts.has(cluster)) continue;
    const known = knownVerdict(data, states, lost.has(cluster));
    if (known !== undefined) events.push({ type: 'rollback.cluster', data: { cluster, verdict: known } });
    else asks.push({ kind: 'verify', key: verifyKey(data, cluster), cluster });
  }
  if (events.length > 0) return journal(...events);
  if (asks.length > 0) return { ...NOTHING, asks };
  if (data.verified === null) return journal(verdictOfAll(data));
  const { clusters, digestAfter } = data.verified;
  const different = Object.keys(clusters).filter((cluster) => clusters[cluster] === 'different');
  if (different.length === 0 || data.header.forced) return journal(...rolledBack(data, digestAfter));
  return journal({ type: 'tx.stuck', data: { refusal: differs(data, different), steps: [] } });
}

/** A look after a person's `retry` is a new one: agents remember what they answered under an id. */
function verifyKey(data: TransactionData, cluster: string): string {
  const again = data.retries === 0 ? '' : `.${data.retries + 1}`;
  return `${data.header.id}/verify@${cluster}${again}/do`;
}

function knownVerdict(
  data: TransactionData,
  states: readonly StepState[],
  lost: boolean,
): ClusterVerdict['verdict'] | undefined {
  if (states.some(({ status }) => status === 'owed')) return 'owed';
  if (states.some(({ status }) => status === 'skipped')) return 'different';
  if (states.every(createdNothing)) return 'equal'; // everything that it would have made was there: nothing was touched
  return lost || data.closing ? 'owed' : undefined;
}

/** Clusters on which a step with an undo has begun, with those steps. */
export function touched(data: TransactionData): ReadonlyMap<string, readonly StepState[]> {
  const clusters = new Map<string, StepState[]>();
  for (const state of data.steps.values()) {
    const { step, status, starts } = state;
    if (step.work.action !== 'apply' && step.work.action !== 'ensure') continue;
    if (starts === 0 || status === 'dropped') continue;
    const cluster = clusterOf(step) ?? '';
    const states = clusters.get(cluster);
    if (states === undefined) clusters.set(cluster, [state]);
    else states.push(state);
  }
  return clusters;
}

function verdictOfAll(data: TransactionData): TransactionEvent {
  const sorted = [...data.verdicts].sort(([a], [b]) => (a < b ? -1 : 1));
  const clusters = Object.fromEntries(sorted.map(([cluster, { verdict }]) => [cluster, verdict]));
  const named = (side: 'digestBefore' | 'digestAfter') =>
    digestOf(Object.fromEntries(sorted.map(([cluster, verdict]) => [cluster, verdict[side]])));
  const list = (what: 'differences' | 'kept'): Json =>
    sorted.flatMap(([cluster, { findings }]) => findings[what].map((finding) => ({ cluster, ...(finding as object) })));
  const equal = !data.header.forced && sorted.every(([, { verdict }]) => verdict === 'equal');
  const kept: Json = [...(list('kept') as readonly Json[]), ...keptByUndo(data)];
  const differences = list('differences') as readonly Json[];
  const explained = differences.filter(isExplained).length;
  const findings = { value: { differences, kept } };
  const digests = { digestBefore: named('digestBefore'), digestAfter: named('digestAfter') };
  return { type: 'rollback.verified', data: { equal, clusters, findings, explained, ...digests } };
}

/** Another's doing: it is said, and counts as none. */
function isExplained(difference: Json): boolean {
  return isObject(difference) && difference.explained !== undefined;
}

/** What the undo of an ensure left by rule (a namespace with something foreign in it, a CRD): no difference, but said. */
function keptByUndo(data: TransactionData): readonly Json[] {
  return [...data.steps.values()].flatMap(({ step, undone }) => {
    if (step.work.action !== 'ensure' || undone?.kind !== 'receipt') return [];
    const kept = undone.objects.filter(({ change }) => change === 'kept');
    return kept.map(({ ref, note }) => ({ cluster: clusterOf(step), ref, why: note ?? 'kept by rule' }));
  });
}

function differs(data: TransactionData, clusters: readonly string[]) {
  const count = data.verified?.differences.filter((one) => !isExplained(one)).length ?? 0;
  return {
    kind: 'notEqual',
    message: `after the undo ${clusters.join(', ')} differ from before in ${count} place(s)`,
    where: clusters.join(', '),
    hint: `see ldc tx show ${data.header.id}; repair and ldc tx retry, or accept it with ldc tx skip --reason`,
  };
}
