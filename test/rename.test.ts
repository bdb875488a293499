/** What stands against another name for a cluster: each is refused with what to do, and nothing has changed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import type { Agent } from '../src/hub-agent/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { startLiving, until } from './hub-agent-rig.ts';
import { type Hall, openHall } from './join-cases.ts';
import { problemOf } from './rights-scenario.ts';

const SETTINGS = `apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
`;

/** Of one ConfigMap, with more for the definition's spec. */
function small(name: string, more: string): StackSource {
  const stack = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${name}
  functions:
    - { name: web, manifests: [ web.yaml ] }
${more}
`;
  return { path: 'stack.yaml', stack, files: { 'web.yaml': SETTINGS } };
}

describe('another name for a cluster is refused', () => {
  let living: readonly Awaited<ReturnType<typeof startLiving>>[];
  let hall: Hall;
  let first: Agent;
  before(async () => {
    living = await Promise.all([startLiving(), startLiving()]);
    hall = await openHall();
    for (const [index, { cluster, kubeconfig }] of living.entries()) {
      const { agent } = await hall.join({ admin: cluster, kubeconfig }, `eu-${index + 1}`);
      if (index === 0) first = agent;
    }
  });
  after(async () => {
    await hall?.close();
    for (const { close } of living ?? []) await close();
  });
  const rename = (name: string, to: string) =>
    hall.hub.call(routes.clusters.rename, { params: { name }, body: { to } });
  const names = async () => (await hall.hub.all(routes.clusters.list)).map(({ name }) => name).sort();

  it('when it is taken, or its own', async () => {
    assert.equal((await problemOf(() => rename('eu-1', 'eu-2'))).kind, 'clusterExists');
    assert.equal((await problemOf(() => rename('eu-1', 'eu-1'))).kind, 'invalid');
    assert.deepEqual(await names(), ['eu-1', 'eu-2']);
  });

  it('while a transaction names it, also one that waits for a person', async () => {
    const source = small('waits', '  rollout: { approval: required }');
    const answer = await hall.hub.call(routes.stacks.apply, { body: { ...source } });
    const { id } = answer.kind === 'submitted' ? answer.transaction : assert.fail(JSON.stringify(answer));
    const state = async () => (await hall.hub.call(routes.transactions.get, { params: { id } })).state;
    await until(async () => (await state()) === 'awaitingApproval', 'it waits', 30_000);
    const { plan } = await hall.hub.call(routes.transactions.get, { params: { id } });
    const [on = ''] = plan.steps.flatMap(({ cluster }) => cluster ?? []);
    const problem = await problemOf(() => rename(on, 'eu-one'));
    assert.equal(problem.kind, 'busy');
    assert.ok(problem.detail.includes(id), problem.detail);
    await hall.hub.call(routes.transactions.abort, { params: { id }, body: { reason: 'test' } });
    await until(async () => (await state()) === 'rolledBack', 'it has ended', 30_000);
  });

  it('when a stack chooses by the name, and would choose otherwise; a label or an expression that holds for both does not stand against it', async () => {
    const named = small('named', `  placement: { clusters: { cel: "cluster.name == 'eu-1'" } }`);
    assert.equal((await hall.apply(named)).state, 'committed');
    const problem = await problemOf(() => rename('eu-1', 'eu-one'));
    assert.equal(problem.kind, 'chosenByName');
    assert.match(problem.detail, /default\/named chooses clusters by name/);
    const both = small('named', `  placement: { clusters: { cel: "cluster.name in ['eu-1', 'eu-one']" } }`);
    assert.equal((await hall.apply(both)).state, 'committed');
    assert.equal((await rename('eu-1', 'eu-one')).name, 'eu-one');
    const back = async () => (await hall.hub.call(routes.clusters.get, { params: { name: 'eu-one' } })).connected;
    await until(back, 'its agent is back', 30_000);
    const again = await hall.hub.call(routes.stacks.apply, { body: { ...both } });
    assert.equal(again.kind, 'nothing', 'it is where it was');
    await hall.retire('named');
    await rename('eu-one', 'eu-1');
    await until(
      async () => (await hall.hub.call(routes.clusters.get, { params: { name: 'eu-1' } })).connected,
      'back',
      30_000,
    );
  });

  it('when its agent is not there, and when stacks still count on a removed cluster of that name', async () => {
    const on = (name: string) => `  placement: { clusters: { cel: "cluster.name == '${name}'" } }`;
    assert.equal((await hall.apply(small('stays', on('eu-2')))).state, 'committed');
    const params = { name: 'eu-2' };
    await hall.hub.call(routes.clusters.remove, { params, query: { force: 'true', reason: 'test' } });
    const problem = await problemOf(() => rename('eu-1', 'eu-2'));
    assert.equal(problem.kind, 'clusterExists');
    assert.match(problem.detail, /was removed, and stacks still count on what it held/);
    await first.stop();
    await until(
      async () => !(await hall.hub.call(routes.clusters.get, { params: { name: 'eu-1' } })).connected,
      'its agent is away',
      30_000,
    );
    assert.equal((await problemOf(() => rename('eu-1', 'eu-one'))).kind, 'agentAway');
    assert.deepEqual(await names(), ['eu-1']);
  });
});
