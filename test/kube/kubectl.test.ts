/** The newest and the oldest kubectl against a real control plane: it is what `test/kubectl/expected/` says that it is. */
import { after, before, describe, test } from 'node:test';
import { findKubectls } from '../kubectl/binaries.ts';
import { judge } from '../kubectl/judge.ts';
import { SCENARIOS } from '../kubectl/scenarios/index.ts';
import { type Real, skip, startReal } from './control-planes.ts';

const AT_ONCE = 2;
const found = findKubectls();
const chosen =
  process.env.LDC_KUBECTL_MATRIX === 'full' ? found : [...new Set([...found.slice(0, 1), ...found.slice(-1)])];
const without = found.length === 0 ? 'NO KUBECTL ON THIS MACHINE: nothing was checked with it' : false;

describe('kubectl on a real control plane', { concurrency: AT_ONCE, skip: skip || without }, () => {
  let real: Real;
  before(async () => {
    real = await startReal('1.34');
  });
  after(() => real?.close());

  for (const scenario of SCENARIOS.filter(({ embeddedOnly }) => embeddedOnly === undefined)) {
    for (const kubectl of chosen) {
      test(`1.${kubectl.minor} ${scenario.name}`, () => judge(scenario, kubectl, real.kubeconfigText, 'real'));
    }
  }
});
