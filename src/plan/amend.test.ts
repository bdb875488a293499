import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCycle } from '../base/index.ts';
import { explain, place } from '../placement/index.ts';
import { type AmendRequest, amendPlan, makePlan } from './index.ts';
import { clusters, deploy, deployment, stack } from './samples.ts';

const FOUR = clusters('eu-1', 'eu-2', 'us-1', 'us-2');
const PAIR = stack(
  `    - { name: api, manifests: [ api.yaml ], availability: { locations: { min: 2, spread: region } } }
    - { name: web, manifests: [ web.yaml ], needs: [ api ], availability: { locations: { min: 2, spread: region } } }
`,
  { 'api.yaml': deployment('api'), 'web.yaml': deployment('web') },
);

function amended(lost: string, more: Partial<AmendRequest> = {}, fleet = FOUR) {
  const { plan, committed } = deploy(PAIR, fleet);
  const snapshot = { clusters: fleet.map((one) => (one.name === lost ? { ...one, health: 'lost' as const } : one)) };
  const current = plan.locations.map(({ location }) => ({
    kind: 'function' as const,
    name: location.name,
    cluster: location.cluster,
    replicas: null,
  }));
  const placement = place({ stack: PAIR, snapshot, current });
  const outcome = amendPlan({
    plan,
    lost: [lost],
    stack: PAIR,
    committed: [],
    placement,
    clusters: fleet,
    phase: 'running',
    ...more,
  });
  return { plan, committed, outcome, snapshot, current, placement };
}

test('replace: the lost cluster’s steps are dropped, its functions join elsewhere in the same transaction', () => {
  const { plan, outcome } = amended('us-1');
  assert.ok(outcome.kind === 'done');
  const { amendment, bundles } = outcome.value;
  assert.ok(amendment.dropped.length > 0 && amendment.dropped.every((id) => id.endsWith('us-1')));
  assert.deepEqual(
    amendment.locations.map((one) => `${one.location.name}@${one.location.cluster}`),
    ['api@eu-1', 'api@us-2', 'web@eu-1', 'web@us-2'],
  );
  assert.deepEqual(amendment.owed, ['us-1']);
  assert.match(amendment.explanation, /^us-1 was lost on the way; instead: api@us-2, web@us-2$/);
  assert.equal(bundles.size, 2);
  const added = new Map(amendment.added.map((step) => [step.id, step]));
  assert.deepEqual(added.get('apply:web@us-2~1')?.after, [
    'settled:api#0~1',
    'dryRun:web@us-2~1',
    'reserve:web@us-2~1',
  ]);
  assert.equal(added.get('snapshot:web@us-2~1')?.phase, 'running');
  const all = new Map([...plan.steps, ...amendment.added].map((step) => [step.id, step.after]));
  assert.equal(all.size, plan.steps.length + amendment.added.length, 'no id comes twice');
  assert.equal(findCycle(all), undefined);
  for (const step of amendment.added) for (const id of step.after) assert.ok(all.has(id), id);
});

test('owe: nothing is added, the part stays wanted', () => {
  const { plan, outcome } = amended('us-1', { placement: null });
  assert.ok(outcome.kind === 'done');
  assert.deepEqual(outcome.value.amendment.added, []);
  assert.deepEqual(outcome.value.amendment.locations, plan.locations);
  assert.deepEqual(outcome.value.amendment.owed, ['us-1']);
});

test('below the minimum with nowhere to go it is refused, with what is missing', () => {
  const { outcome } = amended(
    'us-1',
    {},
    FOUR.filter((one) => one.name === 'eu-1' || one.name === 'us-1'),
  );
  assert.ok(outcome.kind === 'refused');
  assert.match(outcome.refusal.message, /without us-1 api has 1 of 2 locations, web has 1 of 2 locations/);
  assert.match(outcome.refusal.hint ?? '', /needs 1 more location: us-1 is lost/);
});

test('a reschedule moves only what the lost cluster served and locks only that', () => {
  const { committed, snapshot, current, placement } = amended('us-1');
  const outcome = makePlan({
    kind: 'reschedule',
    stack: PAIR,
    revision: 1,
    baseRevision: 1,
    committed,
    placement,
    reasons: explain({ stack: PAIR, snapshot, current }),
    clusters: FOUR,
    acceptUnmet: true,
  });
  assert.ok(outcome.kind === 'done');
  const { plan } = outcome.value;
  assert.deepEqual(
    plan.locks,
    ['api@us-1', 'api@us-2', 'web@us-1', 'web@us-2'].map((id) => `default/shop/${id}`).sort(),
  );
  assert.deepEqual(
    plan.steps.filter((step) => step.work.action === 'apply').map((step) => step.id),
    ['apply:api@us-2', 'apply:web@us-2'],
  );
  assert.deepEqual(
    plan.steps.filter((step) => step.phase === 'decided').map((step) => [step.id, step.after]),
    [
      ['remove:api@us-1', ['remove:web@us-1']],
      ['remove:web@us-1', []],
    ],
  );
});
