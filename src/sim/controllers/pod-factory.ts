import type { Json, KubeObject } from '../../base/index.ts';
import { controllerReference, type PodTemplate } from '../kinds/index.ts';
import { type Context, isAwaited, MANAGER, nameSuffix, record, remove, written } from './controller.ts';

export interface NewPod {
  readonly owner: KubeObject;
  readonly template: PodTemplate;
  /** Default: a generated one, `<owner>-<5 characters>`. */
  readonly name?: string;
  readonly labels?: { readonly [key: string]: string };
  readonly annotations?: { readonly [key: string]: string };
  /** Laid over the template's spec. */
  readonly spec?: { readonly [field: string]: Json | undefined };
}

/** Makes a pod from a workload's template and records it. @throws ApiFailure after a FailedCreate event. */
export function createPod(context: Context, component: string, { owner, template, ...wanted }: NewPod): KubeObject {
  const prefix = `${owner.metadata.name}-`;
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(wanted.name === undefined ? { generateName: prefix } : {}),
      name: wanted.name ?? `${prefix.slice(0, 58)}${nameSuffix(context.random)}`,
      namespace: owner.metadata.namespace ?? '',
      labels: { ...labels, ...wanted.labels },
      ...(annotations || wanted.annotations ? { annotations: { ...annotations, ...wanted.annotations } } : {}),
      ...(finalizers === undefined ? {} : { finalizers: finalizers as string[] }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: { ...template.spec, ...wanted.spec },
  };
  try {
    const created = written(context.door.create('pods', pod as KubeObject, MANAGER));
    const message = said(owner, 'create', created.metadata.name);
    record(context, component, { about: owner, type: 'Normal', reason: 'SuccessfulCreate', message });
    return created;
  } catch (error) {
    if (isAwaited(error)) throw error;
    const message = failed(owner, pod.metadata.name, error instanceof Error ? error.message : String(error));
    record(context, component, { about: owner, type: 'Warning', reason: 'FailedCreate', message });
    throw error;
  }
}

export function deletePod(context: Context, component: string, owner: KubeObject, pod: KubeObject): void {
  remove(context, 'pods', pod);
  const message = said(owner, 'delete', pod.metadata.name);
  record(context, component, { about: owner, type: 'Normal', reason: 'SuccessfulDelete', message });
}

/** The words differ by kind, and people search for them. */
function said(owner: KubeObject, verb: 'create' | 'delete', pod: string): string {
  if (owner.kind === 'StatefulSet') return `${verb} Pod ${pod} in StatefulSet ${owner.metadata.name} successful`;
  return `${verb === 'create' ? 'Created' : 'Deleted'} pod: ${pod}`;
}

function failed(owner: KubeObject, pod: string, why: string): string {
  if (owner.kind !== 'StatefulSet') return `Error creating: ${why}`;
  return `create Pod ${pod} in StatefulSet ${owner.metadata.name} failed error: ${why}`;
}
