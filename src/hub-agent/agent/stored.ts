/** The agent's own objects in `ldc-system`: read and written whole, guarded by resourceVersion. */
import { gunzipSync, gzipSync } from 'node:zlib';
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { type Client, listAll, verdictOf } from '../../kubernetes/index.ts';
import { retryLater } from './halted.ts';
import { halt, objectOf } from './objects.ts';

export const SYSTEM_NAMESPACE = 'ldc-system';

/** What the agent's own objects are marked with. */
const OURS = 'app.kubernetes.io/managed-by=ldc';
const PARTS = 'ldc.dev/parts';
/** Bytes of one part of a large value: an object may hold 1 MiB, and base64 adds a third. */
const PART_BYTES = 700 * 1024;

export interface Stored {
  /** undefined: absent. */
  read(plural: 'configmaps' | 'secrets', name: string): Promise<KubeObject | undefined>;
  /** Creates (no resourceVersion in it) or replaces. `conflict`: another has written it meanwhile, or deleted it. */
  write(plural: 'configmaps' | 'secrets', object: KubeObject): Promise<KubeObject | 'conflict'>;
  remove(plural: 'configmaps' | 'secrets', name: string): Promise<void>;
  /** Creates or replaces, whatever is there. */
  put(plural: 'configmaps' | 'secrets', object: KubeObject): Promise<void>;
  /** Metadata of all of them; undefined: the agent may not list them (its Role is an older one). */
  list(plural: 'configmaps' | 'secrets'): Promise<readonly KubeObject[] | undefined>;
  /** A value of any size, packed, as the Secrets that it needs; `annotations` are on the first. */
  parts(name: string, value: Json, annotations: { [key: string]: string }): readonly KubeObject[];
  loadLarge(name: string): Promise<Json | undefined>;
  removeLarge(name: string): Promise<void>;
}

export function createStored(client: Client): Stored {
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
    const isGone = verdict.kind === 'notFound' && resourceVersion !== undefined;
    if (verdict.kind === 'stale' || isGone) return 'conflict';
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
  return {
    read,
    write,
    remove,
    put,
    async list(plural) {
      const target = { path: path(plural), apiVersion: 'v1', kind: '', labelSelector: OURS, metadataOnly: true };
      const listed = await listAll(client, target);
      if (listed.kind === 'listed') return listed.objects;
      return listed.status === 403 ? undefined : retryLater(listed.reason);
    },
    parts(name, value, annotations) {
      const packed = gzipSync(JSON.stringify(value));
      const count = Math.max(1, Math.ceil(packed.length / PART_BYTES));
      return Array.from({ length: count }, (_, index) => {
        const data = { part: packed.subarray(index * PART_BYTES, (index + 1) * PART_BYTES).toString('base64') };
        return secret(`${name}-${index}`, data, { [PARTS]: String(count), ...(index === 0 ? annotations : {}) });
      });
    },
    async loadLarge(name) {
      const first = await read('secrets', `${name}-0`);
      const packed: Buffer[] = [];
      for (let index = 0; index < countOf(first); index++) {
        const part = index === 0 ? first : await read('secrets', `${name}-${index}`);
        const data = isObject(part?.data) ? part.data.part : undefined;
        if (typeof data !== 'string') return undefined;
        packed.push(Buffer.from(data, 'base64'));
      }
      return first === undefined ? undefined : unpack(Buffer.concat(packed));
    },
    // the first says how many there are: it goes last, so that who was killed in between finds the others again
    async removeLarge(name) {
      const count = countOf(await read('secrets', `${name}-0`));
      for (let index = count - 1; index >= 0; index--) await remove('secrets', `${name}-${index}`);
    },
  };
}

function path(plural: string, name?: string): string {
  return `/api/v1/namespaces/${SYSTEM_NAMESPACE}/${plural}${name === undefined ? '' : `/${name}`}`;
}

/** How many parts a large value has, by its first; 0: it is not there. */
export function countOf(first: KubeObject | undefined): number {
  return first === undefined ? 0 : Number(first.metadata.annotations?.[PARTS] ?? 1);
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
