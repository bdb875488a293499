/** The rules of readiness on living control planes: every kind goes through its states, and each counts as what the table says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MINORS } from '../../src/sim/real/index.ts';
import { record } from '../../tools/status-recorder/record.ts';
import { EXPECTED, surprise } from '../status/expected.ts';
import { skip, startReal } from './control-planes.ts';

describe('readiness per kind', { skip }, () => {
  for (const minor of MINORS) {
    it(`of Kubernetes ${minor}`, { timeout: 180_000 }, async () => {
      const real = await startReal(minor);
      try {
        const { objects } = await record(real.client);
        assert.deepEqual([...objects.keys()].sort(), Object.keys(EXPECTED).sort());
        assert.deepEqual(
          [...objects].flatMap(([state, object]) => surprise(state, object) ?? []),
          [],
        );
      } finally {
        await real.close();
      }
    });
  }
});
