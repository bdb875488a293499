import { digestOf, isObject, type JsonObject, type KubeObject } from '../base/index.ts';
import { applyOverrides, groupKind, isScalable, type ResolvedFunction, type ResolvedStack } from '../ldc/index.ts';
import type { PlacedLocation } from '../placement/index.ts';
import kinds from './kinds.json' with { type: 'json' };
import type { Bundle, HttpHealth, Location, ServiceAccountRef, StackRef } from './types.ts';

export interface BundleRequest {
  readonly stack: ResolvedStack;
  readonly part: ResolvedFunction;
  readonly placed: Pick<PlacedLocation, 'cluster' | 'replicas'>;
  readonly clusterLabels: { readonly [key: string]: string };
  readonly revision: number;
  /** Takes the values out of Secrets (base `cutSecret`); runs after overrides, which may have put some in. */
  readonly cut?: (object: KubeObject) => KubeObject;
}

/** Renders the manifests of one location: replicas, overrides of its cluster, names of Jobs, ldc's labels, order of applying. */
export function renderBundle(request: BundleRequest): Bundle {
  const { stack, part, placed, revision, cut = (object: KubeObject) => object } = request;
  const { spec } = part;
  const sized =
    placed.replicas === null ? part.objects : part.objects.map((each) => withReplicas(each, placed.replicas));
  const objects = applyOverrides(sized, spec.overrides, request.clusterLabels)
    .map((object) => withJobName(cut(object)))
    .map((object) => labelled(object, stack, part.name, revision));
  const http = httpHealth(part);
  const account = serviceAccountOf(stack);
  return {
    v: 1,
    location: locationOf(stack, part.name, placed.cluster),
    revision,
    fieldManager: fieldManager(stack),
    conflicts: spec.conflicts,
    ...(account === undefined ? {} : { serviceAccount: account }),
    drift: { mode: spec.drift.mode, ignore: spec.drift.leaveAlone },
    objects: inOrder(objects),
    ...(http === undefined ? {} : { health: http }),
    ...(spec.health.cel === undefined ? {} : { healthRules: spec.health.cel }),
  };
}

export function fieldManager(stack: StackRef): string {
  return `ldc.${stack.project}.${stack.name}`;
}

/** As whom agents act for the stack; undefined: as themselves. */
export function serviceAccountOf({ namespace, stack }: ResolvedStack): ServiceAccountRef | undefined {
  const { serviceAccount: name } = stack.spec;
  return name === undefined ? undefined : { namespace, name };
}

function locationOf(stack: StackRef, name: string, cluster: string): Location {
  return { stack: { project: stack.project, name: stack.name }, kind: 'function', name, cluster };
}

function httpHealth(part: ResolvedFunction): HttpHealth | undefined {
  const http = part.spec.health.http;
  return http === undefined ? undefined : { service: http.service, port: http.port, path: http.path };
}

function withReplicas(object: KubeObject, replicas: number | null): KubeObject {
  if (!isScalable(object)) return object;
  const spec: JsonObject = isObject(object.spec) ? object.spec : {};
  return { ...object, spec: { ...spec, replicas } };
}

const JOB_NAME_MAX = 63;

/** A Job's template never changes: a changed one is another Job, so its name carries the digest of what it is. */
function withJobName(object: KubeObject): KubeObject {
  if (groupKind(object) !== 'batch/Job') return object;
  const suffix = digestOf(object).slice('sha256:'.length, 'sha256:'.length + 8);
  const base = object.metadata.name.slice(0, JOB_NAME_MAX - suffix.length - 1).replace(/[-.]+$/, '');
  return { ...object, metadata: { ...object.metadata, name: `${base}-${suffix}` } };
}

function labelled(object: KubeObject, stack: StackRef, part: string, revision: number): KubeObject {
  const { labels, annotations } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...labels, 'ldc.dev/function': part, 'ldc.dev/project': stack.project, 'ldc.dev/stack': stack.name },
      annotations: { ...annotations, [REVISION]: String(revision) },
    },
  };
}

/** The annotation that says which revision last changed the location. */
export const REVISION = 'ldc.dev/revision';

const ranks = new Map(kinds.order.map((kind, index) => [kind, index]));
const custom = ranks.get('*') ?? 0;

/** What others need comes first; within one kind the order of the manifests stays. */
export function inOrder(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.toSorted((a, b) => rankOf(a) - rankOf(b));
}

function rankOf(object: KubeObject): number {
  return ranks.get(groupKind(object)) ?? custom;
}

const neededToExist = new Set(kinds.neededToExist);

/** Kinds whose absence makes a server refuse others in a dry run. */
export function isNeededToExist(object: KubeObject): boolean {
  return neededToExist.has(groupKind(object));
}

/** Kinds that a transaction creates before all others, and never deletes for want of use. */
export function isGround(object: { readonly apiVersion: string; readonly kind: string }): boolean {
  const kind = groupKind(object);
  return kind === '/Namespace' || kind === 'apiextensions.k8s.io/CustomResourceDefinition';
}
