/** What a line does at its limits, and what a hub knows again after one has ended. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock as clock, type Logger, limits, silentLogger } from '../src/base/index.ts';
import { type HubDoor, networkDoor } from '../src/hub-agent/index.ts';
import type { Client } from '../src/kubernetes/index.ts';
import type { Channel } from '../src/protocol/index.ts';
import { configMap, LOCATION, output, part, type Rig, refusalKind, STACK, startRig, until } from './hub-agent-rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

/** Objects of together more than a message may hold. */
const LARGE = Array.from({ length: 12 }, (_, index) => configMap(`large-${index}`, { text: 'x'.repeat(800_000) }));
const lines = () => {
  let ended = 0;
  rig.hub.link.onChange((change) => {
    if (change.kind === 'disconnected') ended++;
  });
  return () => ended;
};

describe('a message above the limit is refused with a sentence, and the line stays', () => {
  it('a bundle', async () => {
    const ended = lines();
    const bundle = await rig.bundle(1, LARGE);
    const outcome = await rig.run({ kind: 'dryRun', location: LOCATION, bundle, pending: [] });
    assert.equal(refusalKind(outcome), 'tooLarge');
    assert.match(JSON.stringify(outcome), /above 8 MiB.*divide the function/);
    assert.equal(ended(), 0);
  });

  it('an answer', async () => {
    const ended = lines();
    const here = LARGE.map((object) => configMap(object.metadata.name, {}));
    for (const object of LARGE) await rig.write('POST', '/api/v1/namespaces/shop/configmaps', object as never);
    const bundle = await rig.bundle(1, here);
    const outcome = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
    assert.equal(refusalKind(outcome), 'tooLarge');
    assert.match(JSON.stringify(outcome), /the answer to snapshot/);
    assert.equal(ended(), 0);
  });

  it('a command', async () => {
    const ended = lines();
    const outcome = await rig.run({ kind: 'ensure', stack: STACK, objects: LARGE });
    assert.equal(refusalKind(outcome), 'tooLarge');
    assert.ok(JSON.stringify(outcome).length < 1_000 && limits.protocolMessageBytesMax === 8 * 1024 * 1024);
    assert.equal(ended(), 0);
  });
});

describe('a cluster that is slow', () => {
  it('a verify that takes longer than its hub waits is joined when it is asked again, not begun anew', async () => {
    await rig.agent.stop();
    let reads = 0;
    const inner = rig.client;
    const client: Client = {
      ...inner,
      async request(request) {
        if (request.path.endsWith('/configmaps/settings')) {
          reads++;
          await clock.sleep(400);
        }
        return inner.request(request);
      },
    };
    rig.agent = await rig.startAgent({ client });
    await until(() => rig.hub.link.connected('eu-1'), 'it is connected');
    const drift = { mode: 'ignore', ignore: [] };
    const bundle = await rig.bundle(1, [configMap('settings', { a: 'b' })], { drift });
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
    const { preImages } = output(taken, 'snapshot');
    reads = 0;
    const locations = [{ location: LOCATION, preImages, bundle }];
    const command = { id: 'verify/slow', epoch: rig.store.epoch, body: { kind: 'verify', locations } } as const;
    const first = await rig.hub.link.execute('eu-1', command, { timeoutMs: 150 });
    assert.equal(first.kind, 'unknown');
    const second = await rig.hub.link.execute('eu-1', command, { timeoutMs: 5_000 });
    assert.ok(output(second, 'verify').equal);
    assert.equal(reads, 1);
  });
});

describe('what a hub knows of a cluster', () => {
  it('the highest epoch that its agent has seen is kept for `ldc hub rearm`', async () => {
    const kept = () => rig.store.documents.get('clusterFacts', 'eu-1')?.body.highestEpoch;
    await rig.agent.stop();
    const state = '/api/v1/namespaces/ldc-system/configmaps/ldc-agent-state';
    const remembered = JSON.parse(String(part(await rig.get(state), 'data', 'state')));
    const epoch = rig.store.epoch + 40;
    const data = { state: JSON.stringify({ ...remembered, epoch }) };
    await rig.write('PATCH', state, { data }, 'application/merge-patch+json');
    rig.agent = await rig.startAgent();
    await until(() => kept() === epoch, 'the hub that is refused has learnt the epoch');
    assert.ok(!rig.agent.connected(), 'an older hub is not obeyed');
    assert.ok(!('highestEpoch' in (rig.hub.registry.cluster('eu-1') ?? {})));
  });

  it('a hub on a copy of the state has the same epoch, and is not obeyed by an agent that another with it was here first', async () => {
    await rig.agent.stop();
    const state = '/api/v1/namespaces/ldc-system/configmaps/ldc-agent-state';
    const text = String(part(await rig.get(state), 'data', 'state'));
    const remembered = JSON.parse(text);
    assert.deepEqual([remembered.epoch, remembered.holder], [rig.store.epoch, rig.store.holder]);
    const write = (data: string) =>
      rig.write('PATCH', state, { data: { state: data } }, 'application/merge-patch+json');
    await write(JSON.stringify({ ...remembered, holder: 'who was here first' }));
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, error: (_, message) => void said.push(message), child: () => logger };
    rig.agent = await rig.startAgent({ logger });
    await until(() => said.some((line) => line.includes("is another's")), 'the agent says why it does not obey');
    assert.ok(!rig.agent.connected());
    await rig.agent.stop();
    await write(text);
    rig.agent = await rig.startAgent();
    await until(() => rig.agent.connected(), 'the one that was here first is obeyed');
  });

  it('a hub from a backup may ask what is held, whatever its epoch, and gets it with its Secret values; it may do nothing else', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: 'shop' } };
    const bundle = await rig.bundle(3, [{ ...secret, data: { token: Buffer.from('sesame').toString('base64') } }]);
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
    const { preImages } = output(taken, 'snapshot');
    const apply = { kind: 'apply', location: LOCATION, revision: 3, bundle, preImages } as const;
    output(await rig.run(apply), 'receipt');
    const old = rig.store.epoch - 1;
    const recalled = await rig.run({ kind: 'recallBundle', location: LOCATION }, 'recall/1', old);
    assert.equal(output(recalled, 'recallBundle').bundle, bundle);
    const elsewhere = { ...LOCATION, name: 'unknown' };
    const none = await rig.run({ kind: 'recallBundle', location: elsewhere }, 'recall/2', old);
    assert.equal(output(none, 'recallBundle').bundle, null);
    assert.equal(refusalKind(await rig.run({ ...apply, revision: 4 }, 'apply/old', old)), 'staleEpoch');
    const looked = output(await rig.run({ kind: 'describe', location: LOCATION }, 'd', old), 'describe');
    assert.deepEqual(looked.reasons, [], 'to look changes nothing');
  });

  it('after a new line it has all observations again, although nothing has changed', async () => {
    let line: Channel | undefined;
    const door = networkDoor(rig.hub.url, clock);
    const open: HubDoor['open'] = async (identity, signal) => {
      const opened = await door.open(identity, signal);
      if (opened.kind === 'done') line = opened.value;
      return opened;
    };
    await rig.agent.stop();
    rig.agent = await rig.startAgent({ hub: { ...door, open } });
    await until(() => rig.agent.connected(), 'it is connected');
    const bundle = await rig.bundle(1, [configMap('settings', { a: 'b' })]);
    const taken = output(await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null }), 'snapshot');
    const { preImages } = taken;
    output(await rig.run({ kind: 'apply', location: LOCATION, revision: 1, bundle, preImages }), 'receipt');
    const seen = () => rig.hub.registry.observations('eu-1')[0]?.status === 'current';
    await until(seen, 'it is observed');
    const ended = lines();
    line?.close('cut by the test');
    await until(() => ended() === 1, 'the line has ended');
    await until(() => rig.hub.link.connected('eu-1'), 'the agent is back');
    await until(seen, 'it is observed again');
  });
});
