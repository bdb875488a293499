/** Logs from a fleet of one real and one embedded cluster: the same lines, followed through the same agents. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '../../src/api/client/index.ts';
import type { KubeObject } from '../../src/base/index.ts';
import type { Told } from '../../src/stacks/index.ts';
import { startWorld, until, type World } from '../world.ts';
import { EVERYWHERE, stackOf } from '../world-objects.ts';
import { skip } from './control-planes.ts';

const SCRIPT = 'echo begin; echo token=hunter2hunter2; i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.2; done';

describe('logs of a real and an embedded cluster', { skip }, () => {
  let world: World;
  before(async () => {
    world = await startWorld({ clusters: 2, real: 1 });
  });
  after(() => world?.close());

  it('are the same, with times, masked, and go on', async () => {
    const labels = { app: 'says' };
    const containers = [{ name: 'c', image: 'ldc.dev/http:1', command: ['/bin/sh', '-c', SCRIPT] }];
    const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
    const says = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'says' },
      spec,
    } as unknown as KubeObject;
    const view = await world.apply(
      stackOf({ name: 'talk', functions: { says: { objects: [says], locations: EVERYWHERE } } }),
    );
    assert.equal(view.state, 'committed', JSON.stringify(view.cause));
    const params = { project: 'default', name: 'talk' };
    const stop = new AbortController();
    const seen = new Map<string, string[]>(world.names.map((name) => [name, []]));
    const input = { params, query: { follow: 'true' }, signal: stop.signal };
    const following = (async () => {
      for await (const item of world.client.told(routes.insight.logs, input as never) as AsyncGenerator<Told>) {
        assert.notEqual(item.kind, 'end', JSON.stringify(item));
        if (item.kind === 'line') seen.get(item.cluster)?.push(`${Date.parse(item.at) > 0} ${item.line}`);
      }
    })();
    const enough = () => [...seen.values()].every((lines) => lines.length > 8);
    await Promise.race([following, until('both speak', 60_000, enough)]);
    stop.abort();
    await following;
    const expected = ['true begin', 'true token=***', 'true line 1', 'true line 2', 'true line 3', 'true line 4'];
    for (const [cluster, lines] of seen) assert.deepEqual(lines.slice(0, 6), expected, cluster);
  });
});
