import { type Digest, type KubeObject, type ObjectRef, refOf, refText } from '../../../base/index.ts';
import type { Verdict } from '../../../kubernetes/index.ts';
import { type Location, readBundle, servedObjects, shown } from '../bundle.ts';
import { Halted, refuse } from '../halted.ts';
import { appliedOf, halt } from '../objects.ts';
import { laterServed, waitsFor } from './pending.ts';
import { forApply, isRecreated } from './wanted.ts';
import type { Done, Work } from './work.ts';

/** Server-side dry run of the whole bundle. A refusal whose only cause is an object that the plan makes later is deferred. */
export async function dryRun(
  work: Work,
  body: { location: Location; bundle: Digest; pending: readonly ObjectRef[] },
): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
  const objects = await servedObjects(work.objects, bundle.objects);
  const pending = [...body.pending, ...objects.map(refOf)];
  const deferred: ObjectRef[] = [];
  const warnings: string[] = [];
  for (const object of objects) {
    const ref = refOf(object);
    if (await laterServed(work, ref, body.pending)) {
      deferred.push(ref);
      continue;
    }
    const live = await work.objects.get(ref);
    const wanted = forApply(object, live, bundle);
    const verdict = await work.objects.apply(wanted, {
      manager: bundle.fieldManager,
      force: bundle.conflicts === 'take',
      dryRun: true,
    });
    if (verdict.kind === 'ok') warnings.push(...appliedOf(verdict).warnings.map((text) => `${refText(ref)}: ${text}`));
    else if (waitsFor(verdict, ref, pending)) deferred.push(ref);
    else if (isImmutableVerdict(verdict) && isRecreated(object))
      warnings.push(`${refText(ref)} will be deleted and made anew`);
    else halt(verdict);
  }
  return { output: { kind: 'dryRun', objects: objects.length, deferred, warnings: warnings.slice(0, 50) } };
}

function isImmutableVerdict(verdict: Verdict): boolean {
  return verdict.kind === 'refused' && verdict.refusal.kind === 'immutable';
}

/** What would change, object by object, for people: before and after, Secret values cut. */
export async function preview(work: Work, body: { location: Location; bundle: Digest }): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
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
        return { ref, before: show(live), after: null, refusal: error.outcome.refusal };
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
