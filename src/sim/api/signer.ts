/** Signs approved requests for client certificates, as the signers of a real controller manager do. */
import type { KubeObject } from '../../base/index.ts';
import { errorText } from '../../base/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ApiDoor } from '../types.ts';
import { type Cluster, part } from './cluster.ts';
import type { Pki } from './pki.ts';
import { fields } from './strategy.ts';

const REQUESTS = 'certificatesigningrequests.certificates.k8s.io';
const SIGNERS = new Set(['kubernetes.io/kube-apiserver-client', 'kubernetes.io/kube-apiserver-client-kubelet']);
const MANAGER = 'kube-controller-manager';
const YEAR_SECONDS = 365 * 24 * 3600;

export function runSigner(cluster: Cluster, door: ApiDoor, pki: Pki): void {
  const open = new Set<string>();
  door.onChange(REQUESTS, ({ type, object }) => {
    const uid = object.metadata.uid ?? '';
    if (type === 'DELETED' || open.has(uid) || !isDue(object)) return;
    open.add(uid);
    void sign(cluster, door, pki, object).finally(() => open.delete(uid));
  });
}

function isDue(request: KubeObject): boolean {
  const status = part(request, 'status');
  const has = (type: string) =>
    (Array.isArray(status.conditions) ? status.conditions : []).map(fields).some((one) => one.type === type);
  return (
    SIGNERS.has(String(part(request, 'spec').signerName)) &&
    has('Approved') &&
    !has('Denied') &&
    !has('Failed') &&
    status.certificate === undefined
  );
}

async function sign(cluster: Cluster, door: ApiDoor, pki: Pki, request: KubeObject): Promise<void> {
  const spec = part(request, 'spec');
  const pem = Buffer.from(String(spec.request), 'base64').toString('utf8');
  const seconds = typeof spec.expirationSeconds === 'number' ? spec.expirationSeconds : YEAR_SECONDS;
  const patch = await pki.signClient(pem, seconds).then(
    (certificate) => ({ certificate: Buffer.from(certificate).toString('base64') }),
    (error: unknown) => ({ failure: errorText(error) }),
  );
  const live = door.get(REQUESTS, undefined, request.metadata.name);
  if (live === undefined || live.metadata.uid !== request.metadata.uid) return;
  const status = part(live, 'status');
  const now = kubeTime(cluster.clock.now());
  const conditions = Array.isArray(status.conditions) ? status.conditions : [];
  const failed = {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  const next =
    'certificate' in patch
      ? { ...status, ...patch }
      : { ...status, conditions: [...conditions, { ...failed, message: patch.failure }] };
  door.update(REQUESTS, { ...live, status: next }, MANAGER, 'status');
}
