import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { skip, startReal } from './control-planes.ts';

describe('a real control plane', { skip }, async () => {
  if (skip) return;
  const real = await startReal('1.34');
  after(() => real.close());
  it('answers', async () => {
    const answer = await real.client.request({ method: 'GET', path: '/version' });
    assert.equal(answer.kind, 'answered');
  });
});
