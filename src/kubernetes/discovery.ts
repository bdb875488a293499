/** What a cluster serves, asked kind by kind and kept; asked again when a kind is missed (a CRD may have come). */
import { type Clock, groupOf, isObject, type Json, type JsonObject } from '../base/index.ts';
import { groupVersionPath } from './paths.ts';
import type { ApiAnswer, Client, KindInfo } from './types.ts';

export interface Discovery {
  /** `missing`: the cluster serves no such kind (asked again not more often than each half second). */
  kind(apiVersion: string, kind: string): Promise<KindLookup>;
  /** Every kind that is served, `apps/v1/Deployment`, sorted. */
  all(): Promise<readonly string[] | undefined>;
  /** A version of that group in which the kind is served, the server's preferred one first; undefined: in none, or nobody says. */
  otherVersion(apiVersion: string, kind: string): Promise<string | undefined>;
  /** Drops what is known: a CRD was applied. */
  forget(): void;
}

export type KindLookup =
  | { readonly kind: 'served'; readonly info: KindInfo }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreachable'; readonly reason: string };

const MISS_MS = 500;

export function createDiscovery(client: Client, clock: Clock): Discovery {
  const known = new Map<string, { readonly kinds: ReadonlyMap<string, KindInfo>; readonly atMs: number }>();

  async function load(apiVersion: string): Promise<ReadonlyMap<string, KindInfo> | string> {
    const answer = await client.request({ method: 'GET', path: groupVersionPath(apiVersion) });
    if (answer.kind === 'unreachable') return answer.reason;
    if (answer.status >= 400 && answer.status !== 404) return `the API server answered ${answer.status}`;
    const kinds = answer.status === 404 ? new Map<string, KindInfo>() : kindsOf(apiVersion, answer.body);
    known.set(apiVersion, { kinds, atMs: clock.monotonic() });
    return kinds;
  }

  async function lookUp(apiVersion: string, kind: string): Promise<KindLookup> {
    const held = known.get(apiVersion);
    const found = held?.kinds.get(kind);
    if (found !== undefined) return { kind: 'served', info: found };
    if (held !== undefined && clock.monotonic() - held.atMs < MISS_MS) return { kind: 'missing' };
    const kinds = await load(apiVersion);
    if (typeof kinds === 'string') return { kind: 'unreachable', reason: kinds };
    const info = kinds.get(kind);
    return info === undefined ? { kind: 'missing' } : { kind: 'served', info };
  }

  return {
    kind: lookUp,
    async otherVersion(apiVersion, kind) {
      const group = groupOf(apiVersion);
      if (group === '') return undefined;
      const answer = await client.request({ method: 'GET', path: `/apis/${group}` });
      if (answer.kind !== 'answered' || !isObject(answer.body)) return undefined;
      for (const { groupVersion } of objects(answer.body.versions)) {
        const found = await lookUp(String(groupVersion), kind);
        if (found.kind === 'served') return String(groupVersion);
      }
      return undefined;
    },
    async all() {
      const groups = await client.request({ method: 'GET', path: '/apis' });
      const versions = groupVersions(groups);
      if (versions === undefined) return undefined;
      const lists = await Promise.all(versions.map(load));
      for (const apiVersion of known.keys()) if (!versions.includes(apiVersion)) known.delete(apiVersion);
      const served = lists.flatMap((kinds, index) =>
        typeof kinds === 'string' ? [] : [...kinds.keys()].map((kind) => `${versions[index]}/${kind}`),
      );
      return served.sort();
    },
    forget: () => known.clear(),
  };
}

function groupVersions(answer: ApiAnswer): readonly string[] | undefined {
  if (answer.kind === 'unreachable' || answer.status !== 200 || !isObject(answer.body)) return undefined;
  return [
    'v1',
    ...objects(answer.body.groups).flatMap((group) => objects(group.versions).map((v) => String(v.groupVersion))),
  ];
}

function kindsOf(apiVersion: string, body: Json): ReadonlyMap<string, KindInfo> {
  const resources = isObject(body) ? objects(body.resources) : [];
  const kinds = new Map<string, KindInfo>();
  for (const resource of resources) {
    const plural = String(resource.name);
    if (plural.includes('/')) continue;
    kinds.set(String(resource.kind), {
      apiVersion,
      kind: String(resource.kind),
      plural,
      namespaced: resource.namespaced === true,
      verbs: Array.isArray(resource.verbs) ? resource.verbs.map(String) : [],
      subresources: resources
        .map((other) => String(other.name))
        .filter((name) => name.startsWith(`${plural}/`))
        .map((name) => name.slice(plural.length + 1)),
    });
  }
  return kinds;
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
