/** How an agent's process is started so that it stays small and gives back what a burst took (bin/ldc does the same for `ldc agent`). */
import { hubEnvironment } from './hub-process.ts';

/** Node's own: a small young generation, since an agent allocates little and lives long, and a heap that may grow by 30 % until it is collected. */
export const agentNodeOptions = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=1',
  '--heap-growing-percent=30',
] as const;

/** glibc's, as a hub's. What a person has set stays. */
export const agentEnvironment = hubEnvironment;
