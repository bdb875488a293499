/** Which containers of a pod are not well, the telling ones first. Pure. */
import { isObject, type JsonObject, type KubeObject } from '../base/index.ts';
import { count, list, part } from './status/read.ts';
import type { ContainerTrouble } from './types.ts';

/** These say that something is awaited and not what: an event often knows more. */
const VAGUE = ['NotReady', 'ContainerCreating', 'PodInitializing', 'Waiting'];

/** Init containers first: while one of them fails, the others have not begun. */
export function containerTrouble(pod: KubeObject): readonly ContainerTrouble[] {
  const status = part(pod, 'status');
  const all = [...list(status, 'initContainerStatuses'), ...list(status, 'containerStatuses')];
  const found = all.flatMap((container) => troubleOf(container) ?? []);
  return found.sort((a, b) => Number(isVague(a)) - Number(isVague(b)));
}

export function isVague({ reason }: Pick<ContainerTrouble, 'reason'>): boolean {
  return VAGUE.includes(reason);
}

/** `exit code 1 (3 restarts)`; of a container that has not run, what it says. */
export function containerText({ message, restarts, exitCode }: ContainerTrouble): string {
  if (exitCode === undefined) return message;
  return `exit code ${exitCode}${restarts === 0 ? '' : ` (${restarts} ${restarts === 1 ? 'restart' : 'restarts'})`}`;
}

function troubleOf(container: JsonObject): ContainerTrouble | undefined {
  const name = String(container.name);
  const state = part(container, 'state');
  const ended = part(part(container, 'lastState'), 'terminated');
  const restarts = count(container, 'restartCount');
  if (isObject(state.waiting)) {
    const exit = ended.exitCode === undefined ? '' : ` (last run ended with ${exitText(ended)})`;
    return {
      container: name,
      reason: String(state.waiting.reason ?? 'Waiting'),
      message: `${String(state.waiting.message ?? 'waiting')}${exit}`,
      restarts,
      ...exitOf(ended),
      ran: restarts > 0 || ended.exitCode !== undefined,
    };
  }
  if (isObject(state.terminated)) {
    if (state.terminated.exitCode === 0) return undefined;
    return {
      container: name,
      reason: String(state.terminated.reason ?? 'Error'),
      message: `ended with ${exitText(state.terminated)}`,
      restarts,
      ...exitOf(state.terminated),
      ran: true,
    };
  }
  if (container.ready === true || state.running === undefined) return undefined;
  const again = restarts > 0 ? `, restarted ${restarts} times` : '';
  const message = `running, not ready${again}`;
  return { container: name, reason: 'NotReady', message, restarts, ...exitOf(ended), ran: true };
}

function exitOf({ exitCode }: JsonObject): { readonly exitCode?: number } {
  return typeof exitCode === 'number' ? { exitCode } : {};
}

function exitText(terminated: JsonObject): string {
  const signal = typeof terminated.signal === 'number' && terminated.signal > 0 ? `, signal ${terminated.signal}` : '';
  const message = typeof terminated.message === 'string' && terminated.message !== '' ? `: ${terminated.message}` : '';
  return `exit code ${String(terminated.exitCode)}${signal}${message}`;
}
