import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject } from '../base/index.ts';
import { descendantsByName } from './names.ts';

const of = (apiVersion: string, kind: string, name: string, spec = {}) =>
  descendantsByName({ apiVersion, kind, metadata: { name, namespace: 'n' }, spec } as KubeObject);

it('finds whose a thing is by what controllers call it, and takes no neighbour for its own', () => {
  const claims = { volumeClaimTemplates: [{ metadata: { name: 'data' } }] };
  const cases: readonly [(kind: string, name: string) => boolean, string, string, boolean][] = [
    [of('apps/v1', 'Deployment', 'shop'), 'Deployment', 'shop', true],
    [of('apps/v1', 'Deployment', 'shop'), 'ReplicaSet', 'shop-6d4c6b7d8b', true],
    [of('apps/v1', 'Deployment', 'shop'), 'Pod', 'shop-6d4c6b7d8b-x2x5z', true],
    [of('apps/v1', 'Deployment', 'shop'), 'Pod', 'shop-api-x2x5z', false],
    [of('apps/v1', 'Deployment', 'shop'), 'Pod', 'shop-api-6d4c6b7d8b-x2x5z', false],
    [of('apps/v1', 'Deployment', 'shop'), 'Service', 'shop', false],
    [of('apps/v1', 'StatefulSet', 'db', claims), 'Pod', 'db-0', true],
    [of('apps/v1', 'StatefulSet', 'db', claims), 'PersistentVolumeClaim', 'data-db-12', true],
    [of('apps/v1', 'StatefulSet', 'db', claims), 'Pod', 'db-x2x5z', false],
    [of('apps/v1', 'DaemonSet', 'log'), 'Pod', 'log-x2x5z', true],
    [of('batch/v1', 'Job', 'once'), 'Pod', 'once-3-x2x5z', true],
    [of('batch/v1', 'CronJob', 'night'), 'Job', 'night-29387520', true],
    [of('batch/v1', 'CronJob', 'night'), 'Pod', 'night-29387520-x2x5z', true],
    [of('v1', 'ConfigMap', 'a'), 'ConfigMap', 'a', true],
    [of('v1', 'ConfigMap', 'a'), 'Pod', 'a-x', false],
    [of('postgresql.cnpg.io/v1', 'Cluster', 'orders'), 'Pod', 'orders-1', true],
    [of('apps/v1', 'Deployment', 'a.b'), 'ReplicaSet', 'axb-6d4c', false],
  ];
  for (const [belongs, kind, name, expected] of cases) assert.equal(belongs(kind, name), expected, `${kind} ${name}`);
});
