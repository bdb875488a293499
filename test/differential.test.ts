import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import 'reflect-metadata';
import { type ApiServer, startApiServer } from '../src/sim/api/index.ts';
import { judge, LISTED } from './differential/compare.ts';
import { targetOf } from './differential/exchange.ts';
import { differencesOf, runName, shownDifferences } from './differential/judge.ts';
import { play } from './differential/play.ts';
import { RECORDED_MINOR, readRecording } from './differential/recording.ts';
import { SCRIPTS } from './differential/scripts/index.ts';
import type { Difference } from './differential/types.ts';

describe(`an embedded API server beside the recorded answers of a real ${RECORDED_MINOR}`, () => {
  let server: ApiServer;
  const recording = readRecording();
  const found: Difference[] = [];
  before(async () => {
    server = await startApiServer({ name: 'embedded' });
  });
  after(() => server.close());

  for (const script of SCRIPTS) {
    test(script.name, async () => {
      const recorded = recording[script.name];
      const steps = script.steps.map(({ name }) => name);
      assert.deepEqual(
        recorded?.map(({ step }) => step),
        steps,
        'record the script anew (test/differential/recording.ts)',
      );
      const played = await play(targetOf(server.adminKubeconfig.yaml), runName(), script);
      const differences = differencesOf(script, recorded ?? [], played);
      found.push(...differences);
      const { unlisted } = judge(differences, RECORDED_MINOR);
      assert.equal(shownDifferences(unlisted), '');
    });
  }

  test('every listed difference is still one', () => {
    const { equal } = judge(found, RECORDED_MINOR);
    assert.deepEqual(equal, [], 'take these off test/differential/differences.json and docs/embedded-clusters.md');
  });
});

test('docs/embedded-clusters.md names every listed difference, and no other', () => {
  const text = readFileSync(new URL('../docs/embedded-clusters.md', import.meta.url), 'utf8');
  const section = /\n## Differences\n(.*?)\n## /s.exec(text)?.[1] ?? '';
  const named = section
    .split('\n- ')
    .slice(1)
    .map((item) => item.replaceAll(/\s+/g, ' ').trim());
  assert.deepEqual(
    named,
    LISTED.map(({ reason }) => reason),
  );
});
