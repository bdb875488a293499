/** The same causes on a real control plane, in its own words: the same chains as on an embedded cluster. */
import { after, before, describe, it } from 'node:test';
import { type Rig, startRig } from '../hub-agent-rig.ts';
import { CAUSES, checkChain, makeGround, provoke } from '../reason-causes.ts';
import { type Real, skip, startReal } from './control-planes.ts';

describe('the cause is known above, on a real control plane', { skip }, () => {
  let real: Real;
  let rig: Rig;
  before(async () => {
    real = await startReal('1.34');
    rig = await startRig({ cluster: real.client });
    await makeGround(rig);
  });
  after(async () => {
    await rig?.close();
    await real?.close();
  });

  for (const cause of CAUSES.filter(({ only }) => only !== 'embedded')) {
    it(cause.name, async (test) => {
      const { reasons, tookMs } = await provoke(rig, cause);
      checkChain(reasons, cause);
      test.diagnostic(`${Math.round(tookMs)} ms after it was applied`);
    });
  }
});
