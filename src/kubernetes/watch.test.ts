import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock, seededRandom } from '../base/index.ts';
import type { ApiRequest, Client, WatchEnd } from './types.ts';
import { watchLoop } from './watch.ts';

const TARGET = { path: '/api/v1/things', apiVersion: 'v1', kind: 'Thing' };

describe('a watch', () => {
  it('that its server never ends is given up after its time, and goes on from what was seen last, without a list', async () => {
    const clock = new SimulatedClock();
    const stop = new AbortController();
    const asked: string[] = [];
    const seen: string[] = [];
    const client: Client = {
      async request({ path }) {
        asked.push(`list ${path}`);
        return { kind: 'answered', status: 200, body: { items: [], metadata: { resourceVersion: '5' } }, warnings: [] };
      },
      async watch({ query, signal }: ApiRequest, onEvent): Promise<WatchEnd> {
        asked.push(`watch ${query?.resourceVersion}`);
        const metadata = { name: 'a', resourceVersion: String(Number(query?.resourceVersion) + 1) };
        await onEvent({ type: 'MODIFIED', object: { apiVersion: 'v1', kind: 'Thing', metadata } });
        // as the client over HTTP ends what was aborted
        return new Promise((resolve) => signal?.addEventListener('abort', () => resolve({ kind: 'ended' })));
      },
      lines: () => assert.fail('nothing is followed'),
      close: async () => {},
    };
    let ended = false;
    const problems: (string | undefined)[] = [];
    const loop = watchLoop(
      client,
      TARGET,
      {
        onList: () => void seen.push('list'),
        onEvent: (_type, { metadata }) => void seen.push(String(metadata.resourceVersion)),
        onHealth: (problem) => problems.push(problem),
      },
      { clock, random: seededRandom(1), signal: stop.signal },
    ).then(() => {
      ended = true;
    });
    await clock.advance(300_000);
    assert.deepEqual(asked, ['list /api/v1/things', 'watch 5'], 'not before the server had its time');
    await clock.advance(80_000);
    await clock.advance(380_000);
    assert.deepEqual(asked, ['list /api/v1/things', 'watch 5', 'watch 6', 'watch 7']);
    assert.deepEqual(seen, ['list', '6', '7', '8']);
    assert.deepEqual([problems, ended], [[undefined], false], 'neither a trouble nor a stop');
    stop.abort();
    await loop;
    assert.equal(clock.nextTimer(), undefined, 'nothing is left behind');
  });
});
