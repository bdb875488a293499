/** Random requests over many kinds, the same for every judge: they depend on the seed alone, never on an answer. */
import { type Json, type JsonObject, type Random, seededRandom } from '../../src/base/index.ts';
import { applied, get, jsonPatch, merge, post, remove, replace, strategic } from './build.ts';
import { homeOf, KINDS, type Kind } from './scripts/kinds.ts';
import type { Script, Step } from './types.ts';

/** Kinds of which a random change is no more than a change: what refuses them is tried one by one elsewhere. */
const TRIED = new Set([
  'configmaps',
  'secrets',
  'services',
  'serviceaccounts',
  'deployments',
  'statefulsets',
  'daemonsets',
  'replicasets',
  'cronjobs',
  'ingresses',
  'networkpolicies',
  'horizontalpodautoscalers',
  'roles',
  'leases',
]);
const NAMES = ['a', 'b'];
const MANAGERS = ['one', 'two', 'three'];

/** So many steps from a seed. */
export function randomScript(seed: number, steps: number): Script {
  const random = seededRandom(seed);
  const kinds = KINDS.filter(({ plural }) => TRIED.has(plural));
  return {
    name: `random-${seed}`,
    steps: Array.from({ length: steps }, (_, index) => randomStep(random, index, pick(random, kinds))),
  };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.min(from.length - 1, Math.floor(random.next() * from.length))] as T;
}

function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

function metadataOf(random: Random, name: string): JsonObject {
  const words = (key: string): JsonObject =>
    chance(random, 0.4) ? { [key]: { [pick(random, ['k', 'l'])]: pick(random, ['v', 'w', '']) } } : {};
  return { name, ...words('labels'), ...words('annotations') } as JsonObject;
}

function randomStep(random: Random, index: number, kind: Kind): Step {
  const home = homeOf(kind);
  const name = pick(random, NAMES);
  const one = `${home}/${name}`;
  const manager = pick(random, MANAGERS);
  const query = `fieldManager=${manager}${chance(random, 0.15) ? '&dryRun=All' : ''}`;
  const { apiVersion, kind: type } = kind.object;
  const title = (verb: string) => `${index} ${verb} ${kind.plural} ${name}`;
  const metadata = metadataOf(random, name);
  const config = { apiVersion, kind: type, metadata, ...pick(random, fragments(kind)) } as JsonObject;
  const whole = { ...kind.object, metadata } as JsonObject;
  const force = chance(random, 0.4) ? '&force=true' : '';
  switch (pick(random, VERBS)) {
    case 'create':
      return post(title('create'), `${home}?${query}`, whole);
    case 'replace':
      return replace(title('replace'), `${one}?${query}`, whole);
    case 'apply':
      return applied(title('apply'), `${one}?${query}${force}`, config);
    case 'merge':
      return merge(title('merge'), `${one}?${query}`, { metadata, ...pick(random, fragments(kind)) } as JsonObject);
    case 'strategic':
      return strategic(title('strategic'), `${one}?${query}`, {
        metadata,
        ...pick(random, fragments(kind)),
      } as JsonObject);
    case 'json':
      return jsonPatch(title('json'), `${one}?${query}`, jsonChange(random, kind));
    case 'status':
      return merge(title('status'), `${one}/status?${query}`, (kind.status ?? {}) as JsonObject);
    case 'delete':
      return remove(title('delete'), one, { propagationPolicy: 'Background' });
    case 'get':
      return get(title('get'), one);
    case 'list':
      return get(title('list'), `${home}?labelSelector=k%3Dv`);
  }
}

const VERBS = [
  'create',
  'create',
  'replace',
  'apply',
  'apply',
  'apply',
  'merge',
  'strategic',
  'json',
  'status',
  'delete',
  'get',
  'list',
] as const;

/** Parts of an object of the kind: what an applier or a patch might hold. */
function fragments(kind: Kind): readonly JsonObject[] {
  const { apiVersion: _v, kind: _k, metadata: _m, ...content } = kind.object;
  return [kind.apply, content, {}];
}

function jsonChange(random: Random, kind: Kind): Json {
  const changes = kind.changes ?? [];
  const label = [{ op: 'add', path: '/metadata/labels', value: { k: pick(random, ['v', 'w']) } }];
  return (changes.length > 0 && chance(random, 0.5) ? pick(random, changes) : label) as Json;
}
