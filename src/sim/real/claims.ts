/**
 * The provisioner of a real cluster's default StorageClass, as any other one works: the controller manager asks for a volume by
 * an annotation on the claim, binds what it is given, and says `Released` when the claim is gone.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, JsonObject, KubeObject, Logger, Random } from '../../base/index.ts';
import { type ApiRequest, type Client, watchLoop } from '../../kubernetes/index.ts';

const PROVISIONER = 'ldc.dev/folder';
const VOLUMES = '/api/v1/persistentvolumes';
const ASKED_OF = ['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner'];
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
const RETRY_MS = 1_000;

export const DEFAULT_CLASS: JsonObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
};

export interface ProvisionerOptions {
  readonly client: Client;
  /** Each volume is a folder in it. */
  readonly volumesDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** It works until this is aborted. */
  readonly signal: AbortSignal;
}

interface Claim extends KubeObject {
  readonly spec?: {
    readonly volumeName?: string;
    readonly storageClassName?: string;
    readonly accessModes?: readonly string[];
    readonly volumeMode?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
}

interface Volume extends KubeObject {
  readonly spec?: { readonly persistentVolumeReclaimPolicy?: string };
  readonly status?: { readonly phase?: string };
}

export function startProvisioner(options: ProvisionerOptions): void {
  const { client } = options;
  const claims = new Latest<Claim>((claim) => provision(claim, options), options);
  const volumes = new Latest<Volume>((volume) => reclaim(volume, options), options);
  void watchLoop(
    client,
    { path: '/api/v1/persistentvolumeclaims', apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
    claims,
    options,
  );
  void watchLoop(client, { path: VOLUMES, apiVersion: 'v1', kind: 'PersistentVolume' }, volumes, options);
}

/** Hands each object to `settle` as it comes, and again while that cannot be done; a newer state of it takes its place. */
class Latest<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #settle: (object: T) => Promise<'settled' | 'again'>;
  readonly #options: ProvisionerOptions;

  constructor(settle: (object: T) => Promise<'settled' | 'again'>, options: ProvisionerOptions) {
    this.#settle = settle;
    this.#options = options;
  }

  async onList(objects: readonly KubeObject[]): Promise<void> {
    this.#objects.clear();
    for (const object of objects) await this.onEvent('ADDED', object);
  }

  async onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): Promise<void> {
    const { uid = '' } = object.metadata;
    if (type === 'DELETED') {
      this.#objects.delete(uid);
      return;
    }
    this.#objects.set(uid, object as T);
    await this.#try(uid);
  }

  async #try(uid: string): Promise<void> {
    const object = this.#objects.get(uid);
    if (object === undefined || this.#options.signal.aborted) return;
    if ((await this.#settle(object)) === 'again') this.#options.clock.after(RETRY_MS, () => void this.#try(uid));
  }
}

async function provision(claim: Claim, options: ProvisionerOptions): Promise<'settled' | 'again'> {
  const { annotations = {}, deletionTimestamp, uid } = claim.metadata;
  const asked = ASKED_OF.some((annotation) => annotations[annotation] === PROVISIONER);
  if (!asked || claim.spec?.volumeName || deletionTimestamp !== undefined) return 'settled';
  const name = `pvc-${uid}`;
  const folder = join(options.volumesDir, name);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777); // any container's account may own what it writes here
  return send(options, { method: 'POST', path: VOLUMES, body: volumeFor(claim, name, folder) }, 409);
}

function volumeFor({ metadata, spec = {} }: Claim, name: string, path: string): JsonObject {
  const { namespace = '', uid = '', resourceVersion = '' } = metadata;
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    namespace,
    name: metadata.name,
    uid,
    resourceVersion,
  };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [PROVISIONED_BY]: PROVISIONER } },
    spec: {
      accessModes: [...(spec.accessModes ?? ['ReadWriteOnce'])],
      capacity: { storage: spec.resources?.requests?.storage ?? '1Gi' },
      claimRef: claim,
      hostPath: { path },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: spec.storageClassName ?? 'standard',
      volumeMode: spec.volumeMode ?? 'Filesystem',
    },
  };
}

async function reclaim({ metadata, spec, status }: Volume, options: ProvisionerOptions): Promise<'settled' | 'again'> {
  const ours = metadata.annotations?.[PROVISIONED_BY] === PROVISIONER;
  if (!ours || status?.phase !== 'Released' || spec?.persistentVolumeReclaimPolicy !== 'Delete') return 'settled';
  rmSync(join(options.volumesDir, metadata.name), { recursive: true, force: true });
  const preconditions = { uid: metadata.uid ?? '' };
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
  return send(options, { method: 'DELETE', path: `${VOLUMES}/${metadata.name}`, body }, 404, 409);
}

/** `also`: answers that say that it is done already. */
async function send({ client, logger, signal }: ProvisionerOptions, request: ApiRequest, ...also: readonly number[]) {
  const answer = await client.request({ ...request, signal });
  if (answer.kind === 'answered' && (answer.status < 300 || also.includes(answer.status))) return 'settled';
  if (!signal.aborted) {
    const why = answer.kind === 'answered' ? answer.status : answer.reason;
    logger.warn({ method: request.method, path: request.path, why }, 'a claim or volume has to be tried again');
  }
  return 'again';
}
