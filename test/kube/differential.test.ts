import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import 'reflect-metadata';
import { isObject } from '../../src/base/index.ts';
import { type ApiServer, startApiServer } from '../../src/sim/api/index.ts';
import type { Minor } from '../../src/sim/real/index.ts';
import { judge } from '../differential/compare.ts';
import { targetOf } from '../differential/exchange.ts';
import { judgeScript, runName, shownDifferences } from '../differential/judge.ts';
import { randomScript } from '../differential/random.ts';
import { SCRIPTS } from '../differential/scripts/index.ts';
import type { Difference } from '../differential/types.ts';
import { type Real, skip, startReal } from './control-planes.ts';

const MINORS: readonly Minor[] = ['1.34', '1.33'];
/** More by LDC_DIFFERENTIAL_STEPS. */
const RANDOM_STEPS = Number(process.env.LDC_DIFFERENTIAL_STEPS ?? 600);
const STEPS_PER_SEED = 200;
const CAUSES = 'body.details.causes';
/** As the recording was made: embedded clusters choose a class for claims by themselves and protect no volume in use. */
const PLUGINS = ['--disable-admission-plugins=DefaultStorageClass,StorageObjectInUseProtection'];

for (const minor of MINORS) {
  describe(`an embedded API server beside a real one of ${minor}`, { skip }, () => {
    let real: Real;
    let embedded: ApiServer;
    const found: Difference[] = [];
    before(async () => {
      real = await startReal(minor, { nodes: 0, apiServerFlags: PLUGINS });
      // what controllers write comes when it comes: the API server alone is judged, once roles have been gathered
      await gathered(real, 'admin');
      await real.controlPlane.kill('kube-controller-manager');
      await real.controlPlane.kill('kube-scheduler');
      embedded = await startApiServer({ name: 'embedded' });
    });
    after(async () => {
      await embedded.close();
      await real.close();
    });
    const play = (script: (typeof SCRIPTS)[number]) =>
      judgeScript(script, runName(), targetOf(real.kubeconfigText), targetOf(embedded.adminKubeconfig.yaml));

    for (const script of SCRIPTS) {
      test(script.name, async () => {
        const differences = await play(script);
        found.push(...differences);
        assert.equal(shownDifferences(judge(differences, minor).unlisted), '');
      });
    }

    test('every listed difference is still one', () => {
      assert.deepEqual(judge(found, minor).equal, []);
    });

    for (let seed = 1; seed <= RANDOM_STEPS / STEPS_PER_SEED; seed++) {
      test(`random requests, seed ${seed}`, async () => {
        const differences = await play(randomScript(seed, STEPS_PER_SEED));
        // an older minor finds other causes in some refusals; of the written scripts those are listed one by one
        const judged = minor === MINORS[0] ? differences : differences.filter(({ path }) => !path.startsWith(CAUSES));
        assert.equal(shownDifferences(judge(judged, minor).unlisted), '');
      });
    }
  });
}

/** Waits until a role that aggregates has the rules of its parts. */
async function gathered({ client }: Real, role: string): Promise<void> {
  const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${role}`;
  for (let tries = 0; tries < 300; tries++) {
    const answer = await client.request({ method: 'GET', path });
    if (answer.kind === 'answered' && isObject(answer.body) && Array.isArray(answer.body.rules)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`${role} has no rules after 30 s`);
}
