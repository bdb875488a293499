import type { JsonObject } from '../../base/index.ts';
import { condition, conditionText, count, list, part, type StatusRule, status, text } from './read.ts';

/**
 * A Pod: ready, or ended well. One that failed is failed. No room is no failure (room may come), nor is a container that
 * crashes or an image that cannot be pulled (either may be mended outside of the object): the gate's deadline decides.
 */
export const pod: StatusRule = (object) => {
  const state = part(object, 'status');
  const ready = condition(object, 'Ready');
  switch (state.phase) {
    case 'Succeeded':
      return status('current', 'ended well');
    case 'Failed':
      return status('failed', text(state, 'message') ?? text(state, 'reason') ?? endOf(state));
    case 'Unknown':
      return status('unknown', 'its node does not answer');
    case 'Running': {
      const containers = list(state, 'containerStatuses');
      const well = containers.filter((container) => container.ready === true).length;
      if (ready?.status === 'True') return status('current', `${well} of ${containers.length} containers ready`);
      const gates = ready?.reason === 'ReadinessGatesNotReady' ? conditionText(ready) : undefined;
      const why = trouble(state) ?? gates;
      return status('inProgress', `${well} of ${containers.length} containers ready${why ? ` (${why})` : ''}`);
    }
    default: {
      const scheduled = condition(object, 'PodScheduled');
      if (scheduled?.status === 'False') return status('inProgress', conditionText(scheduled));
      return status('inProgress', trouble(state) ?? `phase ${String(state.phase ?? 'not set')}`);
    }
  }
};

/** What holds the first container that waits for something else than its turn. */
function trouble(state: JsonObject): string | undefined {
  for (const container of containersOf(state)) {
    const waiting = part(part(container, 'state'), 'waiting');
    const reason = text(waiting, 'reason');
    if (reason === undefined || reason === 'ContainerCreating' || reason === 'PodInitializing') continue;
    const restarts = count(container, 'restartCount');
    const after =
      restarts > 0 ? `${exitOf(part(part(container, 'lastState'), 'terminated'))}, ${restarts} restarts` : '';
    return `${String(container.name)}: ${[reason, after || text(waiting, 'message')].filter(Boolean).join(': ')}`;
  }
  return undefined;
}

/** How the pod failed, by its containers. */
function endOf(state: JsonObject): string {
  for (const container of containersOf(state)) {
    const ended = part(part(container, 'state'), 'terminated');
    if (count(ended, 'exitCode') !== 0) return `${String(container.name)}: ${exitOf(ended)}`;
  }
  return 'a container ended with an error';
}

function exitOf(ended: JsonObject): string {
  const reason = text(ended, 'reason');
  const code = `exit code ${count(ended, 'exitCode')}`;
  return reason === undefined || reason === 'Error' ? code : `${reason}, ${code}`;
}

function containersOf(state: JsonObject): readonly JsonObject[] {
  return [...list(state, 'initContainerStatuses'), ...list(state, 'containerStatuses')];
}
