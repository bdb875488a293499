/** An AgentLink without a line: each cluster is a function. For tests of who sends commands. */
import { type Clock, type Outcome, unknown } from '../base/index.ts';
import type { Command, CommandOutput } from './messages.ts';
import type { AgentLink, LinkChange } from './types.ts';

export type Executor = (command: Command) => Promise<Outcome<CommandOutput>>;

export interface MemoryLink extends AgentLink {
  /** That cluster's agent is connected and answers like this from now on. */
  attach(cluster: string, executor: Executor): void;
  /** The line is cut: what is under way is `unknown`. */
  detach(cluster: string, reason: string): void;
}

export function createMemoryLink(clock: Clock): MemoryLink {
  const executors = new Map<string, Executor>();
  const cutters = new Map<string, Set<(reason: string) => void>>();
  const listeners = new Set<(change: LinkChange) => void>();
  const tell = (change: LinkChange) => {
    for (const listener of listeners) listener(change);
  };
  return {
    attach(cluster, executor) {
      executors.set(cluster, executor);
      tell({ kind: 'connected', cluster });
    },
    detach(cluster, reason) {
      if (!executors.delete(cluster)) return;
      for (const cut of cutters.get(cluster) ?? []) cut(reason);
      tell({ kind: 'disconnected', cluster, reason });
    },
    connected: (cluster) => executors.has(cluster),
    execute(cluster, command, { timeoutMs, signal }) {
      const executor = executors.get(cluster);
      if (executor === undefined) return Promise.resolve(unknown(`no agent of ${cluster} is connected`));
      return new Promise((resolve) => {
        const cuts = cutters.get(cluster) ?? new Set();
        cutters.set(cluster, cuts);
        const settle = (outcome: Outcome<CommandOutput>) => {
          cuts.delete(cut);
          cancel();
          signal?.removeEventListener('abort', abort);
          resolve(outcome);
        };
        const cut = (reason: string) => settle(unknown(reason));
        const abort = () => settle(unknown('no longer asked for'));
        const cancel = clock.after(timeoutMs, () => settle(unknown(`no answer within ${timeoutMs} ms`)));
        cuts.add(cut);
        signal?.addEventListener('abort', abort, { once: true });
        executor(command).then(settle, (error) => settle(unknown(String(error))));
      });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
