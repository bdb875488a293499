import type { Amounts, ResolvedStack } from '../ldc/index.ts';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** What placement may know of one cluster. */
export interface ClusterView {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly taints: readonly Taint[];
  readonly intent: 'open' | 'cordoned' | 'draining' | 'removing';
  readonly health: 'joining' | 'ready' | 'suspect' | 'lost' | 'returning';
  /** What it serves, as apiVersion and kind: `apps/v1/Deployment`, `v1/Service`. */
  readonly apis: readonly string[];
  readonly allocatable: Amounts;
  /** Requests of all pods that run there, ldc's own included. */
  readonly used: Amounts;
  /** Promised to transactions that have not applied yet. */
  readonly reserved: Amounts;
  /** Of one CPU for one hour, in any currency; absent: not known. */
  readonly cost?: number;
  /** Ids of the locations that run there, of every stack. */
  readonly locations: readonly string[];
}

/** The fleet at one moment. Treat as immutable: what is derived from it is kept by identity. */
export interface FleetSnapshot {
  readonly clusters: readonly ClusterView[];
}

/** A function or database member on a cluster. */
export interface PlacedLocation {
  readonly kind: 'function' | 'member';
  /** The function's or database's name. */
  readonly name: string;
  readonly cluster: string;
  /** Pods of its workload there; null: what the manifests say. */
  readonly replicas: number | null;
  /** Of members only. */
  readonly role?: 'primary' | 'standby';
}

/** Where the stack runs now; amounts: what the location takes there today (else its demand is taken for it). */
export interface CurrentLocation extends PlacedLocation {
  readonly amounts?: Amounts;
}

export interface PlaceRequest {
  readonly stack: ResolvedStack;
  readonly snapshot: FleetSnapshot;
  readonly current: readonly CurrentLocation[];
  /**
   * `asNeeded` (default): what runs and still fits stays, and only what is missing is chosen; `freely`: all is chosen
   * anew, where the steady score speaks for what runs.
   */
  readonly move?: 'asNeeded' | 'freely';
  /** Compiles `placement.clusters.cel`; absent: a stack with CEL fits nowhere and is told so. */
  readonly compile?: CompileExpression;
}

/** What is still missing; `text` such as `needs 1 more location: …`. */
export interface Unmet {
  readonly kind: 'locations' | 'survive' | 'replicas';
  /** The function or database. */
  readonly name: string;
  readonly text: string;
}

/** Clusters with the same fate for one function or database. */
export interface ReasonGroup {
  readonly name: string;
  readonly verdict: 'taken' | 'spare' | 'refused';
  /** The filter that refused. */
  readonly filter: string | null;
  readonly clusters: readonly string[];
}

export interface Placement {
  /** Sorted by kind (functions first), name and cluster. */
  readonly locations: readonly PlacedLocation[];
  readonly reasons: readonly ReasonGroup[];
  /** Mean score of the locations, 0 to 100. */
  readonly score: number;
  /** Empty when every objective is met. An empty list of locations is never a success. */
  readonly unmet: readonly Unmet[];
  /** What a person should know though nothing is wrong. */
  readonly notes: readonly string[];
}

/** Why one cluster was taken or refused, in words. */
export interface Explanation {
  readonly function: string;
  readonly cluster: string;
  readonly taken: boolean;
  readonly reason: string;
  readonly score?: number;
}

/** An expression over one cluster: the port to a CEL library. */
export type CompileExpression = (
  text: string,
) =>
  | { readonly kind: 'compiled'; readonly holds: (cluster: ExpressionInput) => boolean | { readonly error: string } }
  | { readonly kind: 'invalid'; readonly message: string };

/** What an expression sees as `cluster`. */
export interface ExpressionInput {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly cost?: number;
}
