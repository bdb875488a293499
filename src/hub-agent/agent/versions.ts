import type { KubeObject } from '../../base/index.ts';

/** Whether one reading of an object is older than another: its versions only grow. What is no number cannot be told. */
export function isOlder({ metadata }: KubeObject, than: KubeObject | undefined): boolean {
  const [own, other] = [metadata.resourceVersion ?? '', than?.metadata.resourceVersion ?? ''];
  return /^\d+$/.test(own) && /^\d+$/.test(other) && BigInt(own) < BigInt(other);
}
