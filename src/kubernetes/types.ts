import type { Json, KubeObject, ObjectRef } from '../base/index.ts';

/**
 * The port through which everything talks to a Kubernetes API server: raw JSON in, raw JSON out, nothing dropped.
 * The kubeconfig gives it its authentication (`authentication.ts`); tests and the simulation give their own.
 */
export interface Client {
  /** One request. Never throws for what the server or the network does. */
  request(request: ApiRequest): Promise<ApiAnswer>;
  /**
   * One WATCH request until it ends; `onEvent` is called in order, awaited when it answers a promise (backpressure).
   * The caller lists first, passes the resourceVersion in the query, and starts again by the end's kind.
   */
  watch(request: ApiRequest, onEvent: (event: WatchEvent) => void | Promise<void>): Promise<WatchEnd>;
  /** Follows a response of plain text (pod logs) line by line until it ends or the signal is aborted; a promise is awaited (backpressure). */
  lines(request: ApiRequest, onLine: (line: string) => unknown): Promise<ApiAnswer>;
  /** The same server as the bearer of that token, with nothing of our own credentials. Absent: this client cannot. */
  bearing?(token: (fresh: boolean) => Promise<string>): Client;
  /** Ends pooled connections. */
  close(): Promise<void>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiRequest {
  readonly method: Method;
  /** Such as `/apis/apps/v1/namespaces/shop/deployments/checkout`. */
  readonly path: string;
  readonly query?: { readonly [name: string]: string | number | boolean | undefined };
  readonly body?: Json | KubeObject;
  /** Default `application/json`; a PATCH states its own, such as `application/apply-patch+yaml` (the body is JSON all the same). */
  readonly contentType?: string;
  readonly accept?: string;
  /** After this the answer is `unreachable`; default 30,000. A watch has none but the query's timeoutSeconds. */
  readonly timeoutMs?: number;
  /** Sent at once, however many others wait for their turn: a lease would run out behind them. */
  readonly urgent?: true;
  readonly signal?: AbortSignal;
}

export type ApiAnswer =
  | {
      readonly kind: 'answered';
      /** HTTP status; 2xx is success, else `body` is a Status. */
      readonly status: number;
      readonly body: Json;
      /** The server's Audit-Id header: the join key to its own audit log. */
      readonly auditId?: string;
      readonly warnings: readonly string[];
      /** Seconds, from Retry-After (429, 503). */
      readonly retryAfterSeconds?: number;
    }
  /** No answer. `sent`: whether the server may have acted on it (a refused connection: false; a timeout: true). */
  | { readonly kind: 'unreachable'; readonly sent: boolean; readonly reason: string };

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: KubeObject;
}

export type WatchEnd =
  /** The server ended it (timeoutSeconds) or the signal was aborted: watch on from the last resourceVersion. */
  | { readonly kind: 'ended' }
  /** 410: list again. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'failed'; readonly status: number; readonly message: string }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** What a cluster serves for one kind, from discovery. */
export interface KindInfo {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
}

/** Where something stands in becoming what its spec says; a pure function of the object (and its children) alone. */
export type StatusKind = 'current' | 'inProgress' | 'failed' | 'terminating' | 'notFound' | 'unknown';

export interface ObjectStatus {
  readonly status: StatusKind;
  /** With the numbers: `2 of 3 replicas ready`. */
  readonly message: string;
  /** It is `current` for all that can be seen, but nothing ties that to the newest spec: whoever waits looks a little longer. */
  readonly unproven?: true;
}

/** What an object's status depends on beside the object. */
export interface Surroundings {
  /** As far as they may be read. */
  readonly storageClasses?: readonly KubeObject[];
}

/** The reason that a person would dig for: a chain from what was applied down to the container, in the cluster's own words. */
export interface Reason {
  readonly ref: ObjectRef;
  readonly status: ObjectStatus;
  /** Of the first in a chain: where, and when it was read (RFC 3339). */
  readonly cluster?: string;
  readonly at?: string;
  /** Such as `ImagePullBackOff`, `CrashLoopBackOff`, `ProgressDeadlineExceeded`, `FailedScheduling`. */
  readonly reason?: string;
  readonly message?: string;
  /** Containers of a pod that are not well, the telling ones first. */
  readonly containers?: readonly ContainerTrouble[];
  /** So many objects fare like this one, which stands for them; absent: it alone. `others` names some of them. */
  readonly count?: number;
  readonly others?: readonly string[];
  /** Newest first; capped by limits.eventsPerReasonMax. */
  readonly events: readonly ReasonEvent[];
  /** Last log lines of a container that is not well; capped by limits.logLinesMax and logLineBytesMax. */
  readonly logs: readonly { readonly container: string; readonly lines: readonly string[] }[];
  readonly causes: readonly Reason[];
  /** What is not shown here, in words; absent: nothing. */
  readonly leftOut?: string;
}

export interface ReasonEvent {
  /** Seen last. */
  readonly at: string;
  /** Seen first; absent: only then. */
  readonly since?: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

export interface ContainerTrouble {
  readonly container: string;
  readonly reason: string;
  readonly message: string;
  readonly restarts: number;
  /** Of the run that ended last. */
  readonly exitCode?: number;
  /** Whether it ever ran: only then is there a log. */
  readonly ran: boolean;
}
