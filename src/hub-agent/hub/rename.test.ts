import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  createIds,
  type Outcome,
  type Store,
  seededRandom,
  silentLogger,
  systemClock,
  systemRandom,
} from '../../base/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createRequest } from '../certificates.ts';
import type { AgentIdentity } from '../types.ts';
import { clusterProjector, TOKEN_USES } from './entries.ts';
import { createHubLink, type HubLink } from './index.ts';

let hub: HubLink;
let store: Store;
let dir: string;
let token: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ldc-rename-'));
  const base = { clock: systemClock, random: systemRandom, logger: silentLogger };
  store = memoryStore({ ...base, projectors: [clusterProjector] });
  hub = await createHubLink({
    ...{ ...base, store, dir, ids: createIds(systemClock, seededRandom(1)) },
    ...{ listen: { host: '127.0.0.1', port: 0 }, heartbeatMs: 60_000, hubName: 'test', desired: () => [] },
  });
  const made = await hub.registry.createToken({ uses: 2, ttlMs: 60_000, labels: { region: 'eu' }, actor: 'user:test' });
  token = made.kind === 'done' ? made.value.token : assert.fail('no token');
});
afterEach(async () => {
  await hub.stop();
  rmSync(dir, { recursive: true });
});

async function joined(cluster: string, uid: string): Promise<AgentIdentity & { readonly request: string }> {
  const { request } = await createRequest(cluster);
  const outcome = await hub.joining.enrol({ token, cluster, csr: request, uid });
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
  return { cluster, request, publicKey: hub.registry.cluster(cluster)?.publicKey ?? assert.fail() };
}
const rename = (name: string, to: string) => hub.registry.rename(name, to, 'user:test', 'why');
const kindOf = (outcome: Outcome<unknown>) => (outcome.kind === 'refused' ? outcome.refusal.kind : outcome.kind);

describe('a cluster that is renamed', () => {
  it('is known by its key, whatever name its certificate carries; the former name is free', async () => {
    const { publicKey, request } = await joined('eu-1', 'uid-1');
    assert.equal(kindOf(await rename('eu-1', 'eu-one')), 'done');
    assert.deepEqual(hub.joining.current({ cluster: 'eu-1', publicKey }), { cluster: 'eu-one', publicKey });
    assert.ok(hub.joining.known({ cluster: 'eu-one', publicKey }));
    assert.deepEqual(hub.registry.cluster('eu-one')?.labels, { region: 'eu' });
    assert.equal(hub.registry.cluster('eu-1'), undefined);
    const renewed = await hub.joining.renew(hub.joining.current({ cluster: 'eu-1', publicKey }), request);
    assert.equal(renewed.kind === 'done' && renewed.value.cluster, 'eu-one', 'a renewal brings the new name');
    const other = await joined('eu-1', 'uid-2');
    assert.deepEqual(hub.joining.current({ cluster: 'eu-1', publicKey: other.publicKey }).cluster, 'eu-1');
    assert.equal(hub.joining.current({ cluster: 'eu-1', publicKey }).cluster, 'eu-one');
  });

  it('is found by a hub of a backup from before, by a certificate from after', async () => {
    const { publicKey } = await joined('eu-1', 'uid-1');
    assert.deepEqual(hub.joining.current({ cluster: 'eu-one', publicKey }), { cluster: 'eu-1', publicKey });
  });

  it('may not join by another name, the former included, and says by which it is known', async () => {
    const { request } = await joined('eu-1', 'uid-1');
    await rename('eu-1', 'eu-one');
    const again = await hub.joining.enrol({ token, cluster: 'eu-1', csr: request, uid: 'uid-1' });
    assert.equal(kindOf(again), 'clusterJoined');
    assert.match(again.kind === 'refused' ? again.refusal.message : '', /as eu-one/);
  });

  it('is told when it was removed since, and has spent its token under both names', async () => {
    const { publicKey } = await joined('eu-1', 'uid-1');
    await rename('eu-1', 'eu-one');
    await hub.registry.remove('eu-one', 'user:test', 'gone');
    const now = hub.joining.current({ cluster: 'eu-1', publicKey });
    assert.equal(hub.joining.known(now), false);
    assert.equal(hub.joining.strange(now).kind, 'clusterRemoved');
    assert.deepEqual(
      store.documents.list(TOKEN_USES).map(({ body }) => body.spent),
      [true],
    );
  });

  it('takes no name that is taken, none that is none, and has to be there', async () => {
    await joined('eu-1', 'uid-1');
    await joined('eu-2', 'uid-2');
    assert.equal(kindOf(await rename('eu-1', 'eu-2')), 'clusterExists');
    assert.equal(kindOf(await rename('eu-1', 'EU')), 'invalid');
    assert.equal(kindOf(await rename('us-1', 'us-2')), 'notFound');
    assert.deepEqual(
      hub.registry.clusters().map(({ name }) => name),
      ['eu-1', 'eu-2'],
    );
  });

  it('leaves a word in both chains', async () => {
    await joined('eu-1', 'uid-1');
    await rename('eu-1', 'eu-one');
    const last = (chain: string) => store.journal.chain(chain).at(-1);
    assert.deepEqual(last('cluster/eu-1')?.data, { name: 'eu-1', to: 'eu-one', reason: 'why' });
    assert.deepEqual(last('cluster/eu-one')?.data, { name: 'eu-one', from: 'eu-1', reason: 'why' });
    assert.equal(last('cluster/eu-one')?.actor, 'user:test');
  });
});
