import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from '../../base/index.ts';
import { isTerminating, splitKey } from '../kinds/index.ts';
import { type Context, MANAGER, queueOf, record, remove, written } from './controller.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'persistentvolume-controller';
const CLAIMS = 'persistentvolumeclaims';
const VOLUMES = 'persistentvolumes';
const CLASSES = 'storageclasses.storage.k8s.io';
const PROVISIONER = 'ldc.dev/folder';

interface Claim extends KubeObject {
  readonly spec: {
    readonly volumeName?: string;
    readonly storageClassName?: string;
    readonly accessModes?: readonly string[];
    readonly volumeMode?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
  readonly status?: { readonly phase?: string };
}

/** Binds each claim of the default storage class at once to a volume of its own, which is a folder of the state. */
export function startClaims(context: Context): WorkQueue {
  const claims = context.informers.of<Claim>(CLAIMS);
  const queue = queueOf(context, COMPONENT, (key) => {
    if (key === CLASSES) ensureClass(context);
    const { namespace, name } = splitKey(key);
    const claim = claims.get(namespace, name);
    if (claim !== undefined && !isTerminating(claim) && claim.status?.phase !== 'Bound') bind(context, claim);
    return undefined;
  });
  queue.add(CLASSES);
  claims.onChange((claim) => {
    const { namespace, name } = claim.metadata;
    if (claims.get(namespace, name) === undefined) release(context, claim);
    else queue.add(`${namespace}/${name}`);
  });
  return queue;
}

function ensureClass({ door }: Context): void {
  if (door.get(CLASSES, undefined, 'standard') !== undefined) return;
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  const object = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations },
    provisioner: PROVISIONER,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
  };
  written(door.create(CLASSES, object as unknown as KubeObject, MANAGER));
}

function bind(context: Context, claim: Claim): void {
  const { door } = context;
  const { spec, metadata } = claim;
  const storageClassName = spec.storageClassName ?? 'standard';
  if (storageClassName !== 'standard') return; // waits, as for a class whose provisioner is not there
  const name = spec.volumeName || `pvc-${metadata.uid}`;
  const folder = folderOf(context, name);
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777); // any container's account may own what it writes here
  }
  const accessModes = spec.accessModes ?? ['ReadWriteOnce'];
  const capacity = { storage: spec.resources?.requests?.storage ?? '1Gi' };
  if (door.get(VOLUMES, undefined, name) === undefined) {
    const claimRef = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      namespace: metadata.namespace,
      name: metadata.name,
      uid: metadata.uid,
    };
    const volume = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
      spec: {
        accessModes,
        capacity,
        claimRef,
        hostPath: { path: folder ?? `/${name}` },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName,
        volumeMode: spec.volumeMode ?? 'Filesystem',
      },
    };
    const created = written(door.create(VOLUMES, volume as unknown as KubeObject, MANAGER));
    written(door.update(VOLUMES, { ...created, status: { phase: 'Bound' } }, MANAGER, 'status'));
  }
  const bound = { ...claim, spec: { ...spec, storageClassName, volumeName: name } };
  const live = written(door.update(CLAIMS, bound as KubeObject, MANAGER));
  written(
    door.update(
      CLAIMS,
      { ...live, status: { phase: 'Bound', accessModes: [...accessModes], capacity } },
      MANAGER,
      'status',
    ),
  );
  const message = `Successfully provisioned volume ${name}`;
  record(context, COMPONENT, { about: claim, type: 'Normal', reason: 'ProvisioningSucceeded', message });
}

/** The claim is gone: its volume and the folder go too, as reclaim policy Delete says. */
function release(context: Context, claim: Claim): void {
  const name = claim.spec.volumeName;
  const volume = name === undefined ? undefined : context.door.get(VOLUMES, undefined, name);
  const spec = volume?.spec as { claimRef?: { uid?: string }; persistentVolumeReclaimPolicy?: string } | undefined;
  if (volume === undefined || name === undefined || spec?.claimRef?.uid !== claim.metadata.uid) return;
  if (spec?.persistentVolumeReclaimPolicy !== 'Delete') return;
  remove(context, VOLUMES, volume);
  const folder = folderOf(context, name);
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

function folderOf({ volumesDir }: Context, volume: string): string | undefined {
  return volumesDir === undefined ? undefined : join(volumesDir, volume);
}
