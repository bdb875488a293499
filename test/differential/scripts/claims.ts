/** How large a claim may be, from its creation on. */
import type { Json, JsonObject } from '../../../src/base/index.ts';
import { applied, merge, post, remove } from '../build.ts';
import type { Script } from '../types.ts';

const CLAIMS = '/api/v1/namespaces/{{ns}}/persistentvolumeclaims';
const CLASSES = '/apis/storage.k8s.io/v1/storageclasses';
const provided = (name: string, more: JsonObject = {}): Json => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: `{{run}}-${name}` },
  provisioner: 'example.com/none',
  ...more,
});
const claim = (name: string, storageClassName: string, storage = '2Gi'): Json => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage } } },
});
const size = (storage: string | null): Json => ({ spec: { resources: { requests: { storage } } } });
const bound: Json = { status: { phase: 'Bound', capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'] } };

/** A real server hears of a class, and of its end, some time after it was written. */
const claims: Script = {
  name: 'claims',
  steps: [
    post('a class that lets grow', CLASSES, provided('grows', { allowVolumeExpansion: true })),
    post('one that does not', CLASSES, provided('stays')),
    post('create', CLAIMS, claim('a', '{{run}}-grows')),
    merge('bound', `${CLAIMS}/a/status`, bound),
    merge('smaller than its volume', `${CLAIMS}/a`, size('1Gi')),
    merge('larger', `${CLAIMS}/a`, size('4Gi'), { until: 200 }),
    merge('less of it', `${CLAIMS}/a`, size('3Gi')),
    merge('as large as its volume', `${CLAIMS}/a`, size('2Gi')),
    merge('smaller, in other words', `${CLAIMS}/a`, size('1500Mi')),
    merge('nothing', `${CLAIMS}/a`, size('0')),
    applied('smaller, applied by force', `${CLAIMS}/a?fieldManager=m&force=true`, claim('a', '{{run}}-grows', '1Gi')),
    post('create one of the other class', CLAIMS, claim('b', '{{run}}-stays')),
    merge('it is bound', `${CLAIMS}/b/status`, bound),
    merge('it may not grow', `${CLAIMS}/b`, size('3Gi')),
    merge('nor in a dry run', `${CLAIMS}/b?dryRun=All`, size('3Gi')),
    merge('nor shrink', `${CLAIMS}/b`, size('1Gi')),
    merge('the same, in other words', `${CLAIMS}/b`, size('2048Mi')),
    post('create one of no class', CLAIMS, claim('c', '')),
    merge('that is bound', `${CLAIMS}/c/status`, bound),
    merge('and may not grow', `${CLAIMS}/c`, size('3Gi')),
    post('create one of a class that is not there', CLAIMS, claim('d', '{{run}}-none')),
    merge('bound all the same', `${CLAIMS}/d/status`, bound),
    merge('it may not grow either', `${CLAIMS}/d`, size('3Gi')),
    remove('delete the class', `${CLASSES}/{{run}}-grows`),
    merge('what its class allowed', `${CLAIMS}/a?dryRun=All`, size('5Gi'), { until: 403 }),
    remove('delete the other class', `${CLASSES}/{{run}}-stays`),
  ],
};

export const claimScripts: readonly Script[] = [claims];
