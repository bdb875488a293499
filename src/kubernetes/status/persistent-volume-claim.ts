import { quantity } from '../../base/index.ts';
import { condition, conditionText, part, type StatusRule, status, text } from './read.ts';

/**
 * A claim: bound, and as large as asked for. A claim whose class waits for the first consumer stays pending until a pod uses
 * it, which is not the claim's fault: it counts as current until a node was chosen for it, and the pod speaks for itself.
 */
export const persistentVolumeClaim: StatusRule = (object, { storageClasses }) => {
  const spec = part(object, 'spec');
  const state = part(object, 'status');
  const phase = text(state, 'phase') ?? 'Pending';
  if (phase === 'Lost') return status('failed', 'its volume is lost');
  if (phase !== 'Bound') {
    const name = text(spec, 'storageClassName');
    const waits =
      storageClasses?.find((one) => one.metadata.name === name)?.volumeBindingMode === 'WaitForFirstConsumer';
    const chosen = object.metadata.annotations?.['volume.kubernetes.io/selected-node'] !== undefined;
    if (waits && !chosen && spec.volumeName === undefined) {
      return status('current', `waits for its first pod, as class ${name} says`);
    }
    return status('inProgress', name === undefined ? `phase ${phase}` : `phase ${phase}, class ${name}`);
  }
  const asked = part(part(spec, 'resources'), 'requests').storage;
  const given = part(state, 'capacity').storage;
  if ((quantity(asked) ?? 0) <= (quantity(given) ?? 0)) return status('current', 'bound');
  // the volume has grown; its file system follows when a pod next mounts it, which may be never
  if (condition(object, 'FileSystemResizePending')?.status === 'True') {
    return status('current', 'bound; its file system grows with the next mount');
  }
  const failure = [condition(object, 'ControllerResizeError'), condition(object, 'NodeResizeError')].find(
    (one) => one?.status === 'True',
  );
  const why = failure === undefined ? '' : ` (${conditionText(failure)})`;
  return status('inProgress', `grown to ${String(given)} of ${String(asked)}${why}`);
};
