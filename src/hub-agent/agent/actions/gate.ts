import { type Digest, type Json, type ObjectRef, refOf, refText } from '../../../base/index.ts';
import { shortReason, statusOf } from '../../../kubernetes/index.ts';
import { type Bundle, type Location, readBundle, servedObjects } from '../bundle.ts';
import { refuse } from '../halted.ts';
import { type Unwell, whyUnwell } from '../why.ts';
import type { Done, Work } from './work.ts';

const POLL_MS = 150;
const POLL_MS_MAX = 1_000;
const PROBE_MS_MAX = 3_000;

/** Waits until every object is ready and the health answers; refused with the reasons when one failed or the time is over. */
export async function gate(
  work: Work,
  body: { location: Location; bundle: Digest; deadlineMs: number },
): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
  const refs = (await servedObjects(work.objects, bundle.objects)).map(refOf);
  const startedMs = work.clock.monotonic();
  const left = new Map(refs.map((ref) => [refText(ref), ref]));
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 1.3, POLL_MS_MAX)) {
    const unwell = await notReady(work, [...left.values()]);
    // workloads may lose what they had; what is ready is looked at once more at the end
    if (unwell.length === 0 && (await notReady(work, refs)).length === 0) {
      const trouble = await healthTrouble(work, bundle);
      if (trouble === undefined) {
        return { output: { kind: 'gate', ready: refs.length, tookMs: Math.round(work.clock.monotonic() - startedMs) } };
      }
      if (over(work, startedMs, body.deadlineMs)) return refuse({ kind: 'unhealthy', message: trouble });
    }
    left.clear();
    for (const one of unwell) left.set(refText(one.ref), one.ref);
    if (left.size === 0) for (const ref of refs) left.set(refText(ref), ref);
    const failed = unwell.some((one) => one.status.status === 'failed');
    const late = over(work, startedMs, body.deadlineMs);
    if (unwell.length > 0 && (failed || late))
      return refuseWithReasons(work, body.location, unwell, failed ? null : body.deadlineMs);
    if (work.signal.aborted) return refuse({ kind: 'cancelled', message: 'the wait for readiness was cancelled' });
    const leftMs = startedMs + body.deadlineMs - work.clock.monotonic();
    await work.clock.sleep(Math.min(waitMs, Math.max(1, leftMs)), work.signal);
  }
}

function over(work: Work, startedMs: number, deadlineMs: number): boolean {
  return work.clock.monotonic() - startedMs >= deadlineMs;
}

async function notReady(work: Work, refs: readonly ObjectRef[]): Promise<readonly Unwell[]> {
  const read = await Promise.all(
    refs.map(async (ref) => {
      const object = await work.objects.get(ref);
      return { ref, object, status: statusOf(object) };
    }),
  );
  return read.filter((one) => one.status.status !== 'current');
}

/** Why the Service does not answer well; undefined when it does, or nothing is to be asked. */
async function healthTrouble(work: Work, bundle: Bundle): Promise<string | undefined> {
  if (bundle.health === undefined) return undefined;
  const { service, port, path } = bundle.health;
  const home = bundle.objects.find((object) => object.kind === 'Service' && object.metadata.name === service);
  const namespace = (home ?? bundle.objects.find((object) => object.metadata.namespace !== undefined))?.metadata
    .namespace;
  const answer = await work.probe({ namespace: namespace ?? 'default', service, port, path }, PROBE_MS_MAX);
  const where = `GET ${path} of Service ${service}:${port}`;
  if (answer.kind === 'unreachable') return `${where}: ${answer.reason}`;
  return answer.status >= 200 && answer.status < 300 ? undefined : `${where} answered ${answer.status}`;
}

/** @param waitedMs how long it was waited for; null: it failed before the time was over */
async function refuseWithReasons(
  work: Work,
  location: Location,
  unwell: readonly Unwell[],
  waitedMs: number | null,
): Promise<never> {
  const reasons = await whyUnwell(work, location, unwell);
  const first = unwell[0] as Unwell;
  const short = shortReason(reasons);
  const more = unwell.length > 1 ? `, and ${unwell.length - 1} more` : '';
  return refuse({
    kind: 'notReady',
    message: `${refText(first.ref)} is not ready: ${first.status.message}${short === undefined ? '' : ` (${short})`}${more}`,
    where: refText(first.ref),
    ...(waitedMs === null
      ? {}
      : {
          hint: `it had ${Math.round(waitedMs / 1_000)} s: mend what is said below, or raise rollout.deadline when it only needs longer`,
        }),
    details: { reasons } as unknown as Json,
  });
}

/** The reasons of everything of a bundle that is not ready. */
export async function describe(work: Work, bundle: Bundle | undefined): Promise<Done> {
  if (bundle === undefined) return { output: { kind: 'describe', reasons: [] } };
  const refs = (await servedObjects(work.objects, bundle.objects)).map(refOf);
  const reasons = await whyUnwell(work, bundle.location, await notReady(work, refs));
  return { output: { kind: 'describe', reasons: reasons as unknown as Json[] } };
}
