/** What works beside a real control plane, against an API server of ours without controllers: the test plays the controller manager. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type KubeObject, silentLogger, systemClock, systemRandom } from '../../base/index.ts';
import { type Client, connect } from '../../kubernetes/index.ts';
import { type ApiServer, startApiServer } from '../api/index.ts';
import { endpointsOf, type ServiceReader } from '../gateway/index.ts';
import type { ApiResult } from '../types.ts';
import { startProvisioner } from './claims.ts';
import { watchServices } from './endpoints.ts';
import { dialledAddress } from './pod-addresses.ts';

const VOLUMES = 'persistentvolumes';
const CLAIMS = 'persistentvolumeclaims';

describe('beside a control plane', () => {
  const volumesDir = mkdtempSync(join(tmpdir(), 'ldc-volumes-'));
  const ended = new AbortController();
  let server: ApiServer;
  let client: Client;
  let services: ServiceReader;
  before(async () => {
    const ports = { clock: systemClock, random: systemRandom, logger: silentLogger };
    server = await startApiServer({ name: 'c', port: 0, ...ports });
    client = await connect({ kind: 'kubeconfig', text: server.adminKubeconfig.yaml }, systemClock);
    startProvisioner({ client, volumesDir, signal: ended.signal, ...ports });
    services = watchServices(client, { ...ports, signal: ended.signal });
  });
  after(async () => {
    ended.abort();
    await client.close();
    await server.close();
    rmSync(volumesDir, { recursive: true, force: true });
  });

  const made = ({ status, body }: ApiResult): KubeObject => {
    assert.ok(status < 300, JSON.stringify(body));
    return body as unknown as KubeObject;
  };
  const claim = (name: string, annotations: object) =>
    made(
      server.door.create(
        CLAIMS,
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name, namespace: 'default', annotations },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'standard',
            resources: { requests: { storage: '2Gi' } },
          },
        } as unknown as KubeObject,
        'test',
      ),
    );

  it('a claim that asks our provisioner gets a volume of its own, and loses it when it is released', async () => {
    const asked = claim('data', { 'volume.kubernetes.io/storage-provisioner': 'ldc.dev/folder' });
    claim('other', { 'volume.kubernetes.io/storage-provisioner': 'example.com/other' });
    const name = `pvc-${asked.metadata.uid}`;
    const volume = await until('the volume', () => server.door.get(VOLUMES, undefined, name));
    const spec = volume.spec as { claimRef: { uid: string }; capacity: object; hostPath: { path: string } };
    assert.equal(spec.claimRef.uid, asked.metadata.uid);
    assert.deepEqual(spec.capacity, { storage: '2Gi' });
    assert.equal(spec.hostPath.path, join(volumesDir, name));
    assert.ok(existsSync(spec.hostPath.path));
    assert.equal(server.door.list(VOLUMES).length, 1, 'the other claim is not ours');
    made(
      server.door.update(VOLUMES, { ...volume, status: { phase: 'Released' } }, 'kube-controller-manager', 'status'),
    );
    await until('the volume is gone', () => server.door.get(VOLUMES, undefined, name) === undefined || undefined);
    assert.equal(existsSync(spec.hostPath.path), false);
  });

  it('knows the ready endpoints of Services, by the address that is dialled', async () => {
    const metadata = { name: 'web', namespace: 'default' };
    const service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'http', port: 80 }] } };
    made(server.door.create('services', service as unknown as KubeObject, 'test'));
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [
        { addresses: ['10.64.0.2'], conditions: { ready: true } },
        { addresses: ['10.64.0.3'], conditions: { ready: false } },
      ],
    };
    made(server.door.create('endpointslices.discovery.k8s.io', slice as unknown as KubeObject, 'test'));
    const endpoints = endpointsOf(services, (address) => dialledAddress(address) ?? '');
    const wanted = { namespace: 'default', service: 'web', path: '/' };
    await until('an endpoint', () => (endpoints(wanted)?.length === 1 ? true : undefined));
    assert.deepEqual(endpoints(wanted), [{ host: '127.64.0.2', port: 8080 }]);
    assert.equal(endpoints({ ...wanted, port: '81' }), undefined);
    server.door.delete('services', 'default', 'web');
    await until('the Service is gone', () => (endpoints(wanted) === undefined ? true : undefined));
  });
});

async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  for (const endMs = systemClock.monotonic() + 20_000; ; await systemClock.sleep(20)) {
    const seen = look();
    if (seen !== undefined) return seen;
    assert.ok(systemClock.monotonic() < endMs, `not within 20 s: ${what}`);
  }
}
