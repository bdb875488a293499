/** Certificate signing requests: who asks is written by the server, and nobody asks for the masters' group. */
import type { KubeObject } from '../../base/index.ts';
import { type Call, part } from './cluster.ts';
import { requestSubject } from './pki.ts';
import { forbidden } from './status.ts';

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** @throws ApiError 403. */
export function admitRequest(call: Call, object: KubeObject): KubeObject {
  const spec = part(object, 'spec');
  if (spec.signerName === CLIENT_SIGNER && organizationsOf(spec.request).includes('system:masters')) {
    throw forbidden(
      call.resource,
      object.metadata.name,
      `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`,
    );
  }
  const { name: username, uid, groups, extra } = call.user;
  const asker = {
    username,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
  return { ...object, spec: { ...spec, ...asker } };
}

/** The groups that a request asks for; none when it cannot be read (validation says so then). */
function organizationsOf(request: unknown): readonly string[] {
  if (typeof request !== 'string') return [];
  try {
    return requestSubject(Buffer.from(request, 'base64').toString('utf8')).organizations;
  } catch {
    return [];
  }
}
