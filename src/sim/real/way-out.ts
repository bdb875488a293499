/**
 * The one way by which a real API server dials anybody: an HTTP CONNECT proxy on loopback, which knows pods by the address that
 * they show and refuses every address that is not of this machine. So logs, webhooks and the proxies of pods and Services work,
 * and nothing ever leaves the machine, whatever an object says.
 */
import { createServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { showsCertificate } from '../api/peer.ts';
import type { KeyPair, Pki } from '../api/pki.ts';
import { dialledAddress } from './pod-addresses.ts';

export interface WayOut {
  close(): Promise<void>;
}

/** The API server's certificate for the way out, in the folder of the cluster's keys; nobody else has one that opens it. */
export function wayOutClient(pki: Pki): Promise<KeyPair> {
  return pki.issue(CLIENT, `CN=kube-apiserver-${CLIENT}`, 'client');
}
const CLIENT = 'egress-client';

/** Serves with the cluster's own authority, and only who shows the certificate `clientPem`. */
export async function startWayOut(
  port: number,
  { caPem, server: { certPem, keyPem } }: Pki,
  clientPem: string,
): Promise<WayOut> {
  const isApiServer = showsCertificate(clientPem);
  const open = new Set<Socket>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const tls = { ca: caPem, cert: certPem, key: keyPem, requestCert: true, rejectUnauthorized: true };
  const server = createServer(tls, (_, response) => response.writeHead(405).end());
  server.unref();
  server.on('connect', (request, stream, head) => {
    const socket = stream as Socket;
    track(socket);
    if (!isApiServer(socket)) {
      socket.end('HTTP/1.1 403 only the API server goes out here\r\n\r\n');
      return;
    }
    const target = targetOf(request.url ?? '');
    if (target === undefined) {
      socket.end(`HTTP/1.1 403 ${request.url} is not on this machine\r\n\r\n`);
      return;
    }
    let established = false;
    const onward = connect(target, () => {
      established = true;
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    track(onward);
    onward.once('close', () => {
      if (established) socket.destroy();
      else socket.end(`HTTP/1.1 502 nobody listens on ${target.host}:${target.port}\r\n\r\n`);
    });
    socket.once('close', () => onward.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    close() {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Where `host:port` leads; undefined when that is off this machine. */
export function targetOf(authority: string): { readonly host: string; readonly port: number } | undefined {
  const [, name = '', port = ''] = /^([\d.]+|localhost):(\d+)$/.exec(authority) ?? [];
  const host = dialledAddress(name === 'localhost' ? '127.0.0.1' : name);
  return host === undefined ? undefined : { host, port: Number(port) };
}

/**
 * What kube-apiserver reads as `--egress-selector-config-file`. `cluster`: nodes, pods, Services; `controlplane`: webhooks by URL.
 * etcd is told by a flag of its own.
 */
export function egressSelector(port: number, pkiFolder: string): string {
  // without TLS kube-apiserver ends with a nil dereference, though it accepts such a configuration (seen with 1.34.10)
  const tlsConfig = {
    caBundle: join(pkiFolder, 'ca.crt'),
    clientCert: join(pkiFolder, `${CLIENT}.crt`),
    clientKey: join(pkiFolder, `${CLIENT}.key`),
  };
  const tcp = { url: `https://127.0.0.1:${port}`, tlsConfig };
  const connection = { proxyProtocol: 'HTTPConnect', transport: { tcp } };
  const egressSelections = ['cluster', 'controlplane'].map((name) => ({ name, connection }));
  return JSON.stringify({
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections,
  });
}
