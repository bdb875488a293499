/** Refusals whose only cause is an object that the same plan makes: no refusals, but a matter of order (DESIGN §5). */
import { groupOf, type ObjectRef } from '../../../base/index.ts';
import { sameRef, type Verdict } from '../../../kubernetes/index.ts';
import type { Work } from './work.ts';

/** The server missed something by name that is to come, or has just come (its caches follow a moment later). */
export function waitsFor(verdict: Verdict, own: ObjectRef, pending: readonly ObjectRef[]): boolean {
  if (verdict.kind !== 'notFound' && verdict.kind !== 'refused') return false;
  const { message } = verdict.refusal;
  return pending.some((one) => !sameRef(one, own) && message.includes(`"${one.name}" not found`));
}

/** Its kind is not served yet, and a CRD of the plan will bring it. */
export async function laterServed(work: Work, ref: ObjectRef, pending: readonly ObjectRef[]): Promise<boolean> {
  const group = groupOf(ref.apiVersion);
  const comes = pending.some((one) => one.kind === 'CustomResourceDefinition' && one.name.endsWith(`.${group}`));
  return comes && (await work.objects.info(ref)) === undefined;
}
