import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { regionNames } from './index.ts';

describe('names of clusters', () => {
  it('start with two regions of two and go round the world', () => {
    assert.deepEqual(
      regionNames(8).map(({ name }) => name),
      ['eu-1', 'us-1', 'eu-2', 'us-2', 'ap-1', 'eu-3', 'us-3', 'ap-2'],
    );
  });

  it('carry region, zone, provider and environment; a fleet of any size has no name twice', () => {
    assert.deepEqual(regionNames(3)[2], {
      name: 'eu-2',
      labels: { region: 'eu', zone: 'eu-b', provider: 'south', env: 'prod' },
    });
    assert.equal(new Set(regionNames(1_000).map(({ name }) => name)).size, 1_000);
  });
});
