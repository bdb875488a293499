/** A claim that a pod uses is not taken away under it: `kubernetes.io/pvc-protection`, as kube-controller-manager keeps it. */
import type { KubeObject } from '../../base/index.ts';
import { isTerminating, keyOf, type Pod, splitKey } from '../kinds/index.ts';
import { type Context, MANAGER, queueOf, written } from './controller.ts';
import type { WorkQueue } from './work-queue.ts';

const CLAIMS = 'persistentvolumeclaims';
const FINALIZER = 'kubernetes.io/pvc-protection';

/** Puts the finalizer on each claim, and takes it off one that is to go when no scheduled pod uses it any more. */
export function startClaimProtection(context: Context): WorkQueue {
  const claims = context.informers.of(CLAIMS);
  const pods = context.informers.of<Pod>('pods');
  const queue = queueOf(context, 'pvc-protection-controller', (key) => {
    const { namespace, name } = splitKey(key);
    const claim = claims.get(namespace, name);
    if (claim === undefined) return undefined;
    const finalizers = claim.metadata.finalizers ?? [];
    const isProtected = finalizers.includes(FINALIZER);
    if (!isTerminating(claim)) {
      if (!isProtected) write(context, claim, [...finalizers, FINALIZER]);
    } else if (isProtected && !pods.inNamespace(namespace).some((pod) => claimsOf(pod).includes(name))) {
      const left = finalizers.filter((finalizer) => finalizer !== FINALIZER);
      write(context, claim, left);
    }
    return undefined;
  });
  claims.onChange((claim) => queue.add(keyOf(claim)));
  pods.onChange((pod) => {
    for (const name of claimsOf(pod)) queue.add(`${pod.metadata.namespace}/${name}`);
  });
  return queue;
}

/** The claims of a scheduled pod: one that has no node yet would not be started with a claim that is on its way out. */
function claimsOf(pod: Pod): readonly string[] {
  const { nodeName = '', volumes = [] } = pod.spec;
  if (nodeName === '') return [];
  return volumes.flatMap(({ persistentVolumeClaim: claim }) => (claim === undefined ? [] : [claim.claimName]));
}

function write({ door }: Context, claim: KubeObject, finalizers: readonly string[]): void {
  written(door.update(CLAIMS, { ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers] } }, MANAGER));
}
