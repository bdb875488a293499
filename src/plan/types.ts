/** What a plan is: data, shown before it runs and stored as it runs. */
import type { Digest, HealthRule, Json, KubeObject, ObjectRef } from '../base/index.ts';

export type TransactionKind =
  | 'deploy'
  | 'rollback'
  | 'reschedule'
  | 'switchover'
  | 'failover'
  | 'failback'
  | 'scale'
  | 'retire'
  | 'migrate'
  | 'drill'
  | 'settle';

export interface StackRef {
  readonly project: string;
  readonly name: string;
}

/** One function or database member of a stack on one cluster. As text: `default/shop/checkout@eu-1`. */
export interface Location {
  readonly stack: StackRef;
  readonly kind: 'function' | 'member';
  /** The function's or the database's name. */
  readonly name: string;
  readonly cluster: string;
}

/** `project/stack/name@cluster`: sorts by stack; the name of its lock. */
export type LocationId = string;

/** Rendered manifests of one location. Its digest is the digest of this whole value; Secret values are cut out. */
export interface Bundle {
  readonly v: 1;
  readonly location: Location;
  readonly revision: number;
  /** `ldc.<project>.<stack>` */
  readonly fieldManager: string;
  readonly conflicts: 'refuse' | 'take';
  /** As whom the agent acts for this location; absent: as itself. */
  readonly serviceAccount?: ServiceAccountRef;
  readonly drift: { readonly mode: 'repair' | 'report' | 'ignore'; readonly ignore: readonly string[] };
  /** In the order of applying (kinds that others need come first). */
  readonly objects: readonly KubeObject[];
  readonly health?: HttpHealth;
  /** How the user says that objects are ready; absent: by ldc's own rules alone. */
  readonly healthRules?: readonly HealthRule[];
}

/** A ServiceAccount of every cluster that the stack is on. */
export interface ServiceAccountRef {
  readonly namespace: string;
  readonly name: string;
}

/** A GET through the Service that must answer 2xx, beside readiness of every object. */
export interface HttpHealth {
  readonly service: string;
  readonly port: number | string;
  readonly path: string;
}

/** compensatable: can be undone; pivot: point of no return; retriable: after the pivot or the decision, forward only. */
export type StepKind = 'compensatable' | 'pivot' | 'retriable';

/** In which state of the transaction a step runs. */
export type StepPhase = 'preparing' | 'running' | 'verifying' | 'decided';

/** One node of the DAG. `id` is stable and readable, such as `apply:checkout@eu-1`. */
export interface Step {
  readonly id: string;
  readonly phase: StepPhase;
  readonly kind: StepKind;
  /** Steps that must have succeeded (or been dropped) before this one starts. */
  readonly after: readonly string[];
  /** From 0; absent outside the waves. */
  readonly wave?: number;
  /** One try; the step is tried again (same command id) after `unknown` and `retry`, up to limits.stepAttemptsMax. */
  readonly timeoutMs: number;
  readonly work: StepWork;
}

/**
 * What a step does, by the name of its action (saga/actions holds each one's commands for do and undo).
 * Undo is fixed by the action: ensure → delete what it created; apply → restore the pre-images; reserve → release.
 */
export type StepWork =
  /** Reads the pre-images of all that the bundle (and the one before it) touches. */
  | {
      readonly action: 'snapshot';
      readonly location: Location;
      readonly bundle: Digest | null;
      readonly previous: Digest | null;
    }
  /** Creates what others need to exist: a missing namespace, CRDs (waits for Established). */
  | {
      readonly action: 'ensure';
      readonly cluster: string;
      readonly stack: StackRef;
      readonly serviceAccount?: ServiceAccountRef;
      readonly objects: readonly KubeObject[];
    }
  /** Server-side dry run; `pending`: objects that this plan creates later, whose absence is no refusal. */
  | {
      readonly action: 'dryRun';
      readonly location: Location;
      readonly bundle: Digest;
      readonly pending: readonly ObjectRef[];
    }
  | {
      readonly action: 'reserve';
      readonly location: Location;
      readonly cpuMilli: number;
      readonly memoryBytes: number;
      readonly pods: number;
    }
  | {
      readonly action: 'apply';
      readonly location: Location;
      readonly revision: number;
      readonly bundle: Digest;
      readonly previous: LocationRevision | null;
    }
  /**
   * Readiness of every object, then the HTTP health, until `deadlineMs` after its start. `minReadyMs`: no container of the
   * location may end for so long; absent: readiness is taken as it is told.
   */
  | {
      readonly action: 'gate';
      readonly location: Location;
      readonly bundle: Digest;
      readonly deadlineMs: number;
      readonly minReadyMs?: number;
    }
  | { readonly action: 'soak'; readonly durationMs: number }
  | { readonly action: 'readBack'; readonly location: Location; readonly bundle: Digest }
  /** Deletes objects that the new revision no longer has. */
  | {
      readonly action: 'prune';
      readonly location: Location;
      readonly objects: readonly ObjectRef[];
      readonly bundle: Digest;
    }
  /** Deletes a whole location that the placement no longer has; stateful objects are held for a person. */
  | { readonly action: 'remove'; readonly location: Location; readonly previous: LocationRevision }
  /** Settles an owed undo on a cluster that has returned: restores what that transaction's pre-images say. */
  | {
      readonly action: 'settleUndo';
      readonly location: Location;
      readonly transaction: string;
      readonly step: string;
      readonly preImages: Digest;
      readonly bundle: Digest;
      readonly previous: LocationRevision | null;
    }
  /** After a settleUndo: reads back and compares with that transaction's pre-images. A difference is a refusal, so it ends stuck. */
  | {
      readonly action: 'settleVerify';
      readonly location: Location;
      readonly transaction: string;
      readonly step: string;
      readonly preImages: Digest;
      readonly bundle: Digest;
    }
  /** Brings what is wanted (decided while the cluster was away) to it; a snapshot step comes before. */
  | {
      readonly action: 'settleApply';
      readonly location: Location;
      readonly transaction: string;
      readonly step: string;
      readonly revision: number;
      readonly bundle: Digest;
    }
  /** Asks an ensure that was never answered once more, under its own command id: its answer says what it had created. */
  | {
      readonly action: 'recallEnsure';
      readonly cluster: string;
      readonly stack: StackRef;
      readonly serviceAccount?: ServiceAccountRef;
      readonly command: string;
      readonly objects: readonly KubeObject[];
    }
  /** Settles the owed undo of an ensure: deletes by uid what that one had created. */
  | {
      readonly action: 'settleEnsure';
      readonly cluster: string;
      readonly stack: StackRef;
      readonly serviceAccount?: ServiceAccountRef;
      readonly transaction: string;
      readonly step: string;
      readonly created: Ensured;
    };

export type CreatedObject = ObjectRef & { readonly uid: string };

/** What an ensure had created: known, or what the recallEnsure step `by` has answered. */
export type Ensured =
  | { readonly kind: 'known'; readonly objects: readonly CreatedObject[] }
  | { readonly kind: 'recalled'; readonly by: string };

export interface LocationRevision {
  readonly revision: number;
  readonly bundle: Digest;
}

/** What changes on one location, for people. */
export interface LocationChange {
  readonly location: LocationId;
  readonly change: 'add' | 'update' | 'remove' | 'none';
  /** Empty when nothing changes there. */
  readonly objects: readonly {
    readonly ref: ObjectRef;
    readonly change: 'create' | 'update' | 'delete' | 'none';
    /** Such as `.spec.template.spec.containers[0].image`; at most 20. */
    readonly fields: readonly string[];
  }[];
}

/** Why a cluster was taken or refused for a function. */
export interface PlacementReason {
  readonly function: string;
  readonly cluster: string;
  readonly taken: boolean;
  readonly reason: string;
  readonly score?: number;
}

export interface TakenVersion {
  /** `example.org/Gadget shop/main` */
  readonly object: string;
  readonly apiVersion: string;
  readonly clusters: readonly string[];
}

export interface Rollout {
  readonly soakMs: number;
  /** How long containers without a probe must run before they count as ready; absent in plans from before it: 0. */
  readonly minReadyMs?: number;
  readonly deadlineMs: number;
  readonly approval: 'none' | 'required';
  readonly onFailure: 'rollback' | 'pause';
  readonly onLostCluster: 'replace' | 'undo' | 'owe';
}

/** The DAG that leads from what is to what should be. `digest` covers all but itself. */
export interface Plan {
  readonly v: 1;
  readonly digest: Digest;
  readonly kind: TransactionKind;
  readonly stack: StackRef;
  /** Beside whom it takes its turns (the stack's label ldc.dev/tenant); absent: its project. */
  readonly tenant?: string;
  /** The revision that will be committed; 0 for retire and settle. */
  readonly revision: number;
  /** The committed revision that this plan starts from; 0 if none. The plan is stale when it is another by then. */
  readonly baseRevision: number;
  /** As whom agents act for the stack; absent: as themselves. */
  readonly serviceAccount?: ServiceAccountRef;
  readonly steps: readonly Step[];
  /** Sorted; taken in this order. */
  readonly locks: readonly LocationId[];
  /** What is to be served where once committed: the stack's locations after this transaction. */
  readonly locations: readonly { readonly location: Location; readonly revision: number; readonly bundle: Digest }[];
  readonly changes: readonly LocationChange[];
  readonly reasons: readonly PlacementReason[];
  /** Of objects that are given in several versions, the one that each cluster takes, as far as it has said what it serves. */
  readonly versions?: readonly TakenVersion[];
  readonly rollout: Rollout;
  /** Minimum number of healthy locations per function (`availability.locations.min`). */
  readonly minimum: { readonly [functionName: string]: number };
  /** Steps or objects that no undo brings back, by name. */
  readonly irreversible: readonly string[];
  readonly reason?: Json;
}

/** How a running plan goes on without some clusters (onLostCluster: replace | owe). */
export interface PlanAmendment {
  /** Steps that will not run (their undo, if they ran or may have run, is owed). */
  readonly dropped: readonly string[];
  readonly added: readonly Step[];
  readonly locations: Plan['locations'];
  readonly locks: readonly LocationId[];
  /** Clusters whose part is owed. */
  readonly owed: readonly string[];
  readonly explanation: string;
}
