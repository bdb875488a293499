import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictOf } from './answers.ts';

const answered = (status: number, message: string, warnings: readonly string[] = []) =>
  verdictOf({ kind: 'answered', status, warnings, body: { kind: 'Status', message, reason: 'Invalid' } }, 'Database d');

describe('verdicts', () => {
  it('show what a server repeats of a secret masked, in refusals, warnings and reasons to wait', () => {
    const refused = answered(422, 'spec.password: Invalid value: "hunter2": field is immutable');
    assert.ok(refused.kind === 'refused');
    assert.equal(refused.refusal.kind, 'immutable', 'what it says is understood before it is masked');
    assert.equal(
      refused.refusal.message,
      'the API server refused Database d: spec.password: Invalid value: "***": field is immutable',
    );
    const later = answered(503, 'webhook failed: GET https://robot:hunter2@hooks.local/x');
    assert.equal(
      later.kind === 'retry' ? later.reason : '',
      'Database d: webhook failed: GET https://robot:***@hooks.local/x',
    );
    const ok = answered(200, '', ['token=hunter2 is deprecated']);
    assert.deepEqual(ok.kind === 'ok' ? ok.warnings : [], ['token=*** is deprecated']);
  });

  it('are short, whatever a webhook says', () => {
    const refused = answered(403, 'no '.repeat(1_000_000));
    assert.ok(refused.kind === 'refused' && refused.refusal.message.length < 9_000);
  });
});
