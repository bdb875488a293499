import type { ObjectRef } from '../base/index.ts';
import type { KindInfo } from './types.ts';

/** `/api/v1` or `/apis/apps/v1`. */
export function groupVersionPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** All objects of a kind, of one namespace or of all. */
export function collectionPath(info: KindInfo, namespace?: string): string {
  const base = groupVersionPath(info.apiVersion);
  return info.namespaced && namespace !== undefined
    ? `${base}/namespaces/${encodeURIComponent(namespace)}/${info.plural}`
    : `${base}/${info.plural}`;
}

/** One object. A namespaced kind without a namespace is in `default`, as kubectl has it. */
export function objectPath(info: KindInfo, ref: ObjectRef, subresource?: string): string {
  const collection = collectionPath(info, info.namespaced ? (ref.namespace ?? 'default') : undefined);
  const path = `${collection}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
