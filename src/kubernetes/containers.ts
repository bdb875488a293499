/** Which containers of a pod are not well, the telling ones first. Pure. */
import { isObject, type JsonObject, type KubeObject } from '../base/index.ts';
import { list, part } from './status/read.ts';

export interface ContainerTrouble {
  readonly container: string;
  readonly reason: string;
  readonly message: string;
  /** Whether it ever ran: only then is there a log. */
  readonly ran: boolean;
}

/** Init containers first: while one of them fails, the others have not begun. */
export function containerTrouble(pod: KubeObject): readonly ContainerTrouble[] {
  const status = part(pod, 'status');
  const all = [...list(status, 'initContainerStatuses'), ...list(status, 'containerStatuses')];
  const found = all.flatMap((container) => troubleOf(container) ?? []);
  const waits = (one: ContainerTrouble) =>
    one.reason === 'PodInitializing' || one.reason === 'ContainerCreating' ? 1 : 0;
  return found.sort((a, b) => waits(a) - waits(b));
}

function troubleOf(container: JsonObject): ContainerTrouble | undefined {
  const name = String(container.name);
  const state = part(container, 'state');
  const last = part(container, 'lastState');
  const restarts = typeof container.restartCount === 'number' ? container.restartCount : 0;
  if (isObject(state.waiting)) {
    const ended = part(last, 'terminated');
    const exit = ended.exitCode === undefined ? '' : ` (last run ended with ${exitText(ended)})`;
    return {
      container: name,
      reason: String(state.waiting.reason ?? 'Waiting'),
      message: `${String(state.waiting.message ?? 'waiting')}${exit}`,
      ran: restarts > 0 || ended.exitCode !== undefined,
    };
  }
  if (isObject(state.terminated)) {
    if (state.terminated.exitCode === 0) return undefined;
    return {
      container: name,
      reason: String(state.terminated.reason ?? 'Error'),
      message: `ended with ${exitText(state.terminated)}`,
      ran: true,
    };
  }
  if (container.ready === true) return undefined;
  const again = restarts > 0 ? `, restarted ${restarts} times` : '';
  return { container: name, reason: 'NotReady', message: `running, not ready${again}`, ran: true };
}

function exitText(terminated: JsonObject): string {
  const signal = typeof terminated.signal === 'number' && terminated.signal > 0 ? `, signal ${terminated.signal}` : '';
  const message = typeof terminated.message === 'string' && terminated.message !== '' ? `: ${terminated.message}` : '';
  return `exit code ${String(terminated.exitCode)}${signal}${message}`;
}
