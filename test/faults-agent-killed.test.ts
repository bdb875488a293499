/** SIGKILL of an agent's process after it has applied and before its receipt has come. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { startWorld, until, type World } from './world.ts';
import { configMap, deployment, EVERYWHERE, read, stackOf } from './world-objects.ts';

const NAME = 'eu-1';
/** Another agent waits for the killed one's lease (15 s): the cluster must not be lost until then. */
const TIMERS = { heartbeatMs: 250, suspectAfterMs: 30_000, lostAfterMs: 60_000, backAfterMs: 300 };

let world: World;
let agent: ChildProcess | undefined;
before(async () => {
  world = await startWorld({ startHubHere: false, timers: TIMERS });
  await world.startHub();
  await world.join('us-1');
});
after(async () => {
  agent?.kill('SIGKILL');
  await world?.close();
});

/** `ldc agent` beside the cluster, its way to the hub through the cluster's gateway. */
async function startAgent(token: string): Promise<ChildProcess> {
  const way = await world.cluster(NAME).gateway.egress('127.0.0.1', world.hubOptions.port + 1);
  const hub = `https://127.0.0.1:${way}`;
  return fork(
    join(import.meta.dirname, '..', 'src', 'main', 'ldc.ts'),
    ['agent', '--hub', hub, '--join', token, '--name', NAME, '--kubeconfig', world.cluster(NAME).kubeconfigPath],
    { stdio: 'ignore' },
  );
}

test('the next agent answers for the same command: applied once, one outcome', async () => {
  const { token } = await world.client.call(routes.joinTokens.create, { body: { cluster: NAME } });
  agent = await startAgent(token);
  await world.allReady();
  const path = '/api/v1/namespaces/killed/configmaps/settings';
  const objects = [configMap('settings', { version: '1' }), deployment('web')];
  const id = await world.submit(stackOf({ name: 'killed', functions: { web: { objects, locations: EVERYWHERE } } }));
  // the receipt is on a slow line when its sender dies
  const apply = async () => (await world.get(id)).plan.steps.find((step) => step.id === `apply:web@${NAME}`);
  await until('the apply was sent', 20_000, async () => {
    world.cluster(NAME).slow(150);
    return (await apply())?.status === 'started';
  });
  await until('it is applied', 20_000, async () => (await read(world.kube(NAME), path)) !== undefined);
  agent.kill('SIGKILL');
  const step = await apply();
  assert.equal(step?.status, 'started', 'no receipt had come');
  const uid = (await read(world.kube(NAME), path))?.metadata.uid;
  await world.cluster(NAME).heal();
  agent = await startAgent(token);
  const transaction = await world.finished(id);
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  assert.equal((await read(world.kube(NAME), path))?.metadata.uid, uid);
  const entries = await world.client.all(routes.transactions.events, { params: { id } });
  const outcomes = entries.filter(({ type, data }) => type === 'step.succeeded' && data.step === step?.id);
  assert.equal(outcomes.length, 1);
});
