import assert from 'node:assert/strict';
import { it } from 'node:test';
import { refused } from './outcome.ts';

it('a refusal that does not say what to do next does not compile', () => {
  // @ts-expect-error without a hint: this line is an error of the type check once it is not
  const { refusal } = refused({ kind: 'x', message: 'y' });
  assert.equal(refusal.hint, undefined);
});
