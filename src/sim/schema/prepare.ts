/** What a server sets by itself when it creates an object: after defaults and after ownership was recorded, so nobody owns it. */
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import { type Draft, each, fill, made, under } from './defaults/draft.ts';

/** The selector of a job, made from its uid, and the labels that its pods get for it. */
function job(object: Draft): void {
  const spec = made(object, 'spec');
  const { uid, name } = made(object, 'metadata') as { uid?: string; name?: string };
  if (spec.manualSelector === true || uid === undefined || name === undefined) return;
  const labels = made(made(made(spec, 'template'), 'metadata'), 'labels');
  Object.assign(labels, {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  });
  fill(made(made(spec, 'selector'), 'matchLabels'), { 'batch.kubernetes.io/controller-uid': uid });
}

function namespace(object: Draft): void {
  fill(made(object, 'spec'), { finalizers: ['kubernetes'] });
}

const COMPUTE = ['cpu', 'memory'];

/** The quality of service class, from what the containers ask for and may use. */
function qosClass(spec: Draft | undefined): string {
  const containers = [...each(spec, 'initContainers'), ...each(spec, 'containers')];
  const amounts = (container: Draft, kind: string) => under(container, 'resources', kind) ?? {};
  const asks = (container: Draft) =>
    COMPUTE.some(
      (name) => amounts(container, 'limits')[name] !== undefined || amounts(container, 'requests')[name] !== undefined,
    );
  if (!containers.some(asks)) return 'BestEffort';
  const isFixed = (container: Draft) =>
    COMPUTE.every((name) => {
      const limit = amounts(container, 'limits')[name];
      return limit !== undefined && (amounts(container, 'requests')[name] ?? limit) === limit;
    });
  return containers.every(isFixed) ? 'Guaranteed' : 'Burstable';
}

function pod(object: Draft): void {
  object.status = { phase: 'Pending', qosClass: qosClass(under(object, 'spec')) };
}

const PREPARERS: { readonly [groupKind: string]: (object: Draft) => void } = {
  'batch/Job': job,
  '/Namespace': namespace,
  '/Pod': pod,
};

/** The object to be stored on creation; its uid is set. Unchanged for kinds about which there is nothing to do. */
export function prepareForCreate(object: KubeObject, resource: ResourceInfo): KubeObject {
  const prepare = PREPARERS[`${resource.group}/${resource.kind}`];
  if (prepare === undefined) return object;
  const draft = structuredClone(object as JsonObject) as { [key: string]: Json | undefined };
  prepare(draft);
  return draft as unknown as KubeObject;
}
