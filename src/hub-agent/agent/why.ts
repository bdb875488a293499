/** Why objects of a location are not well, as the hub is told: dug for, masked, with cluster and time, bounded. */
import { type KubeObject, limits, type ObjectRef, timestamp } from '../../base/index.ts';
import { boundReasons, type ObjectStatus, type Reason, reasonOf } from '../../kubernetes/index.ts';
import type { Work } from './actions/work.ts';
import type { Location } from './bundle.ts';

/** The first objects that are not ready say what the others would. */
const OBJECTS_MAX = 5;

export interface Unwell {
  readonly ref: ObjectRef;
  readonly status: ObjectStatus;
  /** undefined: it does not exist. */
  readonly object: KubeObject | undefined;
}

/** Chains of the first that are not well, each with where and when it was read. Never rejects for what cannot be read. */
export async function whyUnwell(
  work: Pick<Work, 'client' | 'clock' | 'mask'>,
  { stack, cluster }: Pick<Location, 'stack' | 'cluster'>,
  unwell: readonly Unwell[],
): Promise<readonly Reason[]> {
  const source = { client: work.client, mask: work.mask(stack) };
  const at = timestamp(work.clock.now());
  const reasons = await Promise.all(
    unwell.slice(0, OBJECTS_MAX).map(async ({ ref, status, object }): Promise<Reason> => {
      const reason =
        object === undefined ? { ref, status, events: [], logs: [], causes: [] } : await reasonOf(source, object);
      // how it was judged, which may be by the user's own rules
      return { cluster, at, ...reason, status: { ...status, message: source.mask(status.message) } };
    }),
  );
  return boundReasons(reasons, limits.locationReasonsBytesMax);
}
