import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { buildOracle } from '../../../tools/ssa-oracle/oracle.ts';
import { type Answer, play, randomSequence, type Step } from '../../../tools/ssa-oracle/sequences.ts';
import { type Subject, subjects } from '../../../tools/ssa-oracle/subjects.ts';
import { isObject, type Json, type JsonObject, seededRandom } from '../../base/index.ts';

/** More by LDC_ORACLE_SEQUENCES; the whole room is to be tested in seconds. */
const SEQUENCES = Number(process.env.LDC_ORACLE_SEQUENCES ?? 1300);

interface Recorded {
  readonly kind: string;
  readonly versions: readonly string[];
  readonly steps: readonly Step[];
  readonly answers: readonly JsonObject[];
}

/** Go lists conflicts of several managers in no order. */
function sortedConflicts(conflicts: Json | undefined): Json[] {
  const list = Array.isArray(conflicts) ? (conflicts as readonly Json[]) : [];
  const key = (item: Json) => (isObject(item) ? `${String(item.message)} ${String(item.field)}` : '');
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function assertSame(ours: Answer, theirs: JsonObject, where: string): void {
  const mine = JSON.parse(JSON.stringify(ours)) as JsonObject;
  if (theirs.error !== undefined || mine.error !== undefined) {
    assert.ok(
      theirs.error !== undefined && mine.error !== undefined,
      `${where}: Go: ${theirs.error}, ours: ${mine.error}`,
    );
    // Of several problems Go names them in the order of a hash map.
    const lines = (text: Json | undefined) => String(text).split('\n').sort();
    assert.deepEqual(lines(mine.error), lines(theirs.error), where);
    return;
  }
  assert.deepEqual(sortedConflicts(mine.conflicts), sortedConflicts(theirs.conflicts), where);
  assert.deepEqual(mine.object, theirs.object, where);
}

function subjectOf(recorded: Recorded, all: readonly Subject[]): Subject {
  const found = all.find(
    (subject) => subject.kind === recorded.kind && Object.keys(subject.crd ?? {}).join() === recorded.versions.join(),
  );
  assert.ok(found, recorded.kind);
  return found;
}

test('recorded sequences: object, verdict and managedFields equal those of Go', () => {
  const recorded = JSON.parse(
    readFileSync(new URL('./oracle.recorded.json', import.meta.url), 'utf8'),
  ) as unknown as Recorded[];
  const all = subjects();
  assert.ok(recorded.length >= 50);
  for (const [index, one] of recorded.entries()) {
    const answers = play(subjectOf(one, all), one.steps);
    assert.equal(answers.length, one.answers.length);
    for (const [step, answer] of answers.entries()) {
      assertSame(answer, one.answers[step] as JsonObject, `recorded ${index} (${one.kind}) step ${step}`);
    }
  }
});

test('random sequences: no difference to the field manager of k8s.io/apimachinery', (t) => {
  const oracle = buildOracle();
  if ('missing' in oracle) {
    t.skip(`NOT COMPARED WITH GO: ${oracle.missing}`);
    return;
  }
  const all = subjects();
  const tried = Array.from({ length: SEQUENCES }, (_, index) =>
    randomSequence(seededRandom(index), all[index % all.length] as Subject),
  );
  const theirs = oracle.ask(tried.map(({ sequence }) => sequence));
  let steps = 0;
  for (const [index, { sequence, answers }] of tried.entries()) {
    const answered = theirs[index]?.steps as readonly JsonObject[];
    for (const [step, answer] of answers.entries()) {
      assertSame(answer, answered[step] as JsonObject, `seed ${index} (${sequence.kind}) step ${step}`);
      steps += 1;
    }
  }
  t.diagnostic(`${SEQUENCES} sequences, ${steps} steps, 0 differences`);
  assert.ok(steps > SEQUENCES);
});
