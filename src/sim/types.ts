/** What the rooms of the simulator share. One embedded cluster = one object store + one API server + controllers + a kubelet. */
import type { Cancel, Json, JsonObject, KubeObject, ObjectRef } from '../base/index.ts';

/** One kind that a server serves, built in or from a CRD. */
export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  /** Lower-case plural, as in the path. */
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly (
    | 'status'
    | 'scale'
    | 'log'
    | 'eviction'
    | 'binding'
    | 'token'
    | 'approval'
    | 'finalize'
  )[];
  /** Absent: no schema known (a list is then atomic, no strict decoding). */
  readonly schema?: TypeSchema;
  readonly storageVersion: boolean;
}

/**
 * The schema of one type, resolved enough to walk: OpenAPI v3 with Kubernetes' list and map annotations.
 * Built-in ones come from the reduced published documents (`schema/data/`), custom ones from their CRD.
 */
export interface TypeSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly properties?: { readonly [name: string]: TypeSchema };
  readonly additionalProperties?: TypeSchema | boolean;
  readonly items?: TypeSchema;
  /** Read through `resolve()` (schema/): definitions may be recursive (JSONSchemaProps). */
  readonly ref?: string;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'granular' | 'atomic';
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly default?: Json;
  readonly preserveUnknownFields?: boolean;
  readonly intOrString?: boolean;
  readonly embeddedResource?: boolean;
  /** How the server's own type sends this property; absent (and for custom resources): as stored. */
  readonly wire?: WireRule;
  readonly nullable?: boolean;
  /** The rest of the OpenAPI keywords (enum, pattern, minimum, x-kubernetes-validations, …) as published. */
  readonly keywords?: JsonObject;
}

/**
 * When a built-in field is sent: never its zero value (`omitZero`), never an empty list or map (`omitEmpty`),
 * or always, with this zero value when nothing was given.
 */
export type WireRule =
  | { readonly kind: 'omitZero' }
  | { readonly kind: 'omitEmpty' }
  | { readonly kind: 'always'; readonly zero: Json };

/** What a REST call on the server answers, also in process. `status` ≥ 400: `body` is a Status object. */
export interface ApiResult {
  readonly status: number;
  readonly body: Json;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';
export interface Change {
  readonly type: ChangeType;
  readonly object: KubeObject;
  /** The object before; absent for ADDED. */
  readonly before?: KubeObject;
}

/** `deployments.apps`, `pods`, `widgets.example.com`: plural and group. */
export type ResourceName = string;

/**
 * The in-process door to one embedded API server, for its controllers: the rules of REST (defaults, validation, optimistic
 * locking, generation, managedFields under the given manager, finalizers, owner references) without HTTP.
 * Objects handed out are frozen or never mutated: treat them as immutable.
 */
export interface ApiDoor {
  get(resource: ResourceName, namespace: string | undefined, name: string): KubeObject | undefined;
  list(
    resource: ResourceName,
    options?: { namespace?: string; labels?: { readonly [key: string]: string } },
  ): readonly KubeObject[];
  create(resource: ResourceName, object: KubeObject, manager: string): ApiResult;
  /** A resourceVersion in the object makes it conditional (409). */
  update(resource: ResourceName, object: KubeObject, manager: string, subresource?: 'status'): ApiResult;
  delete(resource: ResourceName, namespace: string | undefined, name: string, options?: DeleteOptions): ApiResult;
  /** Called after each commit, in order, never re-entrantly; starts with ADDED for what is there. */
  onChange(resource: ResourceName, listener: (change: Change) => void): Cancel;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

/** One field that another manager owns, as a real server's 409 names it. */
export interface ApplyConflict {
  readonly manager: string;
  /** `.spec.template.spec.containers[name="c"].image` */
  readonly field: string;
  /** The manager's operation details as the server words them, such as ` using apps/v1` or ` with subresource "scale"`; see golden 053. */
  readonly details: string;
}

export type ApplyResult =
  | { readonly kind: 'merged'; readonly object: KubeObject }
  | { readonly kind: 'conflict'; readonly conflicts: readonly ApplyConflict[] }
  | { readonly kind: 'invalid'; readonly status: number; readonly reason?: string; readonly message: string };

/** One cause of a 422: `details.causes[]` of a Status. */
export interface FieldError {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

export type { ObjectRef };
