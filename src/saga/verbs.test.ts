/** Every verb of a person in every state: it acts, or it is refused with the reason; and what it acted on still ends. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { memoryStore } from '../store/index.ts';
import type { Fault } from './testing/fleet.ts';
import { bundleOf, deployPlan, locationOf, step } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine, Operation, TransactionState } from './types.ts';

const REFUSE: Fault = { kind: 'refuse', refusal: { kind: 'no', message: 'no', hint: 'mend it' }, effect: false };
const HANG: Fault = { kind: 'hang' };

type Verb = Operation['verb'];
const VERBS: readonly Verb[] = ['approve', 'pause', 'resume', 'abort', 'retry', 'skip', 'force-close'];

interface Situation {
  readonly state: TransactionState;
  /** Until it is let go: which command of which kind does not do its work. */
  readonly fault?: (kind: string) => Fault | undefined;
  readonly plan?: () => Plan;
  /** Once the transaction is there. */
  readonly prepare?: (engine: Engine, id: string, world: World) => Promise<void>;
  /** What each verb does: the state right after it, or why not. */
  readonly cells: { readonly [verb in Verb]: TransactionState | RegExp };
}

const NOT_STUCK = { skip: /only a stuck one has something to skip/, 'force-close': /only a stuck one can be closed by force; try abort/ }; // biome-ignore format: a table
const NO_APPROVAL = { approve: /does not wait for an approval/ };
const NOT_HELD = { resume: /it is not paused/, retry: /neither stuck nor paused after a failure/ };
const FORWARD = { ...NO_APPROVAL, ...NOT_HELD, ...NOT_STUCK, pause: 'paused', abort: 'compensating' } as const;
const TOO_LATE = { pause: /only one that is not decided yet can be paused/ };
const PIVOTED = /its point of no return has passed/;
const on = (kind: string, fault: Fault) => (asked: string) => (asked === kind ? fault : undefined);
const undoing = (undo: Fault) => (kind: string) => (kind === 'gate' ? REFUSE : kind === 'undo' ? undo : undefined);
const ended = (state: string) => new RegExp(`has ended: it is ${state}`);
const ENDED = (state: string) => Object.fromEntries(VERBS.map((verb) => [verb, ended(state)])) as Situation['cells'];

const pausing = async (engine: Engine, id: string, world: World) => {
  assert.ok(await world.run(() => engine.get(id)?.state === 'running'));
  await engine.operate(id, { verb: 'pause' }, 'user:bob', null);
};

function pivotPlan(): Plan {
  const { digest: _, ...base } = deployPlan(['eu']);
  const [location, bundle] = [locationOf('eu'), bundleOf('eu', 1)];
  const pivot = step('pivot', 'running', 'pivot', ['soak:eu'], { action: 'readBack', location, bundle });
  const after = step('after', 'running', 'retriable', ['pivot'], { action: 'gate', location, bundle, deadlineMs: 1_000 }); // biome-ignore format: one step
  const plan = { ...base, steps: [...base.steps, pivot, after] };
  return { ...plan, digest: digestOf(plan) };
}

const SITUATIONS: { readonly [name: string]: Situation } = {
  queued: {
    state: 'queued',
    fault: on('snapshot', HANG), // of the one before it
    plan: () => deployPlan(['eu'], { revision: 2 }),
    cells: { ...FORWARD },
  },
  preparing: { state: 'preparing', fault: on('snapshot', HANG), cells: FORWARD },
  awaitingApproval: {
    state: 'awaitingApproval',
    plan: () => deployPlan(['eu'], { rollout: { approval: 'required' } }),
    cells: { ...FORWARD, approve: 'running' },
  },
  running: { state: 'running', fault: on('apply', HANG), cells: FORWARD },
  'running after its pivot': {
    state: 'running',
    plan: pivotPlan,
    fault: on('readBack', HANG),
    cells: { ...FORWARD, pause: PIVOTED, abort: PIVOTED },
  },
  verifying: { state: 'verifying', fault: on('readBack', HANG), cells: FORWARD },
  decided: {
    state: 'decided',
    fault: on('prune', HANG),
    cells: { ...FORWARD, ...TOO_LATE, abort: /it is decided: it will be committed; roll back afterwards/ },
  },
  compensating: {
    state: 'compensating',
    fault: undoing(HANG),
    cells: {
      ...FORWARD,
      ...TOO_LATE,
      abort: /it is being undone already/,
      'force-close': /only a stuck one can be closed by force, and this one is being undone/,
    },
  },
  'paused by a person': {
    state: 'paused',
    fault: on('apply', HANG),
    prepare: pausing,
    cells: { ...FORWARD, ...TOO_LATE, resume: 'running', retry: /nothing has failed; resume it/ },
  },
  'paused after a failure': {
    state: 'paused',
    plan: () => deployPlan(['eu'], { rollout: { onFailure: 'pause' } }),
    fault: on('gate', REFUSE),
    cells: { ...FORWARD, ...TOO_LATE, resume: 'running', retry: 'running' },
  },
  'stuck on its way back': {
    state: 'stuck',
    fault: undoing(REFUSE),
    cells: {
      ...FORWARD,
      ...TOO_LATE,
      abort: /it is stuck: retry, skip or force-close it/,
      ...{ retry: 'compensating', skip: 'compensating', 'force-close': 'compensating' },
    },
  },
  'stuck after its decision': {
    state: 'stuck',
    fault: on('prune', REFUSE),
    cells: {
      ...FORWARD,
      ...TOO_LATE,
      abort: /it is stuck: retry, skip or force-close it/,
      ...{ retry: 'decided', skip: 'decided', 'force-close': 'decided' },
    },
  },
  committed: { state: 'committed', cells: ENDED('committed') },
  'rolled back': { state: 'rolledBack', fault: on('gate', REFUSE), cells: ENDED('rolledBack') },
};

async function brought({ state, fault, plan = () => deployPlan(['eu']), prepare }: Situation) {
  const world = new World(['eu']);
  const store = memoryStore({ clock: world.clock, random: seededRandom(3), projectors: world.projectors, logger: silentLogger }); // biome-ignore format: one line
  const engine = world.open(store);
  world.replanAgain = () => ({ kind: 'done', value: deployPlan(['eu'], { revision: 2 }) });
  world.fleet.fault = ({ kind }) => fault?.(kind);
  const submit = async (made: Plan) => {
    const outcome = await engine.submit({ plan: made, actor: 'user:ann', reason: null, ifBusy: 'wait' });
    return outcome.kind === 'done' ? outcome.value.id : assert.fail(JSON.stringify(outcome));
  };
  if (state === 'queued') await submit(deployPlan(['eu']));
  const id = await submit(plan());
  await prepare?.(engine, id, world);
  const isThere = () => {
    const view = engine.get(id);
    if (plan === pivotPlan) return view?.plan.steps.find((each) => each.id === 'pivot')?.status === 'started';
    const waits = state !== 'compensating' || view?.plan.steps.some((each) => each.status === 'undoStarted');
    return view?.state === state && waits === true && (!view.sealed || state === 'committed' || state === 'rolledBack');
  };
  assert.ok(await world.run(isThere, 600_000), `it never was ${state}: ${engine.get(id)?.state}`);
  return { world, engine, id };
}

describe('a person’s verbs, in every state', () => {
  for (const [name, situation] of Object.entries(SITUATIONS)) {
    it(name, async () => {
      for (const verb of VERBS) {
        const cell = situation.cells[verb];
        const { world, engine, id } = await brought(situation);
        const operation: Operation = verb === 'skip' || verb === 'force-close' ? { verb, reason: 'because' } : { verb };
        const before = engine.events(id).length;
        const outcome = await engine.operate(id, operation, 'user:cat', 'because');
        if (cell instanceof RegExp) {
          assert.ok(outcome.kind === 'refused', `${verb} acts while ${name}`);
          assert.equal(outcome.refusal.kind, 'notNow');
          assert.match(outcome.refusal.message, cell, `${verb} while ${name}`);
          assert.equal(engine.events(id).length, before, 'nothing is journaled of a refusal');
        } else {
          assert.ok(outcome.kind === 'done', `${verb} while ${name}: ${JSON.stringify(outcome)}`);
          assert.equal(outcome.value.state, cell, `${verb} while ${name}`);
          const [entry] = engine.events(id, before);
          assert.equal(entry?.actor, 'user:cat');
          assert.match(JSON.stringify(entry?.data), /because/, 'who and why');
        }
        world.fleet.fault = () => undefined;
        await letGo(engine, id);
        await letGo(engine, id); // one that was paused while it awaited its approval waits for that again
        assert.ok(
          await world.run(() => engine.get(id)?.sealed === true),
          `${verb} while ${name}: ${engine.get(id)?.state}`,
        );
        assert.deepEqual(world.errors, []);
      }
    });
  }
});

/** What waits for a person gets what it waits for. */
async function letGo(engine: Engine, id: string): Promise<void> {
  const verb = ({ paused: 'resume', stuck: 'retry', awaitingApproval: 'approve' } as const)[engine.get(id)?.state as 'paused']; // biome-ignore format: one line
  if (verb !== undefined) await engine.operate(id, { verb }, 'user:ann', null);
}
