import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, seededRandom } from '../../base/index.ts';
import { startApiServer } from './server.ts';
import { serviceNumbers } from './service-numbers.ts';

function service(name: string, spec: KubeObject['spec']): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', uid: name }, spec };
}

test('all numbers are given once each, those of the lower part last; then there is none', async () => {
  const server = await startApiServer({ name: 'numbers' });
  const cluster = { store: server.store, random: seededRandom(7) } as never;
  try {
    const numbers = serviceNumbers(cluster, undefined, false);
    const ports = Array.from({ length: 2_768 }, () => numbers.nextPort() ?? 0);
    assert.equal(new Set(ports).size, 2_768);
    assert.ok(ports.slice(0, 2_682).every((port) => port >= 30_086 && port <= 32_767));
    assert.deepEqual(
      ports.slice(2_682),
      Array.from({ length: 86 }, (_, index) => 30_000 + index),
    );
    assert.equal(numbers.nextPort(), undefined);
    assert.deepEqual(numbers.askPort(30_000), { refused: 'provided port is already allocated' });
  } finally {
    await server.close();
  }
});

test('what other Services hold is taken, what its own holds is not; headless ones hold nothing', async () => {
  const server = await startApiServer({ name: 'held' });
  const cluster = { store: server.store, random: seededRandom(7) } as never;
  try {
    server.store.put('services', service('a', { clusterIP: '10.96.9.9', healthCheckNodePort: 30_500 }));
    server.store.put('services', service('b', { clusterIP: 'None', ports: [{ port: 80, nodePort: 30_600 }] }));
    const [other, own] = [serviceNumbers(cluster, 'c', false), serviceNumbers(cluster, 'a', false)];
    assert.deepEqual(other.askAddress('10.96.9.9'), { refused: 'provided IP is already allocated' });
    assert.deepEqual(own.askAddress('10.96.9.9'), { value: '10.96.9.9' });
    for (const port of [30_500, 30_600]) assert.ok('refused' in other.askPort(port));
    assert.deepEqual(own.askPort(30_500), { value: 30_500 });
    for (const outside of ['10.96.0.0', '10.96.255.255', '10.97.0.1', '10.96.1.256', '10.96.01.1']) {
      assert.deepEqual(other.askAddress(outside), {
        refused: 'the provided network does not match the current range',
      });
    }
  } finally {
    await server.close();
  }
});
