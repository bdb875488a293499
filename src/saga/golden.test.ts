/**
 * Chains of transactions that earlier versions have written still replay to what they showed. A released file is never
 * rewritten; new kinds of chains are added with `node src/saga/golden.test.ts --add` (it leaves the files that are there).
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { type Digest, type Entry, type Json, seededRandom, silentLogger } from '../base/index.ts';
import { memoryStore } from '../store/index.ts';
import { parseEntry } from './events.ts';
import { replay } from './state.ts';
import type { Fault } from './testing/fleet.ts';
import { deployPlan } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Operation, TransactionView } from './types.ts';
import { viewOf } from './views.ts';

interface Golden {
  readonly entries: readonly Entry[];
  readonly blobs: { readonly [digest: string]: Json };
  readonly view: TransactionView;
}

const FOLDER = join(import.meta.dirname, 'golden');
const REFUSE: Fault = {
  kind: 'refuse',
  refusal: { kind: 'injected', message: 'no', hint: 'mend it', details: { pods: ['a', 'b'] } },
  effect: false,
};

const CASES: {
  readonly [name: string]: { fault?: World['fleet']['fault']; verbs?: readonly Operation[]; lose?: string };
} = {
  'v1-committed': {},
  'v1-rolled-back': { fault: ({ id }) => (id.endsWith('/gate:us/do') ? REFUSE : undefined) },
  'v1-force-closed': {
    fault: ({ id, kind }) => (id.endsWith('/gate:us/do') || kind === 'undo' ? REFUSE : undefined),
    verbs: [{ verb: 'force-close', reason: 'gone for good' }],
  },
  'v1-owed': { lose: 'us' },
};

async function record(name: string): Promise<Golden> {
  const { fault, verbs = [], lose } = CASES[name] as (typeof CASES)[string];
  const world = new World(['eu', 'us']);
  const { clock, projectors } = world;
  const store = memoryStore({ clock, random: seededRandom(5), projectors, logger: silentLogger });
  const engine = world.open(store);
  if (fault !== undefined) world.fleet.fault = fault;
  const outcome = await engine.submit({
    plan: deployPlan(['eu', 'us']),
    actor: 'user:ann',
    reason: 'golden',
    ifBusy: 'wait',
  });
  assert.equal(outcome.kind, 'done');
  const id = engine.list({}).items[0]?.id ?? '';
  if (lose !== undefined) {
    await world.run(() => engine.events(id).some(({ type, data }) => type === 'step.succeeded' && data.step === `apply:${lose}`)); // biome-ignore format: one line
    world.fleet.connect(lose, false);
    engine.clusterChanged(lose, 'lost');
  }
  for (const verb of verbs) {
    await world.run(() => engine.get(id)?.state === 'stuck');
    await engine.operate(id, verb, 'user:ann', null);
  }
  await world.run(() => engine.get(id)?.sealed === true);
  const entries = engine.events(id);
  const digests = JSON.stringify(entries).match(/sha256:[0-9a-f]{64}/g) ?? [];
  const blobs = digests.flatMap((digest) => {
    const value = store.blobs.get(digest as Digest);
    return value === undefined ? [] : [[digest, value]];
  });
  return { entries, blobs: Object.fromEntries(blobs), view: engine.get(id) as TransactionView };
}

if (process.argv.includes('--add')) {
  for (const name of Object.keys(CASES)) {
    const file = join(FOLDER, `${name}.generated.json`);
    if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(await record(name))}\n`);
  }
}

describe('golden journals', () => {
  const files = globSync('*.generated.json', { cwd: FOLDER }).sort();

  it('are all there', () => {
    assert.deepEqual(files.map((file) => basename(file, '.generated.json')), Object.keys(CASES).sort()); // biome-ignore format: one line
  });

  for (const file of files) {
    const golden = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Golden;
    it(`${file} replays to what it showed`, () => {
      const view = viewOf(replay(golden.entries, (digest) => golden.blobs[digest]));
      assert.deepEqual(JSON.parse(JSON.stringify(view)), golden.view);
      assert.ok(view.sealed);
      assert.equal(view.state, golden.entries.at(-1)?.data.outcome);
    });

    it(`${file}: a chain with any entry left out or changed does not replay`, () => {
      const load = (digest: Digest) => golden.blobs[digest];
      for (let gap = 0; gap < golden.entries.length - 1; gap++) {
        assert.throws(() => replay(golden.entries.toSpliced(gap, 1), load), `without entry ${gap + 1}`);
      }
      const [first] = golden.entries as [Entry];
      assert.throws(() => parseEntry({ ...first, type: 'tx.nonsense' }), /unknown type tx.nonsense/);
      assert.throws(() => parseEntry({ ...first, data: { ...first.data, kind: 'party' } }), /tx\.created/);
    });
  }
});
