import type { KubeObject } from '../../../base/index.ts';
import type { PreImage } from '../bundle.ts';
import type { Work } from './work.ts';

/**
 * What stands now where a pre-image was taken, in the version of then. When that version is not served any more, it is read
 * in one that is: an object of the same resourceVersion is what it was, whatever that version can say of it; another is
 * taken under the former version's name, so that what differs shows. undefined: it is not there.
 */
export async function presentOf(
  { objects }: Pick<Work, 'objects'>,
  { ref, object }: Pick<PreImage, 'ref' | 'object'>,
): Promise<KubeObject | undefined> {
  const served = await objects.served(ref);
  if (served === undefined || served.apiVersion === ref.apiVersion) return objects.get(ref);
  const live = await objects.get(served);
  if (live === undefined) return undefined;
  const { uid, resourceVersion } = live.metadata;
  const isSame = object?.metadata.uid === uid && object?.metadata.resourceVersion === resourceVersion;
  if (object === null || !isSame) return { ...live, apiVersion: ref.apiVersion };
  return live.status === undefined ? object : { ...object, status: live.status };
}
