/**
 * `node test/differential/try.ts KUBECONFIG [SCRIPT…]`: plays the scripts on a real server and an embedded one and prints
 * where they differ; `random` plays 400 random requests. For work on the embedded server; the tests do the same.
 */
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { startApiServer } from '../../src/sim/api/index.ts';
import { judge } from './compare.ts';
import { targetOf } from './exchange.ts';
import { judgeScript, runName, shownDifferences } from './judge.ts';
import { randomScript } from './random.ts';
import { SCRIPTS } from './scripts/index.ts';
import type { Difference } from './types.ts';

const [, , kubeconfig = '', ...wanted] = process.argv;
const seed = Math.floor(performance.timeOrigin);
const all = [...SCRIPTS, ...(wanted.includes('random') ? [{ ...randomScript(seed, 400), name: 'random' }] : [])];
const real = targetOf(readFileSync(kubeconfig, 'utf8'));
const server = await startApiServer({ name: 'embedded' });
const embedded = targetOf(server.adminKubeconfig.yaml);
const found: Difference[] = [];
for (const script of all) {
  if (wanted.length > 0 && !wanted.includes(script.name)) continue;
  found.push(...(await judgeScript(script, runName(), real, embedded)));
}
const { unlisted, equal } = judge(found, process.env.MINOR ?? '1.34');
console.log(shownDifferences(unlisted));
if (wanted.length === 0) for (const place of equal) console.log(`listed, but equal: ${place}`);
console.log(`${unlisted.length} unlisted differences`);
await server.close();
