import assert from 'node:assert/strict';
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { isObject, type KubeObject, silentLogger, systemClock, systemRandom } from '../../base/index.ts';
import { connect } from '../../kubernetes/index.ts';
import type { Fleet } from '../fleet.ts';
import { type EmbeddedCluster, regionNames, startFleet } from './index.ts';

const shop = join(import.meta.dirname, '../../../examples/shop');
const stateDir = mkdtempSync(join(tmpdir(), 'ldc-shop-'));
chmodSync(stateDir, 0o755); // else the containers' data goes to a folder of its own, which nobody here removes
const PLURALS: { readonly [kind: string]: string } = {
  Deployment: '/apis/apps/v1/namespaces/shop/deployments',
  Job: '/apis/batch/v1/namespaces/shop/jobs',
  Service: '/api/v1/namespaces/shop/services',
  ConfigMap: '/api/v1/namespaces/shop/configmaps',
  Secret: '/api/v1/namespaces/shop/secrets',
};

describe("examples/shop's manifests on an embedded cluster", () => {
  let fleet: Fleet<EmbeddedCluster> | undefined;
  after(async () => {
    await fleet?.close();
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('are applied over HTTP, become ready, and each service answers', async () => {
    const clientFor = (text: string) => connect({ kind: 'kubeconfig', text }, systemClock);
    fleet = await startFleet({
      stateDir,
      clusters: regionNames(1),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      clientFor,
    });
    const [cluster] = fleet.clusters;
    assert.ok(cluster);
    const { client, servicesUrl } = cluster;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body: namespace });
    const files = globSync('*/**/*.{yaml,yml}', { cwd: shop });
    const objects = files.flatMap((file) =>
      parseAllDocuments(readFileSync(join(shop, file), 'utf8')).map((document) => document.toJS() as KubeObject),
    );
    assert.ok(objects.length >= 6, `${objects.length} objects`);
    for (const object of objects) {
      const base = PLURALS[object.kind];
      assert.ok(base, `${object.kind} is not expected in the example`);
      const answer = await client.request({
        method: 'PATCH',
        path: `${base}/${object.metadata.name}`,
        query: { fieldManager: 'ldc.default.shop' },
        contentType: 'application/apply-patch+yaml',
        body: object,
      });
      assert.ok(
        answer.kind === 'answered' && answer.status < 300,
        `${object.kind} ${object.metadata.name}: ${JSON.stringify(answer)}`,
      );
    }
    const isDone = async ({ kind, metadata }: KubeObject): Promise<boolean> => {
      if (kind !== 'Deployment' && kind !== 'Job') return true;
      const answer = await client.request({ method: 'GET', path: `${PLURALS[kind]}/${metadata.name}` });
      const status =
        answer.kind === 'answered' && isObject(answer.body) && isObject(answer.body.status) ? answer.body.status : {};
      const conditions = (status.conditions ?? []) as readonly { type: string; status: string; reason: string }[];
      return conditions.some(({ type, reason }) =>
        kind === 'Job' ? type === 'Complete' : reason === 'NewReplicaSetAvailable',
      );
    };
    let waiting: readonly KubeObject[] = objects;
    for (let tries = 0; tries < 200 && waiting.length > 0; tries++) {
      const done = await Promise.all(waiting.map(isDone));
      waiting = waiting.filter((_, index) => !done[index]);
      if (waiting.length > 0) await systemClock.sleep(100);
    }
    assert.deepEqual(
      waiting.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      [],
      'not ready within 20 s',
    );
    for (const { metadata } of objects.filter(({ kind }) => kind === 'Service')) {
      const answer = await fetch(`${servicesUrl}/shop/${metadata.name}/healthz`);
      assert.equal(answer.status, 200, metadata.name);
    }
  });
});
