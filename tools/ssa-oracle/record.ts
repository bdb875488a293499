/**
 * Records oracle answers as fixtures, so that the comparison also runs without Go:
 * `node tools/ssa-oracle/record.ts [RULES_BINARY]` writes src/sim/apply/oracle.recorded.json and, given the binary of
 * `rules/`, the server's answers to src/sim/schema/rules.cases.json into src/sim/schema/rules.recorded.json.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/index.ts';
import { buildOracle } from './oracle.ts';
import { randomSequence, type Sequence } from './sequences.ts';
import { subjects } from './subjects.ts';

/** Each kind once, and more of the last ones: CRDs of every odd shape, with a scale. */
const RECORDED = 68;
const BYTES_MAX = 8_000;
const src = join(import.meta.dirname, '../../src/sim');

function recordSequences(): void {
  const oracle = buildOracle();
  if ('missing' in oracle) throw new Error(oracle.missing);
  const all = subjects();
  const chosen: Sequence[] = [];
  for (let seed = 0; chosen.length < RECORDED; seed++) {
    const subject = chosen.length < all.length ? all[chosen.length] : all[all.length - 1 - (chosen.length % 2)];
    if (subject === undefined) break;
    const { sequence } = randomSequence(seededRandom(900_000 + seed), subject);
    if (sequence.steps.length > 2 && JSON.stringify(sequence.steps).length < BYTES_MAX) chosen.push(sequence);
  }
  const answers = oracle.ask(chosen);
  const lines = chosen.map((sequence, index) =>
    JSON.stringify({
      steps: sequence.steps,
      kind: sequence.kind,
      versions: Object.keys(sequence.crd ?? {}),
      answers: answers[index]?.steps,
    }),
  );
  writeFileSync(join(src, 'apply/oracle.recorded.json'), `[\n${lines.join(',\n')}\n]\n`);
}

function recordRules(binary: string): void {
  const cases = JSON.parse(readFileSync(join(src, 'schema/rules.cases.json'), 'utf8')) as unknown[];
  const input = `${cases.map((each) => JSON.stringify(each)).join('\n')}\n`;
  const run = spawnSync(binary, [], { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
  const answers = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status?: { details?: { causes?: unknown[] } } });
  const lines = answers.map((answer) => JSON.stringify(answer.status?.details?.causes ?? []));
  writeFileSync(join(src, 'schema/rules.recorded.json'), `[\n${lines.join(',\n')}\n]\n`);
}

recordSequences();
const [, , rules] = process.argv;
if (rules !== undefined) recordRules(rules);
