/**
 * A whole hub's engine on SQLite in a process of its own, killed by SIGKILL around journal writes of a deploy, and started
 * again on what it left. The agents (maps) live in this process, so they go on while the hub is dead. This file is both
 * the test and, started with arguments, the hub.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import {
  createIds,
  type Digest,
  digestOf,
  done,
  type Entry,
  type Journal,
  limits,
  type Outcome,
  refused,
  silentLogger,
  systemClock,
  systemRandom,
} from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import type { AgentLink, Command, CommandOutput } from '../protocol/index.ts';
import { fileMasterKey, openStore } from '../store/index.ts';
import { createEngine } from './engine.ts';
import { projectTransaction } from './project.ts';
import { Fleet } from './testing/fleet.ts';
import { bundleOf, deployPlan } from './testing/plans.ts';
import type { TransactionView } from './types.ts';

/** Around the nth append: before it is asked for, while it is under way, or when it is durable and nobody was told. */
type Moment = 'before' | 'within' | 'after';
type ToParent =
  | { kind: 'execute'; n: number; cluster: string; command: Command; timeoutMs: number }
  | { kind: 'ended'; view: TransactionView; chain: readonly Entry[]; appends: number };
type ToChild = { n: number; outcome: Outcome<CommandOutput> };

const [dir, killAt = '0', moment = 'after'] = process.argv[1] === import.meta.filename ? process.argv.slice(2) : [];
if (dir !== undefined) await runHub(dir, Number(killAt), moment as Moment);
else describeKills();

/** Submits a deploy to an empty store, goes on with the one that is there otherwise; says how it ended. */
async function runHub(folder: string, at: number, when: Moment): Promise<void> {
  const store = openStore({
    dir: folder,
    clock: systemClock,
    random: systemRandom,
    masterKey: fileMasterKey(join(folder, 'master.key'), systemRandom),
    projectors: [projectTransaction],
    logger: silentLogger,
  });
  const counted = { appends: 0 };
  const engine = createEngine({
    ...{ documents: store.documents, blobs: store.blobs, epoch: store.epoch, link: parentLink() },
    journal: killing(store.journal, counted, at, when),
    replan: {
      again: async () => refused({ kind: 'unexpected', message: 'nothing is planned anew here', hint: 'mend it' }),
      without: async () => refused({ kind: 'unexpected', message: 'no cluster is lost here', hint: 'mend it' }),
      reserve: () => done(null),
      release: () => {},
    },
    ...{ clock: systemClock, random: systemRandom, ids: createIds(systemClock, systemRandom), logger: silentLogger },
    limits: { ...limits, retryFirstMs: 5, retryMsMax: 50 },
  });
  await engine.start();
  const [found] = engine.list({}).items;
  const outcome =
    found === undefined
      ? await engine.submit({ plan: quickPlan(), actor: 'user:ann', reason: null, ifBusy: 'wait' })
      : undefined;
  const id = outcome?.kind === 'done' ? outcome.value.id : (found?.id ?? '');
  const view = await engine.finished(id);
  await engine.stop();
  const ended: ToParent = { kind: 'ended', view, chain: store.journal.chain(id), appends: counted.appends };
  await new Promise<void>((resolve) => process.send?.(ended, () => resolve()));
  await store.close();
  process.disconnect();
}

function quickPlan(): Plan {
  const { digest: _, ...plan } = deployPlan(['eu', 'us'], { removeFrom: 'eu' });
  const steps = plan.steps.map((step) =>
    step.work.action === 'soak' ? { ...step, work: { ...step.work, durationMs: 2 } } : step,
  );
  return { ...plan, steps, digest: digestOf({ ...plan, steps } as never) };
}

function killing(journal: Journal, counted: { appends: number }, at: number, when: Moment): Journal {
  const die = () => void process.kill(process.pid, 'SIGKILL');
  return {
    chain: (tx, from, limit) => journal.chain(tx, from, limit),
    read: (from, limit) => journal.read(from, limit),
    onAppend: (listener) => journal.onAppend(listener),
    async append(entries) {
      counted.appends++;
      const now = counted.appends === at;
      if (now && when === 'before') die();
      const written = journal.append(entries);
      if (now && when === 'within') die();
      const answer = await written;
      if (now) die();
      return answer;
    },
  };
}

function parentLink(): AgentLink {
  const waiting = new Map<number, (outcome: Outcome<CommandOutput>) => void>();
  let count = 0;
  process.on('message', ({ n, outcome }: ToChild) => waiting.get(n)?.(outcome));
  return {
    execute(cluster, command, { timeoutMs }) {
      const n = ++count;
      const asked: ToParent = { kind: 'execute', n, cluster, command, timeoutMs };
      process.send?.(asked);
      return new Promise((resolve) => void waiting.set(n, resolve));
    },
    connected: () => true,
    onChange: () => () => {},
  };
}

/** One hub process until it has ended by itself or was killed; undefined when it was killed. */
async function hub(fleet: Fleet, args: readonly string[]): Promise<Extract<ToParent, { kind: 'ended' }> | undefined> {
  const child: ChildProcess = fork(import.meta.filename, args, { execArgv: [], env: {} });
  let ended: Extract<ToParent, { kind: 'ended' }> | undefined;
  child.on('message', (message: ToParent) => {
    if (message.kind === 'ended') ended = message;
    else {
      const { n, cluster, command, timeoutMs } = message;
      void fleet.execute(cluster, command, { timeoutMs }).then((outcome) => {
        if (child.connected) child.send({ n, outcome } satisfies ToChild, () => {}); // nobody may be there to hear it
      });
    }
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('exit', (...how) => resolve(how)),
  );
  if (ended === undefined) assert.equal(signal, 'SIGKILL', `it ended with ${code} by itself and said nothing`);
  return ended;
}

function describeKills(): void {
  const folders: string[] = [];
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const begin = (fails: boolean) => {
    const folder = mkdtempSync(join(tmpdir(), 'ldc-kill-'));
    folders.push(folder);
    const fleet = new Fleet(systemClock, ['eu', 'us']);
    fleet.clusters.get('eu')?.things.set('default/shop/old', 'r0');
    const refusal = { kind: 'notReady', message: 'never ready', hint: 'mend it' };
    if (fails) fleet.fault = ({ id }) => (id.includes('/gate:us/') ? { kind: 'refuse', refusal, effect: false } : undefined); // biome-ignore format: one line
    return { folder, fleet };
  };

  const moments: readonly Moment[] = ['after', 'within', 'before'];
  for (const fails of [false, true]) {
    const what = fails ? 'that is undone' : 'that is committed';
    describe(`SIGKILL in the middle of a deploy ${what}`, { concurrency: 3, timeout: 60_000 }, () => {
      for (const [index, at] of [2, 5, 8, 11, 14, 17].entries()) {
        const when = moments[index % moments.length] as Moment;
        it(`${when} append ${at}`, async () => {
          const { folder, fleet } = begin(fails);
          const early = await hub(fleet, [folder, String(at), when]);
          assert.equal(early, undefined, `it ended after ${early?.appends} appends, before the kill`);
          const last = await hub(fleet, [folder]);
          assert.ok(last !== undefined);
          check(last, fleet, fails);
        });
      }
    });
  }
}

function check({ view, chain }: Extract<ToParent, { kind: 'ended' }>, fleet: Fleet, fails: boolean): void {
  assert.equal(view.state, fails ? 'rolledBack' : 'committed', JSON.stringify(view.cause));
  assert.equal(view.sealed, true);
  assert.equal(chain.at(-1)?.data.count, chain.length);
  assert.deepEqual(new Set(chain.map(({ epoch }) => epoch)), new Set([1, 2]), 'both lives of the hub wrote to it');
  for (const { id } of view.plan.steps) {
    const of = (type: string) => chain.filter((entry) => entry.type === type && entry.data.step === id).length;
    assert.ok(of('step.succeeded') + of('step.failed') <= 1 && of('step.undone') <= 1, `${id} has one outcome`);
  }
  const effects = fleet.effects.map(({ cluster, id }) => `${cluster} ${id}`);
  assert.equal(new Set(effects).size, effects.length, 'no command did its work twice');
  const served = (cluster: string) => fleet.clusters.get(cluster)?.things.get('default/shop/web');
  const bundle = (cluster: string): Digest => bundleOf(cluster, 1);
  if (fails) {
    assert.deepEqual([served('eu'), served('us')], [undefined, undefined]);
    assert.equal(fleet.clusters.get('eu')?.things.get('default/shop/old'), 'r0');
    assert.equal(view.rollback?.verified?.equal, true);
  } else {
    assert.deepEqual([served('eu'), served('us')], [`r1 ${bundle('eu')}`, `r1 ${bundle('us')}`]);
    assert.equal(fleet.clusters.get('eu')?.things.has('default/shop/old'), false);
  }
}
