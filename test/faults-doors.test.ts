/** Who and what is refused at the hub's doors: tokens, certificates, ports, folders, a full disk; and that no secret leaks. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { freePortPair, hold } from '../src/base/free-ports.ts';
import {
  systemClock as clock,
  createIds,
  errorText,
  RefusedError,
  systemRandom as random,
  StoreError,
  silentLogger,
} from '../src/base/index.ts';
import { createAgent } from '../src/hub-agent/index.ts';
import { connect } from '../src/kubernetes/index.ts';
import { startHub } from '../src/main/hub.ts';
import { type ApiServer, startApiServer } from '../src/sim/index.ts';
import { hubOptionsFor, startWorld, until, type World } from './world.ts';
import { configMap, deployment, EVERYWHERE, secret, stackOf } from './world-objects.ts';

const ports = { clock, random, logger: silentLogger };
const folders: string[] = [];
let world: World;
let stray: ApiServer;
before(async () => {
  [world, stray] = await Promise.all([startWorld(), startApiServer({ name: 'stray' })]);
});
after(async () => {
  await Promise.all([world?.close(), stray?.close()]);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'ldc-doors-'));
  folders.push(made);
  return made;
}

/** Tries to join the stray cluster; answers the refusal's kind, or `joined`. */
async function tryJoin(token: string, name: string, hubUrl = world.hub.agentsUrl): Promise<string> {
  const client = await connect({ kind: 'kubeconfig', text: stray.adminKubeconfig.yaml }, clock);
  const options = { client, clock, random, ids: createIds(clock, random), logger: silentLogger, version: 'test' };
  const agent = createAgent({ ...options, hub: { url: hubUrl }, join: { token, name }, holder: 'doors' });
  try {
    await agent.start();
    return 'joined';
  } catch (error) {
    assert.ok(error instanceof RefusedError, errorText(error));
    return error.refusal.kind;
  } finally {
    await agent.stop();
    await client.close();
  }
}

async function makeToken(body: object = {}): Promise<string> {
  return (await world.client.call(routes.joinTokens.create, { body })).token;
}

test('a join token that has expired, was revoked, is made up, is for another cluster or another hub is refused', async () => {
  const expired = await makeToken({ ttlMs: 1_000 });
  const before_ = clock.monotonic();
  const { token: revoked, record } = await world.client.call(routes.joinTokens.create, { body: {} });
  await world.client.call(routes.joinTokens.revoke, { params: { id: record.id } });
  assert.equal(await tryJoin(revoked, 'stray'), 'token');
  const bound = await makeToken({ cluster: 'other' });
  assert.equal(await tryJoin(bound, 'stray'), 'token');
  const [version, id, , ca] = bound.split('.');
  assert.equal(await tryJoin([version, id, 'A'.repeat(43), ca].join('.'), 'other'), 'token');
  assert.equal(await tryJoin([version, id, 'x', '0'.repeat(64)].join('.'), 'other'), 'anotherHub');
  await clock.sleep(Math.max(0, 1_050 - (clock.monotonic() - before_)));
  assert.equal(await tryJoin(expired, 'stray'), 'tokenExpired');
  const names = (await world.client.all(routes.clusters.list)).map(({ name }) => name);
  assert.deepEqual(names, ['eu-1', 'us-1']);
});

test('a token of one use is worth nothing to a second cluster, and a name is not taken from who has it', async () => {
  const once = await makeToken({ uses: 1 });
  const twice = await makeToken({ uses: 2 });
  assert.equal(await tryJoin(twice, 'eu-1'), 'anotherCluster');
  assert.equal(await tryJoin(once, 'stray'), 'joined');
  const other = await startApiServer({ name: 'second' });
  try {
    const own = stray;
    stray = other;
    assert.equal(await tryJoin(once, 'second'), 'tokenUsed');
    stray = own;
  } finally {
    await other.close();
  }
});

test('a removed cluster is refused at once, its line ended', async () => {
  const token = await makeToken();
  const client = await connect({ kind: 'kubeconfig', text: stray.adminKubeconfig.yaml }, clock);
  const names = (await world.client.all(routes.clusters.list)).map(({ name }) => name);
  const options = { client, clock, random, ids: createIds(clock, random), logger: silentLogger, version: 'test' };
  const agent = createAgent({
    ...options,
    hub: { url: world.hub.agentsUrl },
    holder: 'doors',
    ...(names.includes('stray') ? {} : { join: { token, name: 'stray' } }),
  });
  await agent.start();
  await until('it is connected', 5_000, () => agent.connected());
  const startedMs = clock.monotonic();
  await world.client.call(routes.clusters.remove, {
    params: { name: 'stray' },
    query: { reason: 'a test', force: 'true' },
  });
  await until('its line has ended', 2_000, () => !agent.connected());
  assert.ok(clock.monotonic() - startedMs < 1_500);
  await clock.sleep(700);
  assert.equal(agent.connected(), false, 'it does not come back');
  const left = (await world.client.all(routes.clusters.list)).map(({ name }) => name);
  assert.deepEqual(left, ['eu-1', 'us-1']);
  await agent.stop();
  await client.close();
});

test('without a client certificate, or with one of another CA, no agent line opens', async () => {
  const agents = new URL(world.hub.agentsUrl);
  const upgrade = (tls: object) =>
    new Promise<string>((resolve) => {
      const call = request({
        host: agents.hostname,
        port: agents.port,
        path: '/agent',
        rejectUnauthorized: false,
        agent: false,
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        },
        ...tls,
      });
      call.on('response', (response) => resolve(String(response.statusCode)));
      call.on('upgrade', () => resolve('opened'));
      call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      call.end();
    });
  assert.equal(await upgrade({}), '403');
  // a good certificate, only not of this hub's CA
  const { yaml } = stray.adminKubeconfig;
  const part = (name: string) => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(yaml)?.[1] ?? '', 'base64').toString();
  const foreign = { cert: part('client-certificate-data'), key: part('client-key-data') };
  assert.match(foreign.cert, /BEGIN CERTIFICATE/);
  assert.equal(await upgrade(foreign), '403');
});

test('REST without a token, or with a wrong one, answers 401 and tells nothing', async () => {
  for (const authorization of [undefined, 'Bearer wrong', `Bearer ldc1.${'a'.repeat(20)}`]) {
    const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const headers = authorization === undefined ? {} : { authorization };
      request(`${world.hub.url}/api/v1/stacks`, { ca: world.hub.caPem, headers, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode, body }));
      })
        .on('error', reject)
        .end();
    });
    assert.equal(answer.status, 401);
    assert.doesNotMatch(answer.body, /items|shop/);
  }
});

test('a port in use is said with its number, for REST and for agents, and nothing keeps running', async () => {
  for (const offset of [0, 1]) {
    const port = await freePortPair();
    const held = await hold(port + offset);
    const dir = folder();
    await assert.rejects(startHub(hubOptionsFor(dir, port), ports), new RegExp(`port ${port + offset} .*in use`));
    await held?.release();
    const hub = await startHub(hubOptionsFor(dir, port), ports);
    await hub.stop();
  }
});

test('two hubs on one state folder: the second is refused, the first goes on', async () => {
  const second = { ...world.hubOptions, port: await freePortPair() };
  await assert.rejects(startHub(second, ports), (error: unknown) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.kind, 'locked');
    assert.match(error.message, /another hub is running on/);
    return true;
  });
  assert.equal((await world.client.call(routes.clusters.list)).items.length, 2);
});

test('a state folder that cannot be written is refused with a sentence that names it', async () => {
  // a mode does not stop root; a file in the folder's place stops everyone
  const file = join(folder(), 'hub');
  writeFileSync(file, '');
  const error = await startHub(hubOptionsFor(file, await freePortPair()), ports).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof StoreError, errorText(error));
  assert.ok(error.message.includes(file), error.message);
});

test('no value of a Secret is in a log, in the journal, in a blob, or in any file of the hub', async () => {
  const values = ['hunter2-not-to-be-seen', 'second-value-not-to-be-seen'] as const;
  const stack = (value: string, outcome?: 'neverReady') =>
    stackOf({
      name: 'secretive',
      functions: {
        web: {
          objects: [
            secret('keys', { password: value }),
            configMap('plain', { a: '1' }),
            deployment('web', outcome === undefined ? {} : { outcome }),
          ],
          locations: EVERYWHERE,
        },
      },
      rollout: { deadline: '3s' },
    });
  assert.equal((await world.apply(stack(values[0]))).state, 'committed');
  const undone = await world.apply(stack(values[1], 'neverReady'));
  assert.equal(undone.state, 'rolledBack');
  assert.equal(undone.rollback?.verified?.equal, true, JSON.stringify(undone.rollback));
  const needles = values.flatMap((value) => [value, Buffer.from(value).toString('base64')]);
  const texts = [...world.logs, JSON.stringify(await world.client.all(routes.journal.read)), JSON.stringify(undone)];
  for (const needle of needles) {
    assert.ok(!texts.some((text) => text.includes(needle)), `${needle} is in a log or the journal`);
    for (const name of readdirSync(world.hubOptions.dir)) {
      const path = join(world.hubOptions.dir, name);
      if (statSync(path).isFile()) assert.ok(!readFileSync(path).includes(needle), `${needle} is in ${name}`);
    }
  }
});
