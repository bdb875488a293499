/**
 * kubectl 1.27 … 1.33 against an embedded cluster: what people type, and that it prints what it prints with a real one
 * (`kubectl/expected/` was recorded there; `test/kube/kubectl.test.ts` holds the same against real control planes).
 * The newest runs everything, older ones the scenarios marked `core`; `LDC_KUBECTL_MATRIX=full`: all run everything.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { WIDGETS } from './golden-actors.ts';
import { findKubectls, missingMinors } from './kubectl/binaries.ts';
import { type Embedded, startEmbedded } from './kubectl/embedded.ts';
import { judge } from './kubectl/judge.ts';
import { normalise } from './kubectl/normalise.ts';
import { DIFFERENCES } from './kubectl/reasons.ts';
import { runScenario } from './kubectl/run.ts';
import { SCENARIOS } from './kubectl/scenarios/index.ts';
import { readTranscript } from './kubectl/transcript.ts';

const AT_ONCE = 4;
const full = process.env.LDC_KUBECTL_MATRIX === 'full';
const found = findKubectls();
const newest = found.at(-1);

test('every difference that is expected has a reason, and every reason its difference', () => {
  const reasons = DIFFERENCES.flatMap(({ steps }) =>
    Object.entries(steps).flatMap(([variant, names]) => names.map((name) => `${name} @${variant}`)),
  );
  const sections = SCENARIOS.flatMap(({ name }) =>
    [...readTranscript(name)].flatMap(([step, variants]) =>
      [...variants.keys()].filter((variant) => variant !== '').map((variant) => `${name}/${step} @${variant}`),
    ),
  );
  assert.deepEqual(reasons.sort(), sections.sort());
});

test('each step is recorded, and nothing else is', () => {
  for (const { name, steps } of SCENARIOS) {
    const compared = steps.filter(({ silent }) => silent !== true).map((step) => step.name);
    assert.deepEqual([...readTranscript(name).keys()], compared, name);
  }
});

for (const minor of missingMinors(found)) {
  test(`kubectl 1.${minor}`, { skip: `NO kubectl.1.${minor} ON THIS MACHINE: nothing was checked with it` }, () => {});
}

describe('kubectl on an embedded cluster', { concurrency: AT_ONCE, skip: newest === undefined }, () => {
  let embedded: Embedded;
  before(async () => {
    embedded = await startEmbedded();
  });
  after(() => embedded.close());

  for (const scenario of SCENARIOS) {
    for (const kubectl of found) {
      if (!full && kubectl !== newest && scenario.core !== true) continue;
      test(`1.${kubectl.minor} ${scenario.name}`, () => judge(scenario, kubectl, embedded.kubeconfig, 'embedded'));
    }
  }

  test('explain prints what it printed when the exchanges of a real server were recorded', async () => {
    assert.ok(newest);
    const path = new URL('./golden/155-kubectl-explain.json', import.meta.url);
    const recorded = JSON.parse(readFileSync(path, 'utf8')) as { stdout: string };
    embedded.cluster.door?.create('customresourcedefinitions.apiextensions.k8s.io', WIDGETS, 'test');
    const steps = [{ name: 'explain', args: 'explain widgets.spec.size' }];
    const [printed] = await runScenario({ name: 'golden', steps }, newest, embedded.kubeconfig);
    assert.equal(printed?.out, normalise(recorded.stdout, 'golden'));
  });
});
