/** `pods/log`: from the kubelet of the pod's node, passed through as it comes. */
import type { KubeObject } from '../../base/index.ts';
import { part } from './cluster.ts';
import { ApiError, badRequest } from './status.ts';
import { fields } from './strategy.ts';

export interface LogQuery {
  readonly namespace: string;
  readonly pod: string;
  readonly node: string;
  readonly container: string;
  /** As the client sent it: follow, tailLines, previous, sinceSeconds, timestamps, limitBytes. */
  readonly query: URLSearchParams;
}

/** A kubelet's refusal in its own words, such as of a container that has not run before. */
export interface LogRefusal {
  readonly refused: string;
}

/** Where logs come from: chunks as they appear; undefined when the node has no kubelet that serves any. */
export type LogSource = (
  query: LogQuery,
  signal: AbortSignal,
) => Promise<AsyncIterable<Uint8Array> | LogRefusal | undefined>;

/**
 * The query to the kubelet for a request, or the answer when none can be asked.
 * @throws ApiError 400 for a container that is not there or not started, 405 without a kubelet.
 */
export function logQuery(pod: KubeObject, query: URLSearchParams): LogQuery {
  const spec = part(pod, 'spec');
  const { name, namespace = '' } = pod.metadata;
  const containers = [...names(spec.containers), ...names(spec.initContainers)];
  const asked = query.get('container') ?? '';
  const container = asked === '' ? onlyOf(pod, names(spec.containers)) : asked;
  if (!containers.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  if (typeof spec.nodeName !== 'string' || spec.nodeName === '') {
    throw badRequest(`pod ${name} does not have a host assigned`);
  }
  checkStarted(pod, container);
  return { namespace, pod: name, node: spec.nodeName, container, query };
}

function names(containers: unknown): readonly string[] {
  return Array.isArray(containers) ? containers.map((container) => String(fields(container).name)) : [];
}

function onlyOf(pod: KubeObject, containers: readonly string[]): string {
  const [first, ...others] = containers;
  if (first !== undefined && others.length === 0) return first;
  const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preferred !== undefined && containers.includes(preferred)) return preferred;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${containers.join(' ')}]`,
  );
}

function checkStarted(pod: KubeObject, container: string): void {
  const status = part(pod, 'status');
  const all = [status.containerStatuses, status.initContainerStatuses].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  const own = all.map(fields).find((one) => one.name === container);
  const waiting = fields(fields(own?.state).waiting);
  const hasRun =
    own !== undefined &&
    (Object.keys(fields(fields(own.lastState).terminated)).length > 0 || Object.keys(waiting).length === 0);
  if (own === undefined || hasRun) return;
  const reason = String(waiting.reason ?? 'ContainerCreating');
  const why =
    reason === 'ImagePullBackOff' || reason === 'ErrImagePull'
      ? 'trying and failing to pull image'
      : `waiting to start: ${reason}`;
  throw badRequest(`container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)} is ${why}`);
}

/** What a real server says when nobody answers at the node's address. */
export function noKubelet(pod: string): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    `the server does not allow this method on the requested resource ( pods/log ${pod})`,
    {
      name: pod,
      kind: 'pods/log',
    },
  );
}
