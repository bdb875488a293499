import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { part, until } from '../hub-agent-rig.ts';
import { joinCases, openHall, read, SETTINGS } from '../join-cases.ts';
import { leaveCases } from '../leave-cases.ts';
import { stackOf, web } from '../rights-scenario.ts';
import { skip, startReal } from './control-planes.ts';

joinCases(
  'a real control plane',
  async () => {
    const { client, kubeconfigText, close } = await startReal('1.34');
    return { admin: client, kubeconfig: kubeconfigText, close };
  },
  skip,
  [10],
);

leaveCases(
  'a real control plane',
  async () => {
    const { client, kubeconfigText, close } = await startReal('1.34');
    return { admin: client, kubeconfig: kubeconfigText, close };
  },
  skip,
);

it('a cluster that is put back to an old etcd backup gets what its hub wants, by itself', { skip }, async (t) => {
  const real = await startReal('1.34');
  const hall = await openHall();
  const to = mkdtempSync(join(tmpdir(), 'ldc-backup-'));
  t.after(async () => {
    await hall.close();
    await real.close();
    rmSync(to, { recursive: true, force: true });
  });
  const value = async () => part(await read(real.client, SETTINGS), 'data', 'a');
  await hall.join({ admin: real.client, kubeconfig: real.kubeconfigText }, 'eu-1');
  assert.equal((await hall.apply(stackOf({ manifests: web('a:1', 'old') }))).state, 'committed');
  await real.controlPlane.backup(join(to, 'etcd'));
  assert.equal((await hall.apply(stackOf({ manifests: web('a:1', 'new') }))).state, 'committed');
  await real.controlPlane.restore(join(to, 'etcd'));
  await until(async () => (await value()) === 'new', 'what the hub wants is there again', 90_000);
  // what is still being brought back moves under a plan: that is refused as stale, and asked for again
  const isApplied = async () => (await hall.apply(stackOf({ manifests: web('a:1', 'newer') }))).state === 'committed';
  await until(isApplied, 'the next revision is applied', 60_000);
  assert.equal(await value(), 'newer');
});
