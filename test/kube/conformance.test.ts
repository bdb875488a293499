/** The conformance suite before real control planes: they are the truth that embedded clusters are held to. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conform } from '../conformance/suite.ts';
import { type Real, skip, startReal } from './control-planes.ts';

for (const minor of ['1.34', '1.33'] as const) {
  test(`conformance of Kubernetes ${minor}`, { skip }, async (context) => {
    const real = await startReal(minor);
    try {
      await conform(context, {
        name: real.controlPlane.version,
        kubeconfig: real.kubeconfigText,
        forget: () => compact(real),
      });
    } finally {
      await real.close();
    }
  });
}

/** What kube-apiserver does every five minutes: etcd forgets, and the key that tells every API server so is written. */
async function compact({ controlPlane }: Real): Promise<void> {
  const { etcd } = JSON.parse(readFileSync(join(controlPlane.folder, 'ports.json'), 'utf8')) as { etcd: number };
  const post = async (path: string, body: object) => {
    const answer = await fetch(`http://127.0.0.1:${etcd}/v3/kv/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200, `etcd's ${path}`);
    return (await answer.json()) as { header: { revision: string } };
  };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { header } = await post('range', { key: base64('/') });
  await post('put', { key: base64('compact_rev_key'), value: base64(header.revision) });
  await post('compaction', { revision: header.revision, physical: true });
}
