/** A transaction in memory: its header, its plan and the status of each step, folded from its chain. */
import { type Digest, type Entry, invariant, type Json, type Refusal } from '../base/index.ts';
import type { Plan, Step, StepPhase } from '../plan/index.ts';
import { locationId } from '../plan/index.ts';
import type { CommandOutput } from '../protocol/index.ts';
import { debtOf, isBlocked } from './blocked.ts';
import { type Held, parseEntry, type TransactionEntry, type TransactionEvent } from './events.ts';
import { beginHeader, foldHeader, type Header } from './header.ts';
import { letsOthersStart, nextStepStatus, type StepEventType } from './step-status.ts';
import { Tally } from './tally.ts';
import type { RollbackVerified, StepStatus, StepView } from './types.ts';

export interface StepState {
  readonly step: Step;
  readonly status: StepStatus;
  /** Numbers the command ids of this step and direction: it rises when a refused one is tried anew. */
  readonly attempt: number;
  /** How often it was started, in both directions. */
  readonly starts: number;
  /** Refusals since the start or since a person said `retry`. */
  readonly failures: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** The last one, of the do or of the undo. */
  readonly refusal: Refusal | undefined;
  /** How the do was refused; an undo that is refused too does not hide it. */
  readonly refusedWith: Refusal | undefined;
  readonly output: CommandOutput | undefined;
  /** What the undo has answered. */
  readonly undone: CommandOutput | undefined;
}

export interface ClusterVerdict {
  readonly verdict: 'equal' | 'different' | 'owed';
  readonly digestBefore: Digest | null;
  readonly digestAfter: Digest | null;
  readonly findings: { readonly differences: readonly Json[]; readonly kept: readonly Json[] };
}

/** Owned by the engine, which alone calls apply(); everything else reads. */
export interface TransactionData {
  header: Header;
  plan: Plan;
  readonly steps: Map<string, StepState>;
  /** How many of a step's `after` still hold it back. */
  readonly unmet: Map<string, number>;
  readonly dependents: Map<string, string[]>;
  tally: Tally;
  /** Digest of what each location's snapshot has read. */
  readonly preImages: Map<string, Digest>;
  /** The steps' views in the plan's order, and the ids of those that are out of date (views.ts keeps both). */
  views: StepView[];
  readonly changedSteps: Set<string>;
  /** Each step's place in the plan. */
  readonly places: Map<string, number>;
  readonly verdicts: Map<string, ClusterVerdict>;
  readonly wavesDone: Set<number>;
  /** seq of the last entry. */
  seq: number;
  /** The cause with its details, as the view shows it. */
  cause: Refusal | null;
  verified: RollbackVerified | null;
  approved: boolean;
  overtakenBy: string | null;
  /** What was left of the deadline when it was paused. */
  remainingMs: number | null;
  /** force-close: nothing more is tried, the rest is owed. */
  closing: boolean;
  /** skip: steps that are tried no more. */
  readonly passing: Set<string>;
  /** While it is stuck: since when, and what was said. */
  stuck: { readonly since: string; readonly refusal: Refusal } | null;
  /** How often a person has said `retry`. */
  retries: number;
}

export type LoadBlob = (digest: Digest) => Json | undefined;

/** @throws Error when the chain does not replay: unknown type, illegal event, missing plan */
export function replay(chain: readonly Entry[], load: LoadBlob): TransactionData {
  const [first, ...rest] = chain.map(parseEntry);
  if (first === undefined) throw new Error('an empty chain is no transaction');
  const data = begin(first, load);
  for (const entry of rest) apply(data, entry, load);
  return data;
}

export function begin(entry: TransactionEntry, load: LoadBlob): TransactionData {
  if (entry.type !== 'tx.created') throw new Error(`chain ${entry.tx} begins with ${entry.type}`);
  const data: TransactionData = {
    header: beginHeader(entry),
    plan: planOf(entry.data.plan, load),
    steps: new Map(),
    unmet: new Map(),
    dependents: new Map(),
    tally: new Tally(),
    preImages: new Map(),
    views: [],
    changedSteps: new Set(),
    places: new Map(),
    verdicts: new Map(),
    wavesDone: new Set(),
    seq: entry.seq,
    cause: null,
    verified: null,
    approved: false,
    overtakenBy: null,
    remainingMs: null,
    closing: false,
    passing: new Set(),
    stuck: null,
    retries: 0,
  };
  linkSteps(data, data.plan.steps);
  return data;
}

/** Folds one durable entry in, in place. @throws Error when it is illegal: a bug, or a damaged chain */
export function apply(data: TransactionData, entry: TransactionEntry, load: LoadBlob): void {
  invariant(entry.seq === data.seq + 1, `${entry.tx}: entry ${entry.seq} after ${data.seq}`);
  const folded = foldHeader(data.header, entry);
  if (folded.kind !== 'done') throw new Error(folded.kind === 'refused' ? folded.refusal.message : folded.kind);
  if (entry.type.startsWith('step.')) applyStep(data, entry as StepEntry, load);
  else applyTransaction(data, entry, load);
  data.header = folded.value;
  data.seq = entry.seq;
}

/** Whether all of `events` are legal, one after the other; the first illegal one in words. Changes nothing. */
export function illegal(data: TransactionData, events: readonly TransactionEvent[]): string | undefined {
  let header = data.header;
  const statuses = new Map<string, StepStatus>();
  for (const event of events) {
    const entry = { ...event, tx: header.id, seq: 0, ts: '', actor: '', epoch: 0 } as TransactionEntry;
    const folded = foldHeader(header, entry);
    if (folded.kind !== 'done') return folded.kind === 'refused' ? folded.refusal.message : folded.kind;
    header = folded.value;
    if (!isStepEntry(entry)) continue;
    const { step } = entry.data;
    const status = statuses.get(step) ?? data.steps.get(step)?.status;
    const next = status === undefined ? undefined : nextStepStatus(status, entry.type);
    if (next === undefined) return `${entry.type} means nothing to step ${step} of ${header.id}, which is ${status}`;
    statuses.set(step, next);
  }
  return undefined;
}

type StepEntry = Extract<TransactionEntry, { readonly type: `step.${string}` }>;

function isStepEntry(entry: TransactionEntry): entry is StepEntry {
  return entry.type.startsWith('step.');
}

function applyStep(data: TransactionData, entry: StepEntry, load: LoadBlob): void {
  const atMs = Date.parse(entry.ts);
  const state = stateOf(data, entry.data.step);
  switch (entry.type) {
    case 'step.started':
    case 'step.undoStarted': {
      const { attempt } = entry.data;
      const startedAtMs = state.startedAtMs ?? atMs;
      change(data, state, entry.type, { attempt, starts: state.starts + 1, startedAtMs, endedAtMs: null });
      return;
    }
    case 'step.succeeded': {
      const output = (release(entry.data.output, load) ?? undefined) as CommandOutput | undefined;
      change(data, state, entry.type, { output, refusal: undefined, refusedWith: undefined, endedAtMs: atMs });
      if (output?.kind === 'snapshot') keepPreImages(data, state.step, output.preImages);
      return;
    }
    case 'step.undone': {
      const undone = (release(entry.data.output, load) ?? undefined) as CommandOutput | undefined;
      change(data, state, entry.type, { undone, endedAtMs: atMs });
      return;
    }
    case 'step.failed':
    case 'step.undoFailed': {
      const refusal = withDetails(entry.data.refusal, load);
      const refusedWith = entry.type === 'step.failed' ? refusal : state.refusedWith;
      change(data, state, entry.type, { refusal, refusedWith, failures: state.failures + 1, endedAtMs: atMs });
      return;
    }
    case 'step.skipped':
    case 'step.owed':
      change(data, state, entry.type, { endedAtMs: atMs });
      return;
  }
}

/** A later snapshot counts (an amended plan reads again) unless the location was written to since: then the first is the truth. */
function keepPreImages(data: TransactionData, { work }: Step, preImages: Digest): void {
  if (work.action !== 'snapshot') return;
  const location = locationId(work.location);
  const written = ({ step, starts }: StepState) =>
    starts > 0 && step.work.action === 'apply' && locationId(step.work.location) === location;
  if (data.preImages.has(location) && [...data.steps.values()].some(written)) return;
  data.preImages.set(location, preImages);
}

function applyTransaction(data: TransactionData, entry: TransactionEntry, load: LoadBlob): void {
  switch (entry.type) {
    case 'tx.replanned':
      data.plan = planOf(entry.data.plan, load);
      // nothing of the plan before is left, not even what its views still had to show: the new one may be empty
      for (const kept of [data.steps, data.unmet, data.dependents, data.places, data.changedSteps]) kept.clear();
      data.tally = new Tally();
      linkSteps(data, data.plan.steps);
      return;
    case 'tx.amended':
      amend(data, planOf(entry.data.plan, load), release(entry.data.dropped, load) as readonly string[]);
      return;
    case 'tx.approved':
      data.approved = true;
      return;
    case 'tx.overtaken':
      data.overtakenBy = entry.data.by;
      return;
    case 'wave.done':
      data.wavesDone.add(entry.data.wave);
      return;
    case 'tx.paused':
      data.cause = entry.data.cause === null ? null : withDetails(entry.data.cause, load);
      data.remainingMs = entry.data.remainingMs;
      return;
    case 'tx.resumed':
      data.cause = null;
      resetFailed(data);
      return;
    case 'tx.compensating':
      data.cause = withDetails(entry.data.cause, load);
      forgetFailures(data);
      return;
    case 'tx.retried':
      data.stuck = null;
      data.verified = null;
      data.retries++;
      for (const [cluster, { verdict }] of data.verdicts) if (verdict === 'different') data.verdicts.delete(cluster);
      forgetFailures(data);
      return;
    case 'tx.stuck': {
      const refusal = withDetails(entry.data.refusal, load);
      data.cause ??= refusal;
      data.stuck = { since: entry.ts, refusal };
      return;
    }
    case 'tx.skipped':
      data.stuck = null;
      passOver(data);
      return;
    case 'tx.forceClosed':
      data.stuck = null;
      data.closing = true;
      return;
    case 'rollback.cluster': {
      const { cluster, verdict, digestBefore = null, digestAfter = null, findings } = entry.data;
      const found = findings === undefined ? { differences: [], kept: [] } : release(findings, load);
      data.verdicts.set(cluster, { verdict, digestBefore, digestAfter, findings: found as ClusterVerdict['findings'] });
      return;
    }
    case 'rollback.verified': {
      const { findings, ...verified } = entry.data;
      data.verified = { ...verified, ...(release(findings, load) as unknown as ClusterVerdict['findings']) };
      return;
    }
    default:
      return;
  }
}

function change(data: TransactionData, state: StepState, event: StepEventType, more: Partial<StepState>): void {
  const { id } = state.step;
  const status = nextStepStatus(state.status, event);
  if (status === undefined) throw new Error(`${event} means nothing to step ${id}, which is ${state.status}`);
  data.steps.set(id, { ...state, ...more, status });
  data.changedSteps.add(id);
  data.tally.move(state.step, state.status, status);
  if (status === 'pending' && data.unmet.get(id) === 0) data.tally.ready.add(id);
  if (letsOthersStart(status) === letsOthersStart(state.status)) return;
  const by = letsOthersStart(status) ? -1 : 1;
  for (const dependent of data.dependents.get(id) ?? []) {
    const unmet = (data.unmet.get(dependent) ?? 0) + by;
    data.unmet.set(dependent, unmet);
    if (unmet > 0) data.tally.ready.delete(dependent);
    else if (data.steps.get(dependent)?.status === 'pending') data.tally.ready.add(dependent);
  }
}

function amend(data: TransactionData, plan: Plan, dropped: readonly string[]): void {
  const known = new Set(data.steps.keys());
  data.plan = plan;
  data.overtakenBy = null;
  for (const id of dropped) {
    const state = data.steps.get(id);
    if (state !== undefined && state.status !== 'owed') change(data, state, 'step.dropped', {});
  }
  linkSteps(
    data,
    plan.steps.filter(({ id }) => !known.has(id)),
  );
}

/** All that hold it up; in a settle whatever else the same owed work takes, too, for it is one thing. */
function passOver(data: TransactionData): void {
  const { heldFrom, kind } = data.header;
  const states = [...data.steps.values()];
  const blocked = states.filter((state) => isBlocked(state, heldFrom === 'compensating'));
  const debts = new Set(kind === 'settle' ? blocked.flatMap(({ step }) => debtOf(step) ?? []) : []);
  const alike = states.filter(({ step }) => debts.has(debtOf(step) ?? ''));
  for (const { step } of [...blocked, ...alike]) data.passing.add(step.id);
}

function resetFailed(data: TransactionData): void {
  for (const state of data.steps.values()) {
    if (state.status === 'failed') change(data, state, 'step.reset', { failures: 0 });
  }
}

function forgetFailures(data: TransactionData): void {
  for (const [id, state] of data.steps) if (state.failures > 0) data.steps.set(id, { ...state, failures: 0 });
}

function linkSteps(data: TransactionData, steps: readonly Step[]): void {
  for (const [place, { id }] of data.plan.steps.entries()) data.places.set(id, place);
  data.views = [];
  for (const step of steps) {
    data.steps.set(step.id, {
      step,
      status: 'pending',
      attempt: 0,
      starts: 0,
      failures: 0,
      startedAtMs: null,
      endedAtMs: null,
      refusal: undefined,
      refusedWith: undefined,
      output: undefined,
      undone: undefined,
    });
    data.changedSteps.add(step.id);
    data.tally.add(step, 'pending');
  }
  for (const step of steps) {
    const holding = step.after.filter((id) => !letsOthersStart(stateOf(data, id).status));
    data.unmet.set(step.id, holding.length);
    if (holding.length === 0) data.tally.ready.add(step.id);
    for (const id of step.after) {
      const dependents = data.dependents.get(id);
      if (dependents === undefined) data.dependents.set(id, [step.id]);
      else dependents.push(step.id);
    }
  }
}

export function stateOf(data: TransactionData, id: string): StepState {
  const state = data.steps.get(id);
  if (state === undefined) throw new Error(`${data.header.id} has no step ${id}`);
  return state;
}

/** Past the point of no return: after the decision, or from the start of a pivot that was not refused. */
export function forwardOnly(data: TransactionData): boolean {
  return data.header.pivoted || phaseOf(data) === 'decided';
}

/** The phase whose steps run in this state; null outside the forward states. Held ones answer for the state they were held in. */
export function phaseOf(data: TransactionData): StepPhase | null {
  const state = data.header.heldFrom ?? data.header.state;
  return state === 'preparing' || state === 'running' || state === 'verifying' || state === 'decided' ? state : null;
}

function planOf(digest: Digest, load: LoadBlob): Plan {
  const plan = load(digest);
  if (plan === undefined) throw new Error(`the plan ${digest} is missing`);
  return plan as unknown as Plan;
}

export function release(held: Held, load: LoadBlob): Json | undefined {
  return 'value' in held ? held.value : load(held.blob as Digest);
}

/** Details that were too large for an entry lie in a blob: `{blob: digest}`. */
function withDetails(refusal: Refusal, load: LoadBlob): Refusal {
  const details = refusal.details as { readonly blob?: Digest } | undefined;
  if (typeof details?.blob !== 'string' || Object.keys(details).length !== 1) return refusal;
  return { ...refusal, details: load(details.blob) ?? null };
}
