/** By what the objects of a bundle are judged: ldc's own rules, the user's, and what the cluster says of its storage. */
import type { KubeObject } from '../../base/index.ts';
import { type Client, judgeOf, listAll, type ObjectStatus } from '../../kubernetes/index.ts';
import type { Bundle } from './bundle.ts';

/** Where an object that is wanted stands, by what it looks like now (undefined: it is not there). */
export type Judgement = (wanted: KubeObject, live: KubeObject | undefined) => ObjectStatus;

const STORAGE_CLASSES = {
  path: '/apis/storage.k8s.io/v1/storageclasses',
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
};

/** Asks for the storage classes only where a claim is wanted; an agent that may not read them judges without. */
export async function judgementOf(
  client: Client,
  { objects, healthRules = [] }: Pick<Bundle, 'objects' | 'healthRules'>,
): Promise<Judgement> {
  const judge = judgeOf(healthRules);
  if (!objects.some((object) => object.kind === 'PersistentVolumeClaim')) return judge;
  const listed = await listAll(client, STORAGE_CLASSES);
  if (listed.kind === 'failed') return judge;
  return (wanted, live) => judge(wanted, live, { storageClasses: listed.objects });
}
