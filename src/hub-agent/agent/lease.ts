/** One active agent in a cluster: a Lease that it holds, renews, and gives back. */
import { type Clock, isObject, type KubeObject, type Logger, timestamp } from '../../base/index.ts';
import { type Client, verdictOf } from '../../kubernetes/index.ts';
import { SYSTEM_NAMESPACE } from './stored.ts';

const NAME = 'ldc-agent';
const PATH = `/apis/coordination.k8s.io/v1/namespaces/${SYSTEM_NAMESPACE}/leases`;
const DURATION_MS = 15_000;
const RENEW_MS = 5_000;
const RETRY_MS = 1_000;

export interface Leadership {
  /** Resolves when this agent holds the lease; it is renewed from then on. */
  acquire(signal: AbortSignal): Promise<void>;
  release(): Promise<void>;
}

/** `onLost`: another holds it, or it ran out unrenewed: nothing may be written any more. */
export function createLeadership(
  client: Client,
  clock: Clock,
  logger: Logger,
  holder: string,
  onLost: () => void,
): Leadership {
  let held: KubeObject | undefined;
  let renewedMs = 0;
  let renewing: (() => void) | undefined;
  /** What another holder wrote last and when we saw it change: its clock is not ours. */
  let seen = { text: '', atMs: 0 };

  async function attempt(): Promise<boolean> {
    const found = verdictOf(await client.request({ method: 'GET', path: `${PATH}/${NAME}` }), 'Lease ldc-agent');
    const live = found.kind === 'ok' ? (found.body as unknown as KubeObject) : undefined;
    if (live === undefined && found.kind !== 'notFound') return false;
    if (live !== undefined && !free(live)) return false;
    return write(live);
  }
  function free(live: KubeObject): boolean {
    const spec = isObject(live.spec) ? live.spec : {};
    if (spec.holderIdentity === holder || !spec.holderIdentity) return true;
    const text = JSON.stringify(spec);
    if (seen.text !== text) seen = { text, atMs: clock.monotonic() };
    return clock.monotonic() - seen.atMs > DURATION_MS;
  }
  async function write(live: KubeObject | undefined): Promise<boolean> {
    const sentMs = clock.monotonic();
    const body = leaseOf(live, holder, clock.now());
    const answer = await client.request(
      live === undefined ? { method: 'POST', path: PATH, body } : { method: 'PUT', path: `${PATH}/${NAME}`, body },
    );
    if (answer.kind !== 'answered' || answer.status >= 300) return false;
    held = answer.body as unknown as KubeObject;
    renewedMs = sentMs; // counted from sending: the server may have stored it that early
    return true;
  }
  async function renew(): Promise<void> {
    if (held === undefined) return;
    const ok = (await write(held)) || (await attempt());
    if (held === undefined) return;
    if (!ok && clock.monotonic() - renewedMs > DURATION_MS) {
      held = undefined;
      logger.error({ holder }, 'the lease of this cluster is lost: another agent may act');
      return onLost();
    }
    renewing = clock.after(ok ? RENEW_MS : RETRY_MS, () => void renew());
  }
  return {
    async acquire(signal) {
      let told = false;
      while (!signal.aborted && !(await attempt())) {
        if (!told) logger.info({ holder }, 'waiting for the lease of this cluster');
        told = true;
        await clock.sleep(RETRY_MS, signal);
      }
      renewing = clock.after(RENEW_MS, () => void renew());
    },
    async release() {
      renewing?.();
      const last = held;
      held = undefined;
      if (last === undefined) return;
      const given = leaseOf(last, '', clock.now());
      await client.request({ method: 'PUT', path: `${PATH}/${NAME}`, body: given, timeoutMs: 2_000 });
    },
  };
}

function leaseOf(live: KubeObject | undefined, holder: string, nowMs: number): KubeObject {
  const renewTime = `${timestamp(nowMs).slice(0, -1)}000Z`;
  const spec = { holderIdentity: holder, leaseDurationSeconds: DURATION_MS / 1_000, renewTime };
  const metadata = live?.metadata ?? { name: NAME, namespace: SYSTEM_NAMESPACE };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
}
