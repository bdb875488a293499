import assert from 'node:assert/strict';
import { it } from 'node:test';
import { disowned } from './disowned.ts';

it('a hub is obeyed by its epoch, and of two with the same one only who was heard first', () => {
  const known = { epoch: 5, holder: 'a' };
  assert.equal(disowned({ epoch: 5, holder: 'a' }, known), undefined);
  assert.equal(disowned({ epoch: 6, holder: 'b' }, known), undefined, 'a later start, whoever it is');
  assert.match(disowned({ epoch: 4, holder: 'a' }, known) ?? '', /older epoch.*rearm/);
  assert.match(disowned({ epoch: 5, holder: 'b' }, known) ?? '', /epoch 5 is another's.*copy/);
  assert.match(disowned({ epoch: 5 }, known) ?? '', /another's/, 'one that does not say is not the one that said');
  assert.equal(disowned({ epoch: 5, holder: 'b' }, { epoch: 5 }), undefined, 'it was not said whose it was');
});
