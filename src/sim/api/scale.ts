/** `/scale`: the replicas of whatever has some, as autoscaling/v1 Scale. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { applyScale, SCALE, type ScaleRequest, trackScale } from '../apply/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ResourceInfo } from '../types.ts';
import { unapplied, wanted } from './apply-patch.ts';
import type { Call, Cluster } from './cluster.ts';
import { sameObject } from './replacing.ts';
import { replicaPaths, scalePaths } from './scale-path.ts';
import { badRequest, invalid } from './status.ts';
import { fields } from './strategy.ts';

function at(object: KubeObject, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (value, name) => (isObject(value) ? value[name] : undefined),
    object as unknown as Json,
  );
}

export function scaleOf(cluster: Cluster, resource: ResourceInfo, object: KubeObject): JsonObject {
  const paths = scalePaths(cluster, resource);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = at(object, paths.spec);
  const current = at(object, paths.status);
  const selector = paths.selector === undefined ? undefined : selectorText(at(object, paths.selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: typeof replicas === 'number' && replicas !== 0 ? { replicas } : {},
    status: {
      replicas: typeof current === 'number' ? current : 0,
      ...(selector === undefined || selector === '' ? {} : { selector }),
    },
  };
}

/** A selector object as the text that a label selector query takes. */
function selectorText(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (!isObject(value)) return undefined;
  const isStructured = value.matchLabels !== undefined || value.matchExpressions !== undefined;
  const labels = Object.entries(isStructured ? fields(value.matchLabels) : value).map(
    ([key, wanted]) => `${key}=${String(wanted)}`,
  );
  const expressions = (Array.isArray(value.matchExpressions) ? value.matchExpressions : []).map((one) =>
    expressionText(fields(one)),
  );
  return [...labels, ...expressions].sort().join(',');
}

function expressionText({ key, operator, values }: { readonly [field: string]: Json | undefined }): string {
  const list = Array.isArray(values) ? values.map(String).sort().join(',') : '';
  switch (operator) {
    case 'In':
      return `${String(key)} in (${list})`;
    case 'NotIn':
      return `${String(key)} notin (${list})`;
    case 'DoesNotExist':
      return `!${String(key)}`;
    default:
      return String(key);
  }
}

/**
 * The object with the replicas that a Scale asks for, its managedFields as they are afterwards.
 * @throws ApiError 400, 409, 422.
 */
export function rescaled(cluster: Cluster, call: Call, live: KubeObject, scale: JsonObject): KubeObject {
  if (scale.kind !== undefined && scale.kind !== 'Scale')
    throw badRequest(`expected a Scale, got ${String(scale.kind)}`);
  const request = requestOf(cluster, call, live);
  const next = { ...request.scale, ...scale, metadata: { ...request.scale.metadata, ...fields(scale.metadata) } };
  const { managedFields } = trackScale({ ...request, next: next as KubeObject });
  return withReplicas(cluster, call, live, scale, managedFields);
}

/** The same by server-side apply. @throws ApiError 400, 409 (another manager's replicas, or moved), 422, 500. */
export function appliedScale(cluster: Cluster, call: Call, live: KubeObject, body: Json): KubeObject {
  const applied = wanted({ ...call, resource: SCALE, subresource: '' }, body);
  const result = applyScale({ ...requestOf(cluster, call, live), applied, force: call.force });
  if (result.kind !== 'scaled') throw unapplied(result);
  return withReplicas(
    cluster,
    call,
    live,
    { metadata: applied.metadata as unknown as Json, spec: result.scale.spec as Json },
    result.managedFields,
  );
}

function requestOf(cluster: Cluster, call: Call, live: KubeObject): ScaleRequest {
  return {
    live,
    scale: scaleOf(cluster, call.resource, live) as unknown as KubeObject,
    paths: replicaPaths(cluster, call.resource),
    manager: call.manager,
    time: kubeTime(cluster.clock.now()),
  };
}

function withReplicas(
  cluster: Cluster,
  call: Call,
  live: KubeObject,
  scale: JsonObject,
  managedFields: readonly Json[] | undefined,
): KubeObject {
  const { resource, name } = call;
  const replicas = fields(scale.spec).replicas ?? 0;
  if (typeof replicas !== 'number' || replicas < 0 || !Number.isInteger(replicas)) {
    const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      { reason: 'FieldValueInvalid', field: 'spec.replicas', message },
    ]);
  }
  sameObject(cluster, call, live, scale as unknown as KubeObject);
  const { resourceVersion } = fields(scale.metadata);
  const [root = 'spec', ...rest] = scalePaths(cluster, resource).spec;
  const next = setIn(live[root] as Json | undefined, rest, replicas);
  const { resourceVersion: _version, managedFields: _managers, ...own } = live.metadata;
  const version = typeof resourceVersion === 'string' && resourceVersion !== '' ? { resourceVersion } : {};
  const owners = managedFields === undefined ? {} : { managedFields };
  return { ...live, metadata: { ...own, ...version, ...owners }, [root]: next };
}

function setIn(value: Json | undefined, path: readonly string[], leaf: Json): Json {
  const [name, ...rest] = path;
  return name === undefined ? leaf : { ...fields(value), [name]: setIn(fields(value)[name], rest, leaf) };
}
