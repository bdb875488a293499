/** The admission webhook itself: HTTPS on loopback, asked by kube-apiserver for pods of the catalogue only. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Json } from '../../base/index.ts';
import type { KeyPair } from '../api/pki.ts';
import { review } from './steering.ts';

export interface Webhook {
  close(): Promise<void>;
}

export async function startWebhook(port: number, { certPem, keyPem }: KeyPair): Promise<Webhook> {
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => void answer(request, response));
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = JSON.stringify(review(JSON.parse(await text(request)) as Json));
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  } catch {
    response.writeHead(400).end(); // no AdmissionReview, or the asker went away
  }
}
