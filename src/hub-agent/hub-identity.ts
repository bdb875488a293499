/** By what an agent knows its hub. Apart from `certificates.ts`, whose library an agent loads only when it enrols or renews. */
import { X509Certificate } from 'node:crypto';
import { sha256Hex } from '../base/index.ts';

/** The name that agents expect the hub's certificate to carry, whatever address or gateway they reach it by. */
export const HUB_SERVER_NAME = 'hub.ldc.internal';

/** SHA-256 (hex) of a certificate as a whole (DER). */
export function certificateDigest(certificatePem: string): string {
  return sha256Hex(new X509Certificate(certificatePem).raw);
}

/** The hub CA's SHA-256 that a token carries (`hub/tokens.ts` makes it); undefined when the text is no join token. */
export function caDigestOf(token: string): string | undefined {
  return /^ldc1\.[^.]+\.[^.]+\.([0-9a-f]{64})$/.exec(token.trim())?.[1];
}
