/** Drift on real control planes of both minors: noticed by watch, repaired in a moment, journaled with whose hand it was. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isObject, type Json, type JsonObject } from '../../src/base/index.ts';
import { MINORS } from '../../src/sim/real/index.ts';
import { configMap, deploy, deployment, output, part, type Rig, secretOf, startRig, until } from '../hub-agent-rig.ts';
import { type Real, skip, startReal } from './control-planes.ts';

const FOR_MS = 60_000;
const MERGE = 'application/merge-patch+json';
const CONFIG = '/api/v1/namespaces/shop/configmaps/settings';
const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/checkout';

for (const minor of MINORS) {
  describe(`drift on Kubernetes ${minor}`, { skip, timeout: 180_000 }, () => {
    let real: Real;
    let rig: Rig;
    before(async () => {
      real = await startReal(minor);
      rig = await startRig({ cluster: real.client });
      await rig.write('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'shop' },
      });
      const objects = [
        configMap('settings', { mode: 'good', size: '1' }),
        secretOf('login', 'hunter2hunter2'),
        deployment('checkout', 'a:1'),
      ];
      const tx = await deploy(rig, 1, await rig.bundle(1, objects));
      output(tx.outcome, 'receipt');
      await until(() => rig.hub.registry.observations('eu-1')[0]?.status === 'current', 'it is ready', FOR_MS);
    });
    after(async () => {
      await rig?.close();
      await real?.close();
    });

    const drifts = () => rig.store.journal.chain('cluster/eu-1').filter((entry) => entry.type === 'cluster.drift');
    const write = (path: string, by: string, body: Json) =>
      rig.write('PATCH', `${path}?fieldManager=${by}`, body, MERGE);
    const modeIs = (mode: string) => async () => part(await rig.get(CONFIG), 'data', 'mode') === mode;
    /** The next entry, after something was done. */
    async function drift(deed: () => Promise<unknown>): Promise<JsonObject> {
      const count = drifts().length;
      await deed();
      await until(() => drifts().length > count, 'it is journaled', FOR_MS);
      return drifts()[count]?.data as JsonObject;
    }
    const handOf = (data: JsonObject) => {
      const [change] = Array.isArray(data.changes) ? data.changes.filter(isObject) : [];
      const { at, ...by } = (change?.by ?? {}) as JsonObject;
      // a real server writes no time where it was done by a subresource
      if (by.subresource === undefined) assert.match(String(at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      return by;
    };

    it('says whose hand it was, and repairs it', async (test) => {
      let tookMs = 0;
      const data = await drift(async () => {
        await write(CONFIG, 'kubectl-edit', { data: { mode: 'bad' } });
        tookMs = await until(modeIs('good'), 'it is repaired', FOR_MS);
      });
      test.diagnostic(`repaired after ${Math.round(tookMs)} ms`);
      assert.equal(data.message, 'ConfigMap shop/settings was changed by kubectl-edit: .data.mode "good" → "bad"');
      assert.deepEqual(handOf(data), { manager: 'kubectl-edit', operation: 'Update' });
    });

    it('says by which subresource', async () => {
      const data = await drift(() => write(`${DEPLOYMENT}/scale`, 'kubectl', { spec: { replicas: 5 } }));
      assert.match(String(data.message), /was changed by kubectl: \.spec\.replicas 2 → 5/);
      assert.deepEqual(handOf(data), { manager: 'kubectl', operation: 'Update', subresource: 'scale' });
    });

    it('makes anew what was deleted', async (test) => {
      let tookMs = 0;
      const data = await drift(async () => {
        await rig.write('DELETE', CONFIG);
        tookMs = await until(modeIs('good'), 'it is back', FOR_MS);
      });
      test.diagnostic(`back after ${Math.round(tookMs)} ms`);
      assert.equal(data.message, 'ConfigMap shop/settings was deleted');
    });

    it('makes a deleted namespace anew with all that was in it, and tells each object once', async () => {
      const count = drifts().length;
      await rig.write('DELETE', '/api/v1/namespaces/shop');
      const current = () => rig.hub.registry.observations('eu-1')[0]?.status === 'current';
      const told = () =>
        drifts()
          .slice(count)
          .filter((entry) => entry.data.repaired === true);
      await until(() => told().length >= 3 && current(), 'all is back and ready', FOR_MS);
      assert.equal(
        told().length,
        3,
        told()
          .map((entry) => entry.data.message)
          .join('; '),
      );
      assert.equal(part(await rig.get('/api/v1/namespaces/shop'), 'status', 'phase'), 'Active');
    });

    // the controller syncs every 15 s, so one minor is enough
    if (minor === MINORS.at(-1)) itLeavesToAutoscalers();
    function itLeavesToAutoscalers(): void {
      it('takes replicas back from an autoscaler of another, unless the stack leaves them alone', async () => {
        const objects = [configMap('settings', { mode: 'good' }), deployment('checkout', 'a:1')];
        const replicas = async () => part(await rig.get(DEPLOYMENT), 'spec', 'replicas');
        const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'checkout' };
        // below its minimum it needs no metrics to scale
        const spec = { minReplicas: 4, maxReplicas: 6, scaleTargetRef };
        const data = await drift(() =>
          rig.write('POST', '/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers', {
            ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', spec },
            metadata: { name: 'theirs' },
          }),
        );
        assert.match(String(data.message), /was changed by kube-controller-manager: \.spec\.replicas 2 → 4/);
        assert.deepEqual(handOf(data), {
          ...{ manager: 'kube-controller-manager', operation: 'Update', subresource: 'scale' },
        });
        await until(async () => (await replicas()) === 2, 'they are taken back', FOR_MS);
        const first = rig.hub.registry.observations('eu-1')[0]?.bundle ?? null;
        const left = { drift: { mode: 'repair', ignore: ['/spec/replicas'] } };
        const tx = await deploy(rig, 2, await rig.bundle(2, objects, left), first);
        output(tx.outcome, 'receipt');
        await until(async () => (await replicas()) === 4, 'the autoscaler has its way', FOR_MS);
        const count = drifts().length;
        await write(CONFIG, 'hand', { data: { mode: 'bad' } });
        await until(() => drifts().length > count, 'something else is repaired', FOR_MS);
        assert.match(String(drifts()[count]?.data.message), /^ConfigMap shop\/settings was changed by hand/);
        assert.equal(await replicas(), 4);
      });
    }

    it('tells what happened while no hub was there, once', async () => {
      const count = drifts().length;
      await rig.hub.stop();
      await until(() => !rig.agent.connected(), 'the line has ended', FOR_MS);
      await write(CONFIG, 'alice', { data: { mode: 'bad' } });
      await until(modeIs('good'), 'repaired without a hub', FOR_MS);
      await rig.agent.stop();
      await rig.hub.start();
      rig.agent = await rig.startAgent({ hub: { url: rig.hub.url } });
      await until(() => drifts().length > count, 'it is journaled', FOR_MS);
      await until(() => rig.hub.registry.observations('eu-1')[0]?.status === 'current', 'it is ready', FOR_MS);
      const told = drifts().slice(count);
      assert.equal(told.length, 1);
      assert.match(String(told[0]?.data.message), /changed by alice/);
    });
  });
}
