/** The engine's surface: what a transaction looks like from outside, how it is given work, and the port that re-plans. */
import type { Cancel, Digest, Entry, Json, ObjectRef, Outcome, Refusal } from '../base/index.ts';
import type { Location, Plan, PlanAmendment, StackRef, Step, TransactionKind } from '../plan/index.ts';

export type TransactionId = string;

export type TransactionState =
  | 'queued'
  | 'preparing'
  | 'awaitingApproval'
  | 'running'
  | 'verifying'
  | 'decided'
  | 'committed'
  | 'compensating'
  | 'rolledBack'
  | 'paused'
  | 'stuck';

export type StepStatus =
  | 'pending'
  | 'started'
  | 'succeeded'
  | 'failed'
  | 'undoStarted'
  | 'undone'
  | 'undoFailed'
  | 'skipped'
  | 'dropped'
  | 'owed';

export interface StepView {
  readonly id: string;
  readonly action: string;
  readonly phase: Step['phase'];
  readonly kind: Step['kind'];
  readonly wave?: number;
  readonly cluster?: string;
  readonly location?: string;
  readonly status: StepStatus;
  readonly attempts: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly refusal?: Refusal;
}

/** What must still be undone or removed on a cluster that could not be reached. */
export interface OwedWork {
  readonly cluster: string;
  readonly location: string;
  readonly step: string;
  readonly kind: 'undo' | 'prune' | 'apply';
  readonly since: string;
}

/** Clusters that were lost on the way, and how it went on without them. */
export interface LeftOut {
  readonly clusters: readonly string[];
  readonly explanation: string;
  readonly at: string;
}

/** DESIGN §5 `rollback.verified`. */
export interface RollbackVerified {
  readonly equal: boolean;
  readonly clusters: { readonly [cluster: string]: 'equal' | 'different' | 'owed' };
  readonly differences: readonly Json[];
  /** How many of them are others' doing, and so count as none; absent in what was verified before this was counted. */
  readonly explained?: number;
  readonly kept: readonly Json[];
  readonly digestBefore: Digest;
  readonly digestAfter: Digest;
}

/** Something of a location or cluster that a stuck transaction has left. */
export interface LeftWork {
  readonly cluster?: string;
  readonly location?: string;
  /** Absent: no step failed there, but what was read back differs. */
  readonly step?: string;
  /** Of those that are known: which objects, and why each. */
  readonly objects?: readonly LeftObject[];
  readonly why: string;
}

export interface LeftObject {
  readonly ref: ObjectRef;
  readonly why: string;
}

export interface StuckChoice {
  readonly verb: 'retry' | 'skip' | 'force-close';
  readonly does: string;
  readonly needsReason: boolean;
}

/** Of a stuck one: since when and why, what is left, and what a person may choose. */
export interface StuckView {
  readonly since: string;
  /** Why it cannot go on; the transaction's own cause says why it was undone. */
  readonly why: Refusal;
  readonly left: readonly LeftWork[];
  /** Left, but not named. */
  readonly more: number;
  readonly choices: readonly StuckChoice[];
}

/** One transaction, the same object in CLI, REST and console. Lists carry no steps. */
export interface TransactionView {
  readonly id: TransactionId;
  readonly kind: TransactionKind;
  readonly stack: StackRef;
  readonly revision: number;
  readonly baseRevision: number;
  readonly state: TransactionState;
  /** The state that a paused or stuck one returns to. */
  readonly heldFrom?: TransactionState;
  readonly plan: { readonly digest: Digest; readonly steps: readonly StepView[] };
  readonly waves: { readonly done: number; readonly total: number };
  readonly cause: Refusal | null;
  readonly rollback: { readonly verified: RollbackVerified | null } | null;
  readonly owed: readonly OwedWork[];
  /** While it is stuck; not in lists. */
  readonly stuck?: StuckView;
  /** While it is queued: those before it, in the order of their making; not in lists. */
  readonly waitsFor?: readonly Pick<TransactionView, 'id' | 'kind' | 'stack' | 'state'>[];
  /** Absent: it reached all clusters that it was planned for. */
  readonly leftOut?: readonly LeftOut[];
  readonly forced: boolean;
  /** Who asked for it and why. */
  readonly actor: string;
  readonly reason: Json | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** When the deadline undoes it. */
  readonly deadlineAt: string | null;
  readonly sealed: boolean;
}

export type TransactionSummary = Omit<TransactionView, 'plan' | 'stuck' | 'waitsFor'> & {
  readonly plan: { readonly digest: Digest; readonly steps: number };
};

export interface NewTransaction {
  readonly plan: Plan;
  readonly actor: string;
  readonly reason: Json | null;
  /**
   * When another unfinished transaction holds a lock: queue behind it, be refused (exit 5), or abort it with a full undo first.
   * `replace` waits, too, for what can be undone no more (decided), is being undone already, or is the hub's own (a settle, a
   * reschedule, a failover); it is refused where one is stuck or set aside.
   */
  readonly ifBusy: 'wait' | 'fail' | 'replace';
  /**
   * Whether what the plan was made from has moved since. Asked when the transaction has its place in the queue: from then on
   * the engine notices by itself. A stale one is planned anew (Replan.again) before it starts. Absent: it is not stale.
   */
  readonly isStale?: () => boolean;
}

/** What a person may do to a transaction; refused with the reason in a state where it cannot act. */
export type Operation =
  | { readonly verb: 'approve' | 'pause' | 'resume' | 'abort' | 'retry' }
  | { readonly verb: 'skip' | 'force-close'; readonly reason: string };

export interface Engine {
  /** Resolves once the transaction is durable (it may be queued); refused before it is queued: no transaction exists. */
  submit(request: NewTransaction): Promise<Outcome<TransactionView>>;
  get(id: TransactionId): TransactionView | undefined;
  /** The same without its steps: costs no reading of its chain. */
  summary(id: TransactionId): TransactionSummary | undefined;
  /** Newest first, keyset by id. */
  list(filter: TransactionFilter): { readonly items: readonly TransactionSummary[]; readonly next: string | null };
  plan(id: TransactionId): Plan | undefined;
  events(id: TransactionId, afterSeq?: number, limit?: number): readonly Entry[];
  operate(
    id: TransactionId,
    operation: Operation,
    actor: string,
    reason: string | null,
  ): Promise<Outcome<TransactionView>>;
  /** Called after each durable change of a transaction. */
  onChange(listener: (transaction: TransactionView, entries: readonly Entry[]) => void): Cancel;
  /** Resolves when the transaction is sealed or stuck. */
  finished(id: TransactionId, signal?: AbortSignal): Promise<TransactionView>;
  /** A cluster's health changed: running transactions look at onLostCluster, owed work may go on. */
  clusterChanged(cluster: string, reachable: 'reachable' | 'suspect' | 'lost'): void;
  /** Recovers unfinished transactions and goes on in their journaled direction; refuses to start when an action of one is not registered. */
  start(): Promise<void>;
  /** Stops acting (a crash would do as well); what is in flight is asked again at the next start. */
  stop(): Promise<void>;
}

export interface TransactionFilter {
  readonly stack?: StackRef;
  readonly kind?: TransactionKind;
  readonly state?: TransactionState;
  readonly cluster?: string;
  readonly unfinished?: boolean;
  readonly after?: string;
  readonly limit?: number;
}

/** Implemented in stacks, joined in main: plans are made there, the engine only asks. */
export interface Replan {
  /** The base revision is no longer what the plan started from (it waited in the queue): the same wish, planned anew. */
  again(transaction: TransactionView): Promise<Outcome<Plan>>;
  /** Some clusters are lost in mid-deploy (onLostCluster: replace | owe): how to go on without them. Refused: the transaction is undone. */
  without(transaction: TransactionView, plan: Plan, lost: readonly string[]): Promise<Outcome<PlanAmendment>>;
  /** Reserves capacity on a location's cluster until released; refused `noRoom` with what is missing. The same step id reserves once. */
  reserve(
    key: string,
    location: Location,
    need: { cpuMilli: number; memoryBytes: number; pods: number },
  ): Outcome<null>;
  release(key: string): void;
}

/** Entry types of a transaction's chain; data of each is typed in events.ts. */
export type { Entry };
