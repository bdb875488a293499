/** Writes `expected.json` anew: what a real control plane answers. `record.ts KUBECONFIG` (an administrator's). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersTo } from './ask.ts';
import { CASES } from './cases.ts';

const kubeconfig = readFileSync(process.argv[2] ?? '', 'utf8');
const expected: { [name: string]: readonly string[] } = {};
for (const one of CASES) expected[one.name] = await answersTo(one, kubeconfig);
writeFileSync(join(import.meta.dirname, process.argv[3] ?? 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`);
