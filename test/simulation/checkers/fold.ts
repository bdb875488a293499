/** The journal is a legal fold: each entry follows from the one before it, chains replay, and every view is what they say. */
import { isDeepStrictEqual } from 'node:util';
import { type Digest, type DocumentChange, digestOf, type Entry, type Json } from '../../../src/base/index.ts';
import { projectorsOver } from '../../../src/main/rooms.ts';
import { replay } from '../../../src/saga/state.ts';
import { viewOf } from '../../../src/saga/views.ts';
import { memoryDisk, memoryTables } from '../../../src/store/memory-tables.ts';
import { type Checker, type SimulationEvent, Violation } from '../events.ts';
import type { World } from '../world.ts';

export function foldChecker(world: World): Checker {
  const chains = new Map<string, Entry[]>();
  const blob = (digest: Digest) => {
    const text = world.disk.blobs.get(digest);
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  };
  return {
    name: 'fold',
    on(event: SimulationEvent) {
      if (event.kind === 'entry') link(event.entry);
      if (event.kind !== 'hubOpened') return;
      for (const [id, chain] of chains) if (id.startsWith('tx-')) replayed(chain);
      viewsAgree();
    },
    end() {
      const { engine } = world.hub?.rooms ?? {};
      for (const [id, chain] of chains) {
        if (!id.startsWith('tx-')) continue;
        const view = viewOf(replayed(chain));
        const shown = engine?.get(id);
        if (!isDeepStrictEqual(shown, view)) fail(`the engine shows ${id} as something else than its chain says`);
      }
      viewsAgree();
    },
  };

  function link(entry: Entry): void {
    const chain = chains.get(entry.tx) ?? [];
    chains.set(entry.tx, chain);
    const before = chain.at(-1);
    const prev = before === undefined ? '' : digestOf(before as unknown as Json);
    if (entry.seq !== chain.length + 1 || entry.prev !== prev)
      fail(`entry ${entry.seq} of ${entry.tx} does not follow from the one before it`);
    chain.push(entry);
    if (entry.type === 'tx.sealed') replayed(chain);
  }

  function replayed(chain: readonly Entry[]) {
    try {
      return replay(chain, blob);
    } catch (error) {
      return fail(`${chain[0]?.tx} does not replay: ${(error as Error).message}`);
    }
  }

  /** All views made anew from the journal alone. */
  function viewsAgree(): void {
    const tables = memoryTables(memoryDisk());
    const projectors = projectorsOver(() => ({ get: blob, put: () => Promise.reject(new Error('read only')) }));
    const put = ({ collection, key, body }: DocumentChange) => {
      if (body === null) tables.deleteDocument(collection, key);
      else tables.putDocument({ collection, key, body, version: 1 });
    };
    const collections = new Set<string>();
    for (const { text } of world.disk.journal) {
      const entry = JSON.parse(text) as Entry;
      for (const project of projectors) {
        for (const change of project(entry, tables)) {
          collections.add(change.collection);
          put(change);
        }
      }
    }
    for (const collection of collections) {
      const bodies = (documents: readonly { readonly key: string; readonly body: unknown }[]) =>
        new Map(documents.map(({ key, body }) => [key, body]));
      const made = bodies(tables.list(collection));
      const kept = bodies([...(world.disk.documents.get(collection)?.values() ?? [])]);
      for (const key of new Set([...made.keys(), ...kept.keys()])) {
        if (!isDeepStrictEqual(made.get(key), kept.get(key)))
          fail(`document ${collection} ${key} is not what the journal says`);
      }
    }
  }
}

function fail(sentence: string): never {
  throw new Violation('fold', sentence);
}
