import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { silentLogger, systemClock, systemRandom } from '../../base/index.ts';
import { processStart } from '../../base/process-record.ts';
import { connect } from '../../kubernetes/index.ts';
import type { Fleet } from '../fleet.ts';
import { type EmbeddedCluster, regionNames, startFleet } from './index.ts';

const stateDir = mkdtempSync(join(tmpdir(), 'ldc-killed-'));
chmodSync(stateDir, 0o755); // else the containers' data goes to a folder of its own, which nobody here removes
const source = (path: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);

/** A whole installation in a process of its own: one cluster with two pods of a service and one that runs a shell command. */
const PROGRAM = `
import { silentLogger, systemClock, systemRandom } from ${source('../../base/index.ts')};
import { connect } from ${source('../../kubernetes/index.ts')};
import { regionNames, startFleet } from ${source('./index.ts')};
const clientFor = (text) => connect({ kind: 'kubeconfig', text }, systemClock);
const fleet = await startFleet({ stateDir: process.argv[1], clusters: regionNames(1), clock: systemClock, random: systemRandom, logger: silentLogger, clientFor });
const [cluster] = fleet.clusters;
const post = (path, body) => cluster.client.request({ method: 'POST', path, body });
const labels = { app: 'web' };
const containers = [{ name: 'web', image: 'ldc.dev/http:1', readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 } }];
await post('/apis/apps/v1/namespaces/default/deployments', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } } });
await post('/api/v1/namespaces/default/services', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } });
await post('/api/v1/namespaces/default/pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shell' }, spec: { containers: [{ name: 'sh', image: 'ldc.dev/http:1', command: ['sh', '-c', "trap '' TERM; while :; do sleep 0.1; done"] }] } });
for (;;) {
  const answer = await cluster.client.request({ method: 'GET', path: '/api/v1/namespaces/default/pods' });
  const pods = answer.body.items.filter((pod) => pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
  if (pods.length === 3) { process.stdout.write(JSON.stringify({ url: cluster.servicesUrl, addresses: pods.map((pod) => pod.status.podIP) }) + '\\n'); break; }
  await systemClock.sleep(50);
}
setInterval(() => {}, 1000);
`;

const answers = (host: string) =>
  new Promise<boolean>((resolve) => {
    const socket = dial({ host, port: 8080, timeout: 500 });
    socket
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('timeout', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

async function eventually(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await look()) return;
    await systemClock.sleep(50);
  }
  assert.fail(`not within 10 s: ${what}`);
}

describe('an installation killed with SIGKILL', () => {
  let fleet: Fleet<EmbeddedCluster> | undefined;
  after(async () => {
    await fleet?.close();
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('leaves nothing serving, and the same command at once continues everything', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, stateDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (data: Buffer) => resolve(data.toString()));
      child.once('exit', () => reject(new Error('the installation ended')));
    });
    const { url, addresses } = JSON.parse(line) as { url: string; addresses: string[] };
    const records = join(stateDir, 'eu-1', 'kubelet', 'processes');
    const processes = readdirSync(records).map(
      (file) => JSON.parse(readFileSync(join(records, file), 'utf8')) as { pid: number; startedAt: string },
    );
    assert.equal(processes.length, 3);
    assert.equal((await fetch(`${url}/default/web/`)).status, 200);

    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    const clientFor = (text: string) => connect({ kind: 'kubeconfig', text }, systemClock);
    fleet = await startFleet({
      stateDir,
      clusters: regionNames(1),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      clientFor,
    });
    for (const { pid, startedAt } of processes)
      assert.notEqual(processStart(pid), startedAt, `process ${pid} of the killed installation goes on`);
    const [cluster] = fleet.clusters;
    assert.equal(cluster?.servicesUrl, url);
    await eventually('served again', async () => (await fetch(`${url}/default/web/`)).status === 200);
    await eventually('three processes again', () => cluster?.processCount() === 3);
    const pods = await cluster?.client.request({ method: 'GET', path: '/api/v1/namespaces/default/pods' });
    const now =
      pods?.kind === 'answered' ? (pods.body as unknown as { items: { status: { podIP: string } }[] }).items : [];
    const used = new Set(now.map(({ status }) => status.podIP));
    for (const address of addresses)
      if (!used.has(address)) assert.equal(await answers(address), false, `${address} still serves`);
  });
});
