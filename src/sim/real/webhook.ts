/** The admission webhook itself: HTTPS on loopback, asked by kube-apiserver for pods of the catalogue only. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Json } from '../../base/index.ts';
import type { KeyPair } from '../api/pki.ts';
import { review } from './steering.ts';

export interface Webhook {
  close(): Promise<void>;
}

/** Twice what an API server takes as a body (3 MiB), and a review's own words: an update's review would hold the pod twice. */
export const REVIEW_BYTES_MAX = 7 * 1024 * 1024;

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
    const asked = await bodyOf(request);
    // what is left of the body is not read: the connection ends with the answer
    if (asked === undefined) return void response.writeHead(413, { connection: 'close' }).end();
    const body = JSON.stringify(review(JSON.parse(asked) as Json));
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  } catch {
    response.writeHead(400).end(); // no AdmissionReview, or the asker went away
  }
}

/** undefined: it is longer than a review can be. Nothing beyond that is kept. */
function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= REVIEW_BYTES_MAX) return void chunks.push(chunk);
      chunks.length = 0;
      request.pause();
      resolve(undefined);
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.once('error', reject);
  });
}
