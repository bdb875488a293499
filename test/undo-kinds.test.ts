/** Rows of docs/undo.md that no other test of the undo has: a Job that ran, a held object, and the page itself. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Json, KubeObject } from '../src/base/index.ts';
import { configMap, deploy, LABELS, LOCATION, output, type Rig, startRig, undo, until } from './hub-agent-rig.ts';

const MERGE = 'application/merge-patch+json';
const JOBS = '/apis/batch/v1/namespaces/shop/jobs';
const PODS = '/api/v1/namespaces/shop/pods';
const MAPS = '/api/v1/namespaces/shop/configmaps';

describe('an undo', () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig();
    await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  });
  after(() => rig.close());

  it('takes a Job that ran away, with its pods', async () => {
    const spec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'example/migrate:1' }] };
    const metadata = { name: 'migrate', namespace: 'shop', labels: LABELS };
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata,
      spec: { template: { spec } },
    } as unknown as KubeObject;
    const made = await deploy(rig, 1, await rig.bundle(1, [job]));
    output(made.outcome, 'receipt');
    const ran = await rig.get(`${JOBS}/migrate`);
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'migrate', uid: ran?.metadata.uid as string };
    const ownerReferences = [{ ...owner, controller: true, blockOwnerDeletion: true }];
    await rig.write('POST', PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'migrate-1', ownerReferences },
      spec,
    });
    await rig.write('PATCH', `${JOBS}/migrate/status`, { status: { succeeded: 1 } }, MERGE);
    const { verified } = await undo(rig, made, null);
    assert.equal(await rig.get(`${JOBS}/migrate`), undefined);
    await until(async () => (await rig.get(`${PODS}/migrate-1`)) === undefined, 'its pod goes, too');
    assert.ok(verified.equal, JSON.stringify(verified.differences));
  });

  it('waits for an object that a finalizer holds, says which, and never removes it', async () => {
    const held = configMap('held', { n: '1' });
    const object = { ...held, metadata: { ...held.metadata, finalizers: ['example.com/hold'] } };
    const bundle = await rig.bundle(1, [object]);
    const { preImages, outcome } = await deploy(rig, 1, bundle);
    output(outcome, 'receipt');
    const body = { kind: 'undo', location: LOCATION, bundle, preImages, previous: null } as const;
    const asked = rig.run(body, 'undo/held');
    const finalizers = async () => (await rig.get(`${MAPS}/held`))?.metadata.finalizers as Json;
    await until(
      async () => (await rig.get(`${MAPS}/held`))?.metadata.deletionTimestamp !== undefined,
      'it is being deleted',
    );
    assert.deepEqual(await finalizers(), ['example.com/hold']);
    await rig.write('PATCH', `${MAPS}/held`, { metadata: { finalizers: null } }, MERGE); // what its owner does when it is done
    output(await asked, 'receipt');
    assert.equal(await rig.get(`${MAPS}/held`), undefined);
  });
});

it('docs/undo.md names tests that are there', () => {
  const page = readFileSync(new URL('../docs/undo.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/`((?:test|src)\/[\w./-]+\.test\.ts)`: ([^|)]+?) *[|)]/g)];
  assert.ok(named.length >= 18, `${named.length} tests are named`);
  for (const [, file = '', title = ''] of named) {
    const path = new URL(`../${file}`, import.meta.url);
    assert.ok(existsSync(path), file);
    assert.ok(readFileSync(path, 'utf8').includes(title), `${file} has no test "${title}"`);
  }
});
