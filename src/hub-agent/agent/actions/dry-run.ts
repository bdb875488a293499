import { type Digest, type KubeObject, type ObjectRef, refOf, refText } from '../../../base/index.ts';
import type { Verdict } from '../../../kubernetes/index.ts';
import { type Bundle, type Location, readBundle, servedObjects, shown } from '../bundle.ts';
import { Halted, refuse } from '../halted.ts';
import { appliedOf, halt } from '../objects.ts';
import { createSeenSecrets, maskedRefusal } from '../said.ts';
import { laterServed, waitsFor } from './pending.ts';
import { dependsOnLive, forApply, isRecreated } from './wanted.ts';
import type { Done, Work } from './work.ts';

/** Server-side dry run of the whole bundle. A refusal whose only cause is an object that the plan makes later is deferred. */
export async function dryRun(
  work: Work,
  body: { location: Location; bundle: Digest; pending: readonly ObjectRef[] },
): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
  const objects = await servedObjects(work.objects, bundle.objects);
  const pending = [...body.pending, ...objects.map(refOf)];
  // nothing is written, so that no one waits for another; the first refusal in order counts
  const tried = await Promise.allSettled(
    objects.map(async (object): Promise<Tried> => {
      const ref = refOf(object);
      if (await laterServed(work, ref, body.pending)) return { deferred: true, warnings: [] };
      return judged(await tryOne(work, bundle, object), object, pending);
    }),
  );
  const found = tried.map((one, at) => {
    if (one.status === 'rejected') throw one.reason;
    return { ref: refOf(objects[at] as KubeObject), ...one.value };
  });
  const deferred = found.filter((one) => one.deferred).map(({ ref }) => ref);
  const warnings = found.flatMap((one) => one.warnings).slice(0, 50);
  return { output: { kind: 'dryRun', objects: objects.length, deferred, warnings } };
}

interface Tried {
  readonly deferred: boolean;
  readonly warnings: readonly string[];
}

/** What is there is read only where it says which fields are left alone. */
async function tryOne(work: Work, bundle: Bundle, object: KubeObject): Promise<Verdict> {
  const live = dependsOnLive(object, bundle) ? await work.objects.get(refOf(object)) : undefined;
  return work.objects.apply(forApply(object, live, bundle), {
    manager: bundle.fieldManager,
    force: bundle.conflicts === 'take',
    dryRun: true,
  });
}

function judged(verdict: Verdict, object: KubeObject, pending: readonly ObjectRef[]): Tried {
  const ref = refOf(object);
  if (verdict.kind === 'ok')
    return { deferred: false, warnings: appliedOf(verdict).warnings.map((text) => `${refText(ref)}: ${text}`) };
  if (waitsFor(verdict, ref, pending)) return { deferred: true, warnings: [] };
  if (isImmutableVerdict(verdict) && isRecreated(object))
    return { deferred: false, warnings: [`${refText(ref)} will be deleted and made anew`] };
  return halt(verdict);
}

function isImmutableVerdict(verdict: Verdict): boolean {
  return verdict.kind === 'refused' && verdict.refusal.kind === 'immutable';
}

/** What would change, object by object, for people: before and after, Secret values cut. */
export async function preview(work: Work, body: { location: Location; bundle: Digest }): Promise<Done> {
  const seen = createSeenSecrets();
  const bundle = readBundle(await seen.through(work).blob(body.bundle));
  const objects = await servedObjects(work.objects, bundle.objects);
  const show = (object: KubeObject | undefined) => (object === undefined ? null : shown(object, work.cutKey));
  const rows = await Promise.all(
    objects.map(async (object) => {
      const ref = refOf(object);
      const live = await work.objects.get(ref);
      try {
        const verdict = await work.objects.apply(forApply(object, live, bundle), {
          manager: bundle.fieldManager,
          force: bundle.conflicts === 'take',
          dryRun: true,
        });
        return { ref, before: show(live), after: show(appliedOf(verdict).object) };
      } catch (error) {
        if (!(error instanceof Halted) || error.outcome.kind !== 'refused') throw error;
        return { ref, before: show(live), after: null, refusal: maskedRefusal(error.outcome.refusal, seen.mask) };
      }
    }),
  );
  if (JSON.stringify(rows).length > 6 * 1024 * 1024) {
    return refuse({
      kind: 'tooLarge',
      message: 'this preview is too large to send',
      hint: 'look at the clusters one function at a time',
    });
  }
  return { output: { kind: 'preview', objects: rows } as Done['output'] };
}
