/** When a container that ended is started again; pure. */

export interface RestartLimits {
  readonly firstMs: number;
  readonly maxMs: number;
  /** A container that ran this long has left its crash loop behind. */
  readonly resetMs: number;
}

/** Kubernetes' own: 10 s, doubled up to 5 minutes, forgotten after 10 minutes of running. */
export const RESTART_LIMITS: RestartLimits = { firstMs: 10_000, maxMs: 300_000, resetMs: 600_000 };

export type Restart = { readonly kind: 'never' } | { readonly kind: 'after'; readonly delayMs: number };

/**
 * `ends` counts the ends in a row, this one included. The first restart comes at once, later ones after a growing wait.
 */
export function restartOf(
  policy: 'Always' | 'OnFailure' | 'Never',
  exitCode: number,
  ends: number,
  limits: RestartLimits = RESTART_LIMITS,
): Restart {
  if (policy === 'Never' || (policy === 'OnFailure' && exitCode === 0)) return { kind: 'never' };
  if (ends <= 1) return { kind: 'after', delayMs: 0 };
  return { kind: 'after', delayMs: Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(ends - 2, 30)) };
}

/** `10s`, `2m40s`, `5m0s`: how Go prints a duration. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 1000) return `${ms}ms`;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
