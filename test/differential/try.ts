/**
 * `node test/differential/try.ts KUBECONFIG [SCRIPT…]`: plays the scripts on a real server and an embedded one and prints
 * where they differ. For work on the embedded server; the tests do the same.
 */
import { readFileSync } from 'node:fs';
import 'reflect-metadata';
import { startApiServer } from '../../src/sim/api/index.ts';
import { compareAnswers, judge } from './compare.ts';
import { targetOf } from './exchange.ts';
import { play } from './play.ts';
import { SCRIPTS } from './scripts/index.ts';

const [, , kubeconfig = '', ...wanted] = process.argv;
const run = `r${Date.now().toString(36).slice(-6)}`;
const real = targetOf(readFileSync(kubeconfig, 'utf8'));
const server = await startApiServer({ name: 'embedded' });
const embedded = targetOf(server.adminKubeconfig.yaml);
const found = [];
for (const script of SCRIPTS) {
  if (
    wanted.length > 0 &&
    !wanted.some((name) => script.name === name || (name.endsWith('*') && script.name.startsWith(name.slice(0, -1))))
  )
    continue;
  try {
    const [theirs, ours] = [await play(real, run, script), await play(embedded, run, script)];
    for (const [index, { step, answer }] of theirs.entries()) {
      if (step.compared === false) continue;
      const at = `${script.name}/${step.name}`;
      const mine = ours[index];
      if (mine !== undefined) found.push(...compareAnswers(at, answer, mine.answer));
    }
  } catch (error) {
    console.log(`${script.name}: ${error}`);
  }
}
const { unlisted, equal } = judge(found, '1.34');
for (const { at, path, real: theirs, embedded: mine } of unlisted)
  console.log(`${at}\n  ${path}\n    real     ${theirs}\n    embedded ${mine}`);
console.log(`${unlisted.length} unlisted differences; listed but equal: ${equal.length}`);
await server.close();
