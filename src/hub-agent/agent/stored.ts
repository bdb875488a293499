/** The agent's own objects in `ldc-system`: read and written whole, guarded by resourceVersion. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { type Client, verdictOf } from '../../kubernetes/index.ts';
import { halt, objectOf } from './objects.ts';

export const SYSTEM_NAMESPACE = 'ldc-system';

/** Bytes of one part of a large value: an object may hold 1 MiB, and base64 adds a third. */
const PART_BYTES = 700 * 1024;

export interface Stored {
  /** undefined: absent. */
  read(plural: 'configmaps' | 'secrets', name: string): Promise<KubeObject | undefined>;
  /** Creates (no resourceVersion in it) or replaces. `conflict`: another has written it meanwhile. */
  write(plural: 'configmaps' | 'secrets', object: KubeObject): Promise<KubeObject | 'conflict'>;
  remove(plural: 'configmaps' | 'secrets', name: string): Promise<void>;
  /** A value of any size, packed, in as many Secrets as it needs. The last part is written first: half a value is never read. */
  saveLarge(name: string, value: Json): Promise<void>;
  loadLarge(name: string): Promise<Json | undefined>;
  removeLarge(name: string): Promise<void>;
}

export function createStored(client: Client): Stored {
  const path = (plural: string, name?: string) =>
    `/api/v1/namespaces/${SYSTEM_NAMESPACE}/${plural}${name === undefined ? '' : `/${name}`}`;

  async function read(plural: string, name: string): Promise<KubeObject | undefined> {
    const verdict = verdictOf(await client.request({ method: 'GET', path: path(plural, name) }), `${plural} ${name}`);
    return verdict.kind === 'notFound' ? undefined : objectOf(verdict);
  }
  async function write(plural: string, object: KubeObject): Promise<KubeObject | 'conflict'> {
    const { name, resourceVersion } = object.metadata;
    const answer =
      resourceVersion === undefined
        ? await client.request({ method: 'POST', path: path(plural), body: object })
        : await client.request({ method: 'PUT', path: path(plural, name), body: object });
    const verdict = verdictOf(answer, `${plural} ${name}`);
    if (verdict.kind === 'stale') return 'conflict';
    return objectOf(verdict);
  }
  async function remove(plural: string, name: string): Promise<void> {
    const verdict = verdictOf(
      await client.request({ method: 'DELETE', path: path(plural, name) }),
      `${plural} ${name}`,
    );
    if (verdict.kind !== 'ok' && verdict.kind !== 'notFound') halt(verdict);
  }
  /** Last writer wins: there is one agent. */
  async function put(plural: string, object: KubeObject): Promise<void> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const live = await read(plural, object.metadata.name);
      const resourceVersion = live?.metadata.resourceVersion;
      const metadata = { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      if ((await write(plural, { ...object, metadata })) !== 'conflict') return;
    }
  }
  async function partsOf(name: string): Promise<number> {
    const first = await read('secrets', `${name}-0`);
    return first === undefined ? 0 : Number(first.metadata.annotations?.['ldc.dev/parts'] ?? 1);
  }
  return {
    read,
    write,
    remove,
    async saveLarge(name, value) {
      const packed = gzipSync(JSON.stringify(value));
      const count = Math.max(1, Math.ceil(packed.length / PART_BYTES));
      for (let index = count - 1; index >= 0; index--) {
        const data = { part: packed.subarray(index * PART_BYTES, (index + 1) * PART_BYTES).toString('base64') };
        await put('secrets', secret(`${name}-${index}`, data, { 'ldc.dev/parts': String(count) }));
      }
    },
    async loadLarge(name) {
      const count = await partsOf(name);
      if (count === 0) return undefined;
      const parts: Buffer[] = [];
      for (let index = 0; index < count; index++) {
        const part = await read('secrets', `${name}-${index}`);
        const data = isObject(part?.data) ? part.data.part : undefined;
        if (typeof data !== 'string') return undefined;
        parts.push(Buffer.from(data, 'base64'));
      }
      return unpack(Buffer.concat(parts));
    },
    async removeLarge(name) {
      const count = await partsOf(name);
      for (let index = 0; index < count; index++) await remove('secrets', `${name}-${index}`);
    },
  };
}

/** A part of an older value among newer ones does not unpack: as good as absent, and fetched from the hub again. */
function unpack(packed: Buffer): Json | undefined {
  try {
    return JSON.parse(gunzipSync(packed).toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}

export function secret(name: string, data: JsonObject, annotations: { [key: string]: string } = {}): KubeObject {
  const metadata = {
    name,
    namespace: SYSTEM_NAMESPACE,
    labels: { 'app.kubernetes.io/managed-by': 'ldc' },
    annotations,
  };
  return { apiVersion: 'v1', kind: 'Secret', metadata, type: 'ldc.dev/agent', data };
}
