/** After a calm phase all is well: nothing is owed, what is wanted is held and on the cluster, and nothing else of ours is. */
import { isObject, type Json, type JsonObject } from '../../../src/base/index.ts';
import type { Rooms } from '../../../src/main/rooms.ts';
import { type Checker, Violation } from '../events.ts';
import type { World } from '../world.ts';

export function convergeChecker(world: World): Checker {
  return {
    name: 'converge',
    on() {},
    end() {
      const rooms = world.hub?.rooms;
      if (rooms === undefined) return fail('no hub runs');
      const { documents } = rooms.store;
      for (const collection of ['owed', 'unfinished']) {
        const left = documents.list(collection).map(({ key }) => key);
        if (left.length > 0) fail(`${collection}: ${left.join(', ')}`);
      }
      for (const name of world.clusters.keys()) {
        const health = rooms.availability.health(name)?.health;
        if (health !== 'ready') fail(`cluster ${name} is ${health}`);
        isAsWanted(name, rooms);
      }
      for (const { who, message, fields } of world.errors) {
        if (UNEXPECTED.test(message)) fail(`${who} has logged: ${message} ${JSON.stringify(fields)}`);
      }
      const strange = [...world.clusters.values()].flatMap(({ api }) => api.strange);
      if (strange.length > 0) fail(`the light API server does not know: ${[...new Set(strange)].join(', ')}`);
    },
  };

  function isAsWanted(cluster: string, { stacks, store }: Rooms): void {
    const { api } = world.clusters.get(cluster) as NonNullable<ReturnType<World['clusters']['get']>>;
    const expected = new Set<string>();
    for (const { location, bundle } of stacks.desired(cluster)) {
      const blob = store.blobs.get(bundle) as JsonObject | undefined;
      for (const object of objectsIn(blob)) {
        const { namespace, name } = object.metadata as { readonly namespace: string; readonly name: string };
        expected.add(`${namespace}/${name}`);
        const live = api.store.get('configmaps', namespace, name);
        if (live === undefined) fail(`${cluster}: ${namespace}/${name} of ${location.name} is wanted and not there`);
        else if (!holds(live.data, object.data))
          fail(
            `${cluster}: ${namespace}/${name} is ${JSON.stringify(live.data)}, wanted is ${JSON.stringify(object.data)}`,
          );
      }
    }
    for (const { metadata } of api.store.list('configmaps')) {
      const key = `${metadata.namespace}/${metadata.name}`;
      if (metadata.labels?.['ldc.dev/stack'] !== undefined && !expected.has(key))
        fail(`${cluster}: ${key} is nobody's`);
    }
  }
}

/** What only a fault of ldc makes a process say. (An agent that says 'could not start again' was overtaken by its own next start.) */
const UNEXPECTED = /an ask failed|failed in an unexpected way|a listener of the journal failed|could not start$/;

/** All that is wanted, beside what another may have added. */
function holds(live: unknown, wanted: unknown): boolean {
  const has = isObject(live as Json) ? (live as JsonObject) : {};
  return Object.entries((wanted ?? {}) as JsonObject).every(([key, value]) => has[key] === value);
}

function objectsIn(bundle: JsonObject | undefined): readonly JsonObject[] {
  const objects = bundle?.objects;
  return Array.isArray(objects) ? (objects as Json[]).filter(isObject) : [];
}

function fail(sentence: string): never {
  throw new Violation('converge', sentence);
}
