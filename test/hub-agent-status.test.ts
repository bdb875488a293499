/** The way of a status from a member to its hub: a first change waits for nothing. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { systemClock } from '../src/base/index.ts';
import { deploy, deployment, LABELS, LOCATION, output, type Rig, startRig, until } from './hub-agent-rig.ts';

const SHORT_MS = 200;
const QUIET_MS = 500;

let rig: Rig;
/** While there is a list, short waits of the agent do not end: what needs one does not happen. */
let held: (() => void)[] | undefined;
let lastWaitMs = 0;

const clock = {
  ...systemClock,
  after(delayMs: number, run: () => void) {
    if (delayMs < SHORT_MS) lastWaitMs = systemClock.monotonic();
    if (delayMs <= 0 || delayMs >= SHORT_MS || held === undefined) return systemClock.after(delayMs, run);
    held.push(run);
    return () => {
      held = held?.filter((one) => one !== run);
    };
  },
};

before(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await rig.agent.stop();
  rig.agent = await rig.startAgent({ clock });
  await until(() => rig.hub.registry.connected(LOCATION.cluster), 'the agent is connected');
});
after(() => rig.close());

it('a change of status is at the hub without any wait of the agent, after a quiet moment', async () => {
  const web = deployment('web', 'web:1', 1);
  const object = { ...web, metadata: { ...web.metadata, labels: LABELS } };
  output((await deploy(rig, 1, await rig.bundle(1, [object]))).outcome, 'receipt');
  const shown = () => rig.hub.registry.observations(LOCATION.cluster).map(({ status }) => status);
  await until(() => shown().includes('inProgress'), 'the hub knows of it');
  for (const replicas of [1, 0, 1]) {
    await until(() => systemClock.monotonic() - lastWaitMs > QUIET_MS, 'the agent has come to rest');
    held = [];
    const status = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: replicas };
    const path = '/apis/apps/v1/namespaces/shop/deployments/web/status';
    const conditions = [{ type: 'Available', status: replicas === 1 ? 'True' : 'False' }];
    const more = { availableReplicas: replicas, conditions };
    await rig.write('PATCH', path, { status: { ...status, ...more } }, 'application/merge-patch+json');
    await until(() => shown().includes(replicas === 1 ? 'current' : 'inProgress'), `${replicas} ready at the hub`);
    const late: readonly (() => void)[] = held;
    held = undefined;
    for (const run of late) run();
  }
  assert.deepEqual(shown(), ['current']);
});
