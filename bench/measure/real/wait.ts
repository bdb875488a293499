/** Waiting with an end: nothing in a bench hangs for ever. */
export const PATIENCE_MS = 180_000;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a promise gives. @throws Error with `what` when it takes longer than `PATIENCE_MS` */
export async function within<T>(what: string, promise: Promise<T>, patienceMs: number = PATIENCE_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not within ${patienceMs / 1_000} s: ${what}`)), patienceMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks, one look after the other, until there is something. @throws Error with `what` when it takes too long */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  { everyMs = 5, patienceMs = PATIENCE_MS } = {},
): Promise<T> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > untilMs) throw new Error(`not within ${patienceMs / 1_000} s: ${what}`);
    await sleep(everyMs);
  }
}
