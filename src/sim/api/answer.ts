/** An answer before it is bytes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import type { Json } from '../../base/index.ts';
import { type Body, goSyntaxError } from './body.ts';
import { ApiError } from './status.ts';

export interface Answer {
  readonly status: number;
  readonly body: Json | Buffer;
  /** Default `application/json`. */
  readonly type?: string;
  readonly headers?: { readonly [name: string]: string };
}

export const json = (status: number, body: Json, headers?: Answer['headers']): Answer =>
  headers === undefined ? { status, body } : { status, body, headers };

export const text = (status: number, body: string): Answer => ({
  status,
  body: Buffer.from(body),
  type: 'text/plain; charset=utf-8',
  headers: { 'X-Content-Type-Options': 'nosniff' },
});

export function send(response: ServerResponse, answer: Answer, asYaml = false): void {
  const body = Buffer.isBuffer(answer.body)
    ? answer.body
    : Buffer.from(asYaml ? stringify(answer.body, { sortMapEntries: true }) : `${JSON.stringify(answer.body)}\n`);
  response.statusCode = answer.status;
  response.setHeader('Content-Type', answer.type ?? (asYaml ? 'application/yaml' : 'application/json'));
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  const packed = isPacked(response.req, body) ? gzipSync(body, { level: 1 }) : body;
  if (packed !== body) {
    response.setHeader('Content-Encoding', 'gzip');
    response.appendHeader('Vary', 'Accept-Encoding');
  }
  response.setHeader('Content-Length', packed.length);
  response.end(response.req.method === 'HEAD' ? undefined : packed);
}

const PACKED_BYTES_MIN = 128 * 1024;

/** As a real server: only what is large, and only for who says that it takes it. */
function isPacked(request: IncomingMessage, body: Buffer): boolean {
  const accepted = String(request.headers['accept-encoding'] ?? '').split(',');
  return body.length > PACKED_BYTES_MIN && accepted.some((one) => one.split(';')[0]?.trim() === 'gzip');
}

const BODY_BYTES_MAX = 3 * 1024 * 1024;

/** @throws ApiError 413 beyond the limit of a real server (3 MiB). */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) {
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_BYTES_MAX}`);
    }
    chunks.push(chunk);
  }
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return { type, bytes: Buffer.concat(chunks) };
}

/** A JSON body that may be absent, such as the options of a DELETE. @throws ApiError 500, as a real server does. */
export function optionalJson(body: Body): Json | undefined {
  if (body.bytes.length === 0) return undefined;
  try {
    return JSON.parse(body.bytes.toString('utf8')) as Json;
  } catch (error) {
    const why = `couldn't get version/kind; json parse error: ${goSyntaxError(error)}`;
    throw new ApiError(500, undefined, why);
  }
}
