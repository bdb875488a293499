/** One active agent in a cluster: a Lease that it holds, renews, and gives back. */
import { type Clock, isObject, type KubeObject, type Logger, timestamp } from '../../base/index.ts';
import { type ApiRequest, type Client, verdictOf } from '../../kubernetes/index.ts';
import { SYSTEM_NAMESPACE } from './stored.ts';

const NAME = 'ldc-agent';
const PATH = `/apis/coordination.k8s.io/v1/namespaces/${SYSTEM_NAMESPACE}/leases`;
const DURATION_MS = 15_000;
const RENEW_MS = 5_000;
const RETRY_MS = 1_000;
/** An API server that hangs must not let the lease run out unseen: another agent may take it by then. */
const ANSWER_MS_MAX = 3_000;
const WENT_BACK = 'this cluster went back in time (an older etcd backup was restored): the agent begins anew';

export interface Leadership {
  /** Resolves when this agent holds the lease; it is renewed from then on. */
  acquire(signal: AbortSignal): Promise<void>;
  /** By this clock it has not run out: nobody else acts. */
  isHeld(): boolean;
  release(): Promise<void>;
  /** Lets go of it without a word: its namespace is being deleted. */
  abandon(): void;
}

export interface LeadershipEvents {
  /**
   * Another holds it, it ran out unrenewed, or the cluster went back in time (an etcd backup was restored: a new
   * resourceVersion is below one that was seen): what was remembered and watched is not so any more.
   */
  onLost(): void;
  /** Whether what the agent remembers is as it wrote it; undefined: that cannot be told now. */
  isAsWritten(): Promise<boolean | undefined>;
}

export function createLeadership(
  { client, clock, logger }: { readonly client: Client; readonly clock: Clock; readonly logger: Logger },
  holder: string,
  { onLost, isAsWritten }: LeadershipEvents,
): Leadership {
  let held: KubeObject | undefined;
  let renewedMs = 0;
  const isPutBack = createDoubt(isAsWritten);
  const versions = createVersions();
  let renewing: (() => void) | undefined;
  const isFree = createFreedom(clock, holder);

  async function attempt(): Promise<boolean> {
    const live = await readLease(client);
    if (live === 'unknown' || (live !== undefined && !isFree(live))) return false;
    return write(live);
  }
  async function write(live: KubeObject | undefined): Promise<boolean> {
    const sentMs = clock.monotonic();
    const request = writing(live, leaseOf(live, holder, clock.now()));
    const answer = await client.request({ ...request, timeoutMs: ANSWER_MS_MAX });
    if (answer.kind !== 'answered' || answer.status >= 300) return false;
    held = answer.body as unknown as KubeObject;
    renewedMs = sentMs; // counted from sending: the server may have stored it that early
    versions.saw(held);
    return true;
  }
  async function renew(): Promise<void> {
    if (held === undefined) return;
    const clean = await write(held);
    const ok = clean || (await attempt());
    const isOlder = await isPutBack(clean, ok);
    if (held === undefined) return;
    if (ok && (versions.wentBack() || isOlder)) {
      logger.error({ holder }, WENT_BACK);
      return onLost();
    }
    if (!ok && clock.monotonic() - renewedMs > DURATION_MS) {
      held = undefined;
      logger.error({ holder }, 'the lease of this cluster is lost: another agent may act');
      return onLost();
    }
    renewing = clock.after(ok ? RENEW_MS : RETRY_MS, () => void renew());
  }
  function abandon(): KubeObject | undefined {
    renewing?.();
    const last = held;
    held = undefined;
    return last;
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
    isHeld: () => held !== undefined && clock.monotonic() - renewedMs <= DURATION_MS,
    abandon,
    async release() {
      const last = abandon();
      if (last !== undefined)
        await client.request({ ...writing(last, leaseOf(last, '', clock.now())), timeoutMs: 2_000 });
    },
  };
}

/** undefined: there is none. */
async function readLease(client: Client): Promise<KubeObject | undefined | 'unknown'> {
  const request = { method: 'GET', path: `${PATH}/${NAME}`, timeoutMs: ANSWER_MS_MAX, urgent: true } as const;
  const found = verdictOf(await client.request(request), 'Lease ldc-agent');
  if (found.kind === 'ok') return found.body as unknown as KubeObject;
  return found.kind === 'notFound' ? undefined : 'unknown';
}

/** Whether it may be taken: nobody's, our own, or not renewed for as long as it lasts by our clock; its holder's is not ours. */
function createFreedom(clock: Clock, holder: string): (live: KubeObject) => boolean {
  let seen = { text: '', atMs: 0 };
  return (live) => {
    const spec = isObject(live.spec) ? live.spec : {};
    if (spec.holderIdentity === holder || !spec.holderIdentity) return true;
    const text = JSON.stringify(spec);
    if (seen.text !== text) seen = { text, atMs: clock.monotonic() };
    return clock.monotonic() - seen.atMs > DURATION_MS;
  };
}

/**
 * After a renewal that was not answered, or found another lease than was written, the memory says whether the cluster was put
 * back: what was put back may have counted its versions on until here.
 */
function createDoubt(
  isAsWritten: () => Promise<boolean | undefined>,
): (clean: boolean, ok: boolean) => Promise<boolean> {
  let inDoubt = false;
  return async (clean, ok) => {
    inDoubt ||= !clean;
    if (!ok || !inDoubt) return false;
    const asWritten = await isAsWritten();
    if (asWritten === true) inDoubt = false;
    return asWritten === false;
  };
}

/** Versions of one object only grow, but in a cluster that was put back to an older state. */
function createVersions() {
  let last = 0n;
  let wentBack = false;
  return {
    saw({ metadata }: KubeObject) {
      const now = BigInt(metadata.resourceVersion ?? '0');
      wentBack = now < last;
      last = now;
    },
    wentBack: () => wentBack,
  };
}

function writing(live: KubeObject | undefined, body: KubeObject): ApiRequest {
  return live === undefined
    ? { method: 'POST', path: PATH, body, urgent: true }
    : { method: 'PUT', path: `${PATH}/${NAME}`, body, urgent: true };
}

function leaseOf(live: KubeObject | undefined, holder: string, nowMs: number): KubeObject {
  const renewTime = `${timestamp(nowMs).slice(0, -1)}000Z`;
  const spec = { holderIdentity: holder, leaseDurationSeconds: DURATION_MS / 1_000, renewTime };
  const metadata = live?.metadata ?? { name: NAME, namespace: SYSTEM_NAMESPACE };
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
}
