import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createClient, routes } from '../src/api/client/index.ts';
import { freePortPair } from '../src/base/free-ports.ts';
import { systemClock as clock, systemRandom as random, silentLogger } from '../src/base/index.ts';
import { runningProcess } from '../src/base/process-record.ts';
import type { Io } from '../src/cli/index.ts';
import { readAdminToken, startHub } from '../src/main/hub.ts';
import { joinBeside } from '../src/main/join.ts';
import { startLiving, until } from './hub-agent-rig.ts';
import { rightsCases } from './rights-cases.ts';
import { problemOf, stackOf } from './rights-scenario.ts';
import { hubOptionsFor } from './world.ts';

rightsCases('an embedded cluster', async () => {
  const { cluster, kubeconfig, close } = await startLiving();
  return { admin: cluster, kubeconfig, close };
});

it('`ldc cluster join` gives the agent an account with these rights, and it acts as that one, not as the kubeconfig', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-join-'));
  const living = await startLiving();
  const hub = await startHub(hubOptionsFor(join(dir, 'hub'), await freePortPair()), {
    clock,
    random,
    logger: silentLogger,
  });
  const token = readAdminToken(hub.adminTokenFile);
  const client = createClient({ hub: hub.url, token, ca: hub.caPem }, { clock, random });
  const folder = join(dir, 'ldc', 'agents');
  t.after(async () => {
    const pid = existsSync(folder) ? runningProcess(folder, 'eu-1') : undefined;
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
    await until(
      () => !existsSync(folder) || runningProcess(folder, 'eu-1') === undefined,
      'the agent has ended',
      20_000,
    );
    await client.close();
    await hub.stop();
    await living.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, living.kubeconfig);
  const made = await client.call(routes.joinTokens.create, { body: { uses: 1, labels: {} } });
  const said: string[] = [];
  const rights = { namespaces: [], kinds: [], serviceAccounts: [], ownRights: true };
  const joining = {
    name: 'eu-1',
    joined: [],
    kubeconfig,
    joinToken: made.token,
    hub: hub.agentsUrl,
    labels: {},
    rights,
  };
  const io = { env: { XDG_STATE_HOME: dir }, home: dir } as unknown as Io;
  assert.equal(await joinBeside(joining, io, (text) => said.push(text)), 0, said.join());
  assert.ok(readdirSync(folder).length > 0);
  await until(
    async () => (await client.all(routes.clusters.list)).some(({ health }) => health === 'ready'),
    'the cluster is ready',
    30_000,
  );
  const joined = await client.all(routes.clusters.list);
  assert.equal(await joinBeside({ ...joining, name: 'us-1', joined }, io, (text) => said.push(text)), 5);
  assert.match(
    said.at(-1) ?? '',
    /^error: this cluster has joined already, as eu-1\n {2}next: .* cluster rename eu-1 us-1$/,
  );
  const wide = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: all }\nrules: []\n`;
  const problem = await problemOf(() => client.call(routes.stacks.plan, { body: { ...stackOf({ manifests: wide }) } }));
  assert.equal(problem.kind, 'rightsMissing');
  assert.match(problem.detail, /^eu-1: the agent may not get, list, watch, create, patch, delete clusterroles/);
});
