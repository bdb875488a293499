import type { Clock } from '../../base/index.ts';
import type { Pod } from '../kinds/index.ts';
import { controllerOf } from '../kinds/index.ts';
import type { Exit, RunningContainer } from './types.ts';

/** How a pod whose image is not in the catalogue is told to fare. */
export const OUTCOME = 'sim.ldc.dev/outcome';
export type Outcome = 'well' | 'neverReady' | 'crash' | 'pullError' | 'slow';

const CRASH_AFTER_MS = 500;
const SLOW_READY_MS = 5_000;

export function outcomeOf(pod: Pod): Outcome {
  const told = pod.metadata.annotations?.[OUTCOME];
  return told === 'neverReady' || told === 'crash' || told === 'pullError' || told === 'slow' ? told : 'well';
}

/** A container without a process, as KWOK plays it: at once running and ready; a Job's is done at once. */
export function simulate(pod: Pod, key: string, init: boolean, clock: Clock): RunningContainer {
  const outcome = outcomeOf(pod);
  let end: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  const once = init || (controllerOf(pod)?.kind === 'Job' && pod.spec.restartPolicy !== 'Always');
  if (outcome === 'crash') clock.after(CRASH_AFTER_MS, () => end({ exitCode: 1 }));
  else if (once && outcome !== 'neverReady')
    clock.after(outcome === 'slow' ? SLOW_READY_MS : 0, () => end({ exitCode: 0 }));
  return {
    id: `simulated://${key}`,
    exited,
    simulatedReadyMs: outcome === 'neverReady' ? Number.POSITIVE_INFINITY : outcome === 'slow' ? SLOW_READY_MS : 0,
    async stop() {
      end({ exitCode: 0 });
      return exited;
    },
    async exec() {
      return { exitCode: 126, output: 'nothing runs in a simulated container' };
    },
  };
}
