import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findCycle } from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import { amendPlan, makeRetirePlan, type Plan } from './index.ts';
import { clusters, deployment, stack, tryDeploy } from './samples.ts';

const NAMES = ['eu-1', 'eu-2', 'us-1', 'us-2', 'ap-1', 'ap-2'];
const functionArbitrary = fc.record({
  image: fc.constantFrom('i:1', 'i:2'),
  max: fc.integer({ min: 1, max: 6 }),
  needs: fc.subarray([0, 1]),
  config: fc.boolean(),
});
const definition = fc.record({
  functions: fc.array(functionArbitrary, { minLength: 1, maxLength: 3 }),
  waves: fc.constantFrom('[ 1, 50%, 100% ]', '[ 100% ]', '[ 2, 100% ]'),
  atOnce: fc.integer({ min: 1, max: 3 }),
});
type Drawn = typeof definition extends fc.Arbitrary<infer T> ? T : never;
const fleets = fc.subarray(NAMES, { minLength: 1 });

function build({ functions, waves, atOnce }: Drawn): ResolvedStack {
  const files: Record<string, string> = {};
  const lines = functions.map(({ image, max, needs, config }, index) => {
    const name = `f${index}`;
    const more = config
      ? '---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: NAME }\n'.replace('NAME', `${name}-c`)
      : '';
    files[`${name}.yaml`] = `${deployment(name, image)}${more}`;
    const earlier = needs.filter((one) => one < index).map((one) => `f${one}`);
    return `    - { name: ${name}, manifests: [ ${name}.yaml ], needs: [ ${earlier.join(', ')} ], availability: { locations: { max: ${max} } } }`;
  });
  return stack(`${lines.join('\n')}\n  rollout: { waves: ${waves}, maxUnavailableLocations: ${atOnce} }\n`, files);
}

/** Every step before all that wait for it, phases in order. */
function checkGraph(plan: Plan): void {
  const ids = new Set(plan.steps.map((step) => step.id));
  assert.equal(ids.size, plan.steps.length, 'ids are unique');
  const phases = ['preparing', 'running', 'verifying', 'decided'];
  const phaseOf = new Map(plan.steps.map((step) => [step.id, phases.indexOf(step.phase)]));
  for (const step of plan.steps) {
    for (const id of step.after) {
      assert.ok(ids.has(id), `${step.id} waits for ${id}, which is no step`);
      assert.ok((phaseOf.get(id) as number) <= (phaseOf.get(step.id) as number), `${step.id} waits for a later phase`);
    }
    const deletes = step.work.action === 'prune' || step.work.action === 'remove';
    assert.equal(deletes, step.phase === 'decided', 'deletions come after the decision, and nothing else does');
    assert.equal(step.kind, deletes ? 'retriable' : 'compensatable');
  }
  assert.equal(findCycle(new Map(plan.steps.map((step) => [step.id, step.after]))), undefined);
}

/**
 * The most locations of one function, serving already, that may change at the same time: within a wave they form
 * chains, each waiting for the gate of one before it, and no two for the same one; so as many as there are chains.
 */
function openAtOnce(plan: Plan, name: string): number {
  const updates = plan.steps.filter(
    ({ work }) => work.action === 'apply' && work.location.name === name && work.previous !== null,
  );
  const waves = Map.groupBy(updates, (step) => step.wave);
  return Math.max(
    0,
    ...[...waves.values()].map((own) => {
      const gates = own.flatMap((step) => step.after.filter((id) => id.startsWith(`gate:${name}@`)));
      assert.equal(new Set(gates).size, gates.length, 'no two wait for the same gate');
      return own.length - gates.length;
    }),
  );
}

test('any two deploys: a sound graph, one set of steps per touched location, the same input the same plan', () => {
  fc.assert(
    fc.property(definition, definition, fleets, fleets, (one, two, before, after) => {
      const first = tryDeploy(build(one), clusters(...before));
      assert.ok(first.kind === 'done');
      const { plan, bundles } = first.value;
      checkGraph(plan);
      const committed = plan.locations.map(({ revision, bundle }) => {
        const found = bundles.get(bundle);
        assert.ok(found);
        return { revision, digest: bundle, bundle: found };
      });
      const wanted = build(two);
      const second = tryDeploy(wanted, clusters(...after), committed);
      assert.ok(second.kind === 'done');
      const next = second.value.plan;
      checkGraph(next);
      assert.equal(
        next.digest,
        (tryDeploy(wanted, clusters(...after.toReversed()), committed.toReversed()) as typeof second).value.plan.digest,
      );
      for (const change of next.changes) {
        const id = change.location.slice(change.location.lastIndexOf('/') + 1);
        const actions = next.steps.filter((step) => step.id.endsWith(`:${id}`)).map((step) => step.work.action);
        const touched = change.change === 'add' || change.change === 'update';
        for (const action of ['snapshot', 'dryRun', 'apply', 'gate', 'readBack'] as const) {
          assert.equal(
            actions.filter((each) => each === action).length,
            touched ? 1 : 0,
            `${action} ${id} ${change.change}`,
          );
        }
        assert.equal(actions.includes('remove'), change.change === 'remove');
      }
      for (const location of next.locations) assert.ok(second.value.bundles.has(location.bundle));
      const limit = wanted.stack.spec.rollout.maxUnavailableLocations;
      for (const { name } of wanted.functions)
        assert.ok(openAtOnce(next, name) <= limit, `${name} changes ${openAtOnce(next, name)} at once`);
      checkGraph(makeRetirePlan({ stack: wanted, baseRevision: 2, committed }).plan);
    }),
    { numRuns: 60 },
  );
});

test('any amendment keeps the graph sound and never goes to a lost cluster', () => {
  fc.assert(
    fc.property(definition, fc.subarray(NAMES, { minLength: 2 }), fc.nat(), (one, names, which) => {
      const wanted = build(one);
      const outcome = tryDeploy(wanted, clusters(...names));
      assert.ok(outcome.kind === 'done');
      const { plan } = outcome.value;
      const lost = names[which % names.length] as string;
      const left = clusters(...names.filter((name) => name !== lost));
      const elsewhere = tryDeploy(wanted, left);
      assert.ok(elsewhere.kind === 'done');
      const locations = elsewhere.value.plan.locations.map(({ location }) => ({
        kind: 'function' as const,
        name: location.name,
        cluster: location.cluster,
        replicas: null,
      }));
      const placement = { locations, reasons: [], score: 0, unmet: [], notes: [] };
      const amended = amendPlan({
        plan,
        lost: [lost],
        stack: wanted,
        committed: [],
        placement,
        clusters: left,
        phase: 'running',
      });
      assert.ok(amended.kind === 'done');
      const { amendment } = amended.value;
      const steps = [...plan.steps.filter((step) => !amendment.dropped.includes(step.id)), ...amendment.added];
      const known = new Set([...plan.steps, ...amendment.added].map((step) => step.id));
      assert.equal(new Set(steps.map((step) => step.id)).size, steps.length);
      for (const step of steps) for (const id of step.after) assert.ok(known.has(id));
      assert.equal(findCycle(new Map(steps.map((step) => [step.id, step.after]))), undefined);
      for (const location of amendment.locations) assert.notEqual(location.location.cluster, lost);
      assert.ok(steps.every((step) => !step.id.endsWith(`@${lost}`) && !step.id.endsWith(`:${lost}`)));
    }),
    { numRuns: 60 },
  );
});
