/** How a hub's process is started so that it gives back what a burst took (bin/ldc does the same for `ldc hub`). */

/** Node's own: a small young generation, and a full collection when the heap has grown by 30 %, not when it has doubled. */
export const hubNodeOptions = ['--max-semi-space-size=4', '--heap-growing-percent=30'] as const;

/** glibc's: few arenas for few threads, and free memory at their end goes back at once. What a person has set stays. */
export const hubEnvironment = (environment: NodeJS.ProcessEnv) => ({
  MALLOC_ARENA_MAX: environment.MALLOC_ARENA_MAX ?? '2',
  MALLOC_TRIM_THRESHOLD_: environment.MALLOC_TRIM_THRESHOLD_ ?? '131072',
});
