/** Who is at the other end of a TLS connection. */
import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * Whether a peer shows exactly this certificate, and has proved its key. By the certificate and not by its name: whoever may
 * approve requests for certificates has one made in any name.
 */
export function showsCertificate(certPem: string): (socket: Socket) => boolean {
  const { fingerprint256 } = new X509Certificate(certPem);
  return (socket) => {
    const { authorized, getPeerX509Certificate } = socket as Partial<TLSSocket>;
    return authorized === true && getPeerX509Certificate?.call(socket)?.fingerprint256 === fingerprint256;
  };
}
