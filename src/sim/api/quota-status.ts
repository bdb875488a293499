/** Keeps `status.used` of every ResourceQuota. */
import { type Json, jsonEqual } from '../../base/index.ts';
import type { ApiDoor } from '../types.ts';
import { quotaStatus } from './admit-quota.ts';
import { type Cluster, part } from './cluster.ts';

const MANAGER = 'kube-controller-manager';
const COUNTED = [
  'pods',
  'services',
  'persistentvolumeclaims',
  'configmaps',
  'secrets',
  'resourcequotas',
  'replicationcontrollers',
];

export function runQuotas(cluster: Cluster, door: ApiDoor): void {
  const refresh = (namespace: string | undefined) => {
    for (const quota of cluster.store.list('resourcequotas', namespace)) {
      const status = quotaStatus(cluster, quota);
      if (!jsonEqual(part(quota, 'status') as Json, status as Json))
        door.update('resourcequotas', { ...quota, status }, MANAGER, 'status');
    }
  };
  for (const name of COUNTED) {
    cluster.store.subscribe(name, ({ type, object }) => {
      if (type !== 'MODIFIED' || name === 'resourcequotas' || name === 'pods') refresh(object.metadata.namespace);
    });
  }
}
