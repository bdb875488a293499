/** The use cases behind REST, CLI, availability and drills, and the views that they answer. */
import type { Digest, Json, KubeObject, ObjectRef, Outcome, Problem, Refusal } from '../base/index.ts';
import type { ClusterRecord } from '../hub-agent/types.ts';
import type { WhatIf } from '../placement/index.ts';
import type { LocationChange, PlacementReason, Plan, StackRef, TransactionKind } from '../plan/index.ts';
import type { DriftChange, StreamRequest } from '../protocol/index.ts';

/** A stack definition with the files that it names, as REST and CLI send it. Paths are relative to the stack file's folder. */
export interface StackSource {
  /** For messages, such as `examples/shop/stack.yaml`. */
  readonly path: string;
  readonly stack: string;
  readonly files: { readonly [path: string]: string };
}

export interface ApplyOptions {
  readonly actor: string;
  readonly reason: string | null;
  readonly ifBusy: 'wait' | 'fail' | 'replace';
  /** Refused `planChanged` when the plan made now has another digest than the one that was shown. */
  readonly expectPlan?: Digest;
}

export type PlanResult =
  | { readonly kind: 'planned'; readonly plan: Plan; readonly text: string; readonly mermaid: string }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      readonly reasons: readonly PlacementReason[];
    };

export interface StackSummary {
  readonly project: string;
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  /** The committed revision; 0 when none is. */
  readonly revision: number;
  readonly state: 'available' | 'degraded' | 'down' | 'retired' | 'new';
  readonly functions: readonly FunctionView[];
  readonly databases: readonly { readonly name: string; readonly driver: string }[];
  /** An unfinished transaction on it. */
  readonly transaction: string | null;
  readonly updatedAt: string;
}

/** Where a function is served now. */
export interface FunctionView {
  readonly project: string;
  readonly stack: string;
  readonly function: string;
  readonly min: number;
  readonly max: number | 'all';
  /** How many locations are healthy now. */
  readonly healthy: number;
  readonly locations: readonly LocationView[];
}

export interface LocationView {
  readonly cluster: string;
  readonly region: string | null;
  readonly revision: number;
  readonly bundle: Digest;
  /** Of the agent's last observation; `unknown` when the cluster is silent. */
  readonly status: 'current' | 'inProgress' | 'failed' | 'terminating' | 'notFound' | 'unknown';
  readonly message: string;
  /** The cause in one line, such as `CrashLoopBackOff: exit code 1 (3 restarts)`; absent when none is known. */
  readonly reason?: string;
  readonly replicas: number | null;
  /** kubernetes Reason trees, when it is not well. */
  readonly reasons: readonly Json[];
}

export interface RevisionView {
  readonly revision: number;
  readonly digest: Digest;
  readonly createdAt: string;
  readonly actor: string;
  readonly transaction: string;
  readonly state: 'committed' | 'superseded' | 'rolledBack' | 'pending';
}

export interface ObjectDiff {
  readonly location: string;
  readonly ref: ObjectRef;
  readonly change: 'create' | 'update' | 'delete' | 'none' | 'refused';
  readonly before: KubeObject | null;
  readonly after: KubeObject | null;
  readonly message?: string;
}

export type WhatIfView = WhatIf;

/** Why the hub itself moves something: kept in the transaction. */
export interface MoveEvidence {
  readonly cause: 'clusterLost' | 'drain' | 'belowMinimum' | 'returned' | 'owed' | 'joined';
  readonly clusters: readonly string[];
  readonly detail: Json;
}

export interface Stacks {
  validate(source: StackSource): { readonly problems: readonly Problem[] };
  /** Refused, too, when an agent says that it (or the stack's ServiceAccount) may not do it. */
  plan(source: StackSource): Promise<PlanResult>;
  apply(source: StackSource, options: ApplyOptions): Promise<ApplyResult>;
  rollback(stack: StackRef, toRevision: number | 'previous', options: ApplyOptions): Promise<ApplyResult>;
  retire(stack: StackRef, options: ApplyOptions): Promise<ApplyResult>;
  planRollback(stack: StackRef, toRevision: number | 'previous'): Promise<PlanResult>;
  planRetire(stack: StackRef): Promise<PlanResult>;
  /**
   * Moves what the lost (or draining) clusters served; refused when no better placement exists, with what is missing.
   * `avoid`: clusters that take nothing more now (their budget of moves is used up); what runs there stays.
   */
  reschedule(
    stack: StackRef,
    away: readonly string[],
    evidence: MoveEvidence,
    options?: { readonly avoid?: readonly string[] },
  ): Promise<ApplyResult>;
  /** What is owed on a cluster that has returned, and stale copies on it: one transaction per stack (of `only`, when given). */
  settle(cluster: string, evidence: MoveEvidence, only?: readonly StackRef[]): Promise<readonly ApplyResult[]>;
  diff(source: StackSource): Promise<Outcome<readonly ObjectDiff[]>>;
  list(filter: { project?: string; after?: string; limit?: number }): {
    readonly items: readonly StackSummary[];
    readonly next: string | null;
  };
  get(stack: StackRef): StackSummary | undefined;
  /** The committed definition as it was sent (before the first commit: the newest one), and what placement said when it last placed it. */
  describe(stack: StackRef):
    | {
        readonly summary: StackSummary;
        readonly source: string;
        readonly reasons: readonly PlacementReason[];
        readonly changes: readonly LocationChange[];
      }
    | undefined;
  revisions(stack: StackRef): readonly RevisionView[];
  functions(filter: { project?: string; stack?: string }): readonly FunctionView[];
  whatIf(lose: { readonly [label: string]: string }): WhatIfView;
  /** What is wanted there goes over to the new name, untouched; refused while work is under way or owed there, and when a stack chooses by the name. */
  renameCluster(name: string, to: string, actor: string, reason: string | null): Promise<Outcome<ClusterRecord>>;
  /** What a cluster holds, wanted or owed, for drain, removal and return. */
  onCluster(cluster: string): readonly OnCluster[];
  /** What is due on a cluster, oldest first: what transactions owe there, and stale copies that are to go. */
  dueOn(cluster: string): readonly DueWork[];
}

export interface DueWork {
  readonly stack: StackRef;
  readonly location: string;
  /** `remove`: a copy that was moved away from there. */
  readonly kind: 'undo' | 'prune' | 'apply' | 'remove';
  /** Which transaction has left it. */
  readonly transaction: string;
  readonly since: string;
}

export interface OnCluster {
  readonly stack: StackRef;
  readonly location: string;
  readonly wanted: boolean;
  readonly owed: boolean;
  /** What a removal has left there for a person to delete: it holds data, or is not the stack's. Absent when nothing is. */
  readonly kept?: readonly { readonly ref: ObjectRef; readonly why: string }[];
  /** What its agent has said that it holds, to a hub that was restored and only watches. */
  readonly held?: { readonly revision: number; readonly bundle: Digest };
}

/** What availability knows of a cluster; joined in main. One that it does not know yet is `joining` and `open`. */
export interface ClusterCondition {
  readonly health: 'joining' | 'ready' | 'suspect' | 'lost' | 'returning';
  readonly intent: 'open' | 'cordoned' | 'draining' | 'removing';
}

/** What availability asks of the stacks, beside its own knowledge of the clusters. */
export interface Moves extends Pick<Stacks, 'reschedule' | 'settle' | 'onCluster' | 'dueOn'> {
  /** Clusters on which an undo, a removal or a stale copy is due, sorted. */
  owing(): readonly string[];
  /** Clusters on which something is wanted, sorted, whether they are still there or not. */
  serving(): readonly string[];
  /** Stacks with a function that wants every matching cluster (`max: all`): a reschedule away from none adds what is missing. */
  everywhere(): readonly StackRef[];
}

export type ApplyResult =
  | { readonly kind: 'submitted'; readonly transaction: string; readonly transactionKind: TransactionKind }
  | { readonly kind: 'nothing'; readonly message: string }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface InsightFilter {
  /** Absent: all of them. */
  readonly function?: string | undefined;
  readonly cluster?: string | undefined;
}

/** Why one location is not well, as its agent says it now. */
export interface LocationReasons extends Pick<LocationView, 'cluster' | 'region' | 'status' | 'message' | 'reasons'> {
  readonly function: string;
  readonly reason: string | null;
  /** When the hub asked, RFC 3339. */
  readonly at: string;
  /** Why the agent could not be asked; then the rest is its last word. */
  readonly problem: string | null;
}

/** One object of a stack that was other than it should be, as the journal has it. */
export interface DriftView {
  readonly cluster: string;
  /** `project/stack/function@cluster` */
  readonly location: string;
  /** When its agent saw it, and when it was journaled, RFC 3339. */
  readonly at: string;
  readonly journaledAt: string;
  readonly repaired: boolean;
  readonly message: string;
  /** Field by field, with whose hand it was; absent: it was deleted, or its deletion hangs. */
  readonly changes?: readonly DriftChange[];
  readonly changesLeftOut?: number;
  /** Repairs in a row: above a few somebody else writes the same fields, and repairs slow down. */
  readonly repairs?: number;
  /** Earlier drifts that the agent could not keep for a hub that was away. */
  readonly leftOut?: number;
}

/** What is asked of each cluster. */
export type StreamQuery = DistributiveOmit<StreamRequest, 'stack' | 'names'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** One item of a stream over several clusters. */
export type Told =
  | {
      readonly kind: 'line';
      readonly cluster: string;
      readonly function: string;
      readonly pod: string;
      readonly container: string;
      readonly at: string;
      readonly line: string;
    }
  | {
      readonly kind: 'event';
      readonly cluster: string;
      readonly function: string;
      readonly ref: ObjectRef;
      readonly at: string;
      readonly since?: string | undefined;
      readonly type: string;
      readonly reason: string;
      readonly message: string;
      readonly count: number;
    }
  | { readonly kind: 'note'; readonly cluster: string; readonly function: string; readonly message: string }
  /** The last of each cluster; `problem`: why it is not all. */
  | { readonly kind: 'end'; readonly cluster: string; readonly problem?: Refusal };

export interface ClusterStream {
  readonly cluster: string;
  follow(signal: AbortSignal): AsyncGenerator<readonly Told[], void>;
}

/** What the clusters of a stack say, asked for on demand. Refused: unknown stack or function, or it is on no such cluster. */
export interface Insight {
  reasons(stack: StackRef, filter: InsightFilter): Promise<Outcome<readonly LocationReasons[]>>;
  stream(stack: StackRef, filter: InsightFilter, query: StreamQuery): Outcome<readonly ClusterStream[]>;
  /** The last drifts of each cluster, newest first. */
  drifts(stack: StackRef, filter: InsightFilter): Outcome<readonly DriftView[]>;
}
