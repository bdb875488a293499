import { type Digest, type Json, type KubeObject, refOf, refText } from '../../../base/index.ts';
import { type ObjectStatus, withShortReason } from '../../../kubernetes/index.ts';
import { type Bundle, type Location, readBundle, servedObjects } from '../bundle.ts';
import { CALLED_OFF, refuse } from '../halted.ts';
import { type Judgement, judgementOf } from '../judging.ts';
import { type Unwell, whyUnwell } from '../why.ts';
import { createCalm } from './calm.ts';
import type { Done, Work } from './work.ts';

/** Of what the watch shows: looking costs nothing but the look. */
const POLL_MS = 50;
const POLL_MS_MAX = 1_000;
const PROBE_MS_MAX = 3_000;
/** What is not ready by its watch is read so often all the same: a watch may hang unseen. */
const READ_EVERY_MS = 5_000;

/** Waits until every object is ready and the health answers; refused with the reasons when one failed or the time is over. */
export async function gate(
  work: Work,
  body: { location: Location; bundle: Digest; deadlineMs: number; minReadyMs?: number | undefined },
): Promise<Done> {
  const { deadlineMs, minReadyMs = 0 } = body;
  const bundle = readBundle(await work.blob(body.bundle));
  const wanted = await servedObjects(work.objects, bundle.objects);
  const judge = await judgementOf(work.client, bundle);
  const calm = createCalm<Seen>(work, minReadyMs);
  const startedMs = work.clock.monotonic();
  let readMs = startedMs;
  let left = wanted;
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 1.3, POLL_MS_MAX)) {
    // workloads may lose what they had; what is ready is looked at once more at the end
    const late = work.clock.monotonic() - startedMs >= deadlineMs;
    const reads = late || work.clock.monotonic() - readMs >= READ_EVERY_MS;
    if (reads) readMs = work.clock.monotonic();
    let seen = await look(work, judge, left, reads);
    if (seen.every(isReady) && left.length < wanted.length) seen = await look(work, judge, wanted, reads);
    if (!reads && seen.some(isFailed)) seen = await look(work, judge, wanted, true); // nothing is undone on hearsay
    const { unwell, proven, waitMs: calmMs } = await calm.judge(seen, late);
    if (proven) {
      const trouble = await healthTrouble(work, bundle);
      if (trouble === undefined) {
        const tookMs = Math.round(work.clock.monotonic() - startedMs);
        return { output: { kind: 'gate', ready: wanted.length, tookMs } };
      }
      if (late)
        return refuse({
          kind: 'unhealthy',
          message: trouble,
          hint: 'mend what answers there, or health.http of the function',
        });
    }
    const failed = unwell.some(isFailed);
    if (unwell.length > 0 && (failed || late))
      return refuseWithReasons(work, body.location, unwell, failed ? null : deadlineMs);
    if (work.signal.aborted)
      return refuse({ kind: 'cancelled', message: 'the wait for readiness was cancelled', hint: CALLED_OFF });
    left = unwell.length > 0 ? unwell.map((one) => one.wanted) : wanted;
    const leftMs = startedMs + deadlineMs - work.clock.monotonic();
    await work.clock.sleep(Math.min(Math.max(waitMs, calmMs), Math.max(1, leftMs)), work.signal);
  }
}

interface Seen extends Unwell {
  readonly wanted: KubeObject;
}

/** `reads`: at the API server, not by the watch. */
async function look(
  work: Work,
  judge: Judgement,
  wanted: readonly KubeObject[],
  reads: boolean,
): Promise<readonly Seen[]> {
  return Promise.all(
    wanted.map(async (object) => {
      const ref = refOf(object);
      const live = await (reads ? work.objects.get(ref) : work.current(ref));
      return { ref, wanted: object, object: live, status: judge(object, live) };
    }),
  );
}

function isReady({ status }: { readonly status: ObjectStatus }): boolean {
  return status.status === 'current';
}

function isFailed({ status }: { readonly status: ObjectStatus }): boolean {
  return status.status === 'failed';
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
  const says = work.mask(location.stack)(first.status.message);
  const more = unwell.length > 1 ? `, and ${unwell.length - 1} more` : '';
  return refuse({
    kind: 'notReady',
    message: `${refText(first.ref)} is not ready: ${withShortReason(says, reasons)}${more}`,
    where: refText(first.ref),
    hint:
      waitedMs === null
        ? 'mend what is said below: it does not come by waiting'
        : `it had ${Math.round(waitedMs / 1_000)} s: mend what is said below, or raise rollout.deadline when it only needs longer`,
    details: { reasons } as unknown as Json,
  });
}

/** The reasons of everything of a bundle that is not ready. */
export async function describe(work: Work, bundle: Bundle | undefined): Promise<Done> {
  if (bundle === undefined) return { output: { kind: 'describe', reasons: [] } };
  const wanted = await servedObjects(work.objects, bundle.objects);
  const seen = await look(work, await judgementOf(work.client, bundle), wanted, true);
  const unwell = seen.filter((one) => !isReady(one));
  const reasons = await whyUnwell(work, bundle.location, unwell);
  return { output: { kind: 'describe', reasons: reasons as unknown as Json[] } };
}
