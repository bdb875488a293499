/** Why something is not well, as its hub has it within seconds: each cause on an embedded cluster that lives. */
import { after, before, describe, it } from 'node:test';
import { type Living, type Rig, startLiving, startRig } from './hub-agent-rig.ts';
import { CAUSES, checkChain, makeGround, provoke } from './reason-causes.ts';

let living: Living;
let rig: Rig;
before(async () => {
  living = await startLiving();
  rig = await startRig({ cluster: living.cluster });
  await makeGround(rig);
});
after(async () => {
  await rig?.close();
  await living?.close();
});

describe('the cause is known above', () => {
  for (const cause of CAUSES.filter(({ only }) => only !== 'real')) {
    it(cause.name, async (test) => {
      const { reasons, tookMs } = await provoke(rig, cause);
      checkChain(reasons, cause);
      test.diagnostic(`${Math.round(tookMs)} ms after it was applied`);
    });
  }
});
