import { isObject, type KubeObject } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import type { Pod, VolumeSource } from '../kinds/index.ts';
import type { References } from './environment.ts';

export interface PodReferences extends References {
  token(): string | undefined;
  /** The PersistentVolume that a claim is bound to. */
  volumeOf(claim: string): string | undefined;
}

/** Fetches every object that a pod's variables and volumes name. One that cannot be fetched counts as missing for now. */
export async function fetchReferences(client: Client, pod: Pod): Promise<PodReferences> {
  const names = namesOf(pod);
  const namespace = `/api/v1/namespaces/${pod.metadata.namespace}`;
  const get = async (plural: string, name: string) => {
    const answer = await client.request({ method: 'GET', path: `${namespace}/${plural}/${name}` });
    const found = answer.kind === 'answered' && answer.status === 200;
    return [name, found ? (answer.body as unknown as KubeObject) : undefined] as const;
  };
  const all = async (plural: string, wanted: ReadonlySet<string>) => {
    return new Map(await Promise.all([...wanted].map((name) => get(plural, name))));
  };
  const [configMaps, secrets, claims, token] = await Promise.all([
    all('configmaps', names.configMaps),
    all('secrets', names.secrets),
    all('persistentvolumeclaims', names.claims),
    names.token ? requestToken(client, pod) : undefined,
  ]);
  return {
    configMap: (name) => configMaps.get(name),
    secret: (name) => secrets.get(name),
    token: () => token,
    volumeOf(claim) {
      const spec = claims.get(claim)?.spec;
      return isObject(spec) && typeof spec.volumeName === 'string' ? spec.volumeName : undefined;
    },
  };
}

function namesOf({ spec }: Pod) {
  const names = { configMaps: new Set<string>(), secrets: new Set<string>(), claims: new Set<string>(), token: false };
  const note = (set: Set<string>, name: string | undefined) => {
    if (name !== undefined && name !== '') set.add(name);
  };
  const noteSource = ({ configMap, secret, serviceAccountToken }: VolumeSource) => {
    note(names.configMaps, configMap?.name);
    note(names.secrets, secret?.secretName ?? secret?.name);
    if (serviceAccountToken) names.token = true;
  };
  for (const { env = [], envFrom = [] } of [...spec.containers, ...(spec.initContainers ?? [])]) {
    for (const { valueFrom } of env) {
      note(names.configMaps, valueFrom?.configMapKeyRef?.name);
      note(names.secrets, valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      note(names.configMaps, configMapRef?.name);
      note(names.secrets, secretRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    for (const source of [volume, ...(volume.projected?.sources ?? [])]) noteSource(source);
    note(names.claims, volume.persistentVolumeClaim?.claimName);
  }
  return names;
}

async function requestToken(client: Client, { metadata, spec }: Pod): Promise<string | undefined> {
  const account = spec.serviceAccountName ?? 'default';
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid };
  const answer = await client.request({
    method: 'POST',
    path: `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${account}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3607, boundObjectRef },
    },
  });
  if (answer.kind !== 'answered' || answer.status >= 300 || !isObject(answer.body)) return undefined;
  const { status } = answer.body;
  return isObject(status) && typeof status.token === 'string' ? status.token : undefined;
}
