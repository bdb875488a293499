import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock, type Json, type JsonObject, jsonEqual, type KubeObject } from '../../src/base/index.ts';
import { connect } from '../../src/kubernetes/index.ts';
import { clusterOver } from './cluster.ts';
import { claims, definitions, gatewayApi, namespaces, network, policies } from './others.ts';
import { deployments, jobs, pods, sets, statefulSets, withoutQuota } from './workloads.ts';

const FILE = join(import.meta.dirname, '..', '..', 'test', 'status', 'recorded.generated.json');
const SCENES = {
  deployments,
  withoutQuota,
  sets,
  statefulSets,
  jobs,
  pods,
  claims,
  network,
  policies,
  definitions,
  gatewayApi,
  namespaces,
};

/** Every state of every kind, by name, with the version of the server. Each scene plays in a namespace of its own. */
async function record(
  kubeconfig: string,
): Promise<{ readonly version: string; readonly objects: Map<string, KubeObject> }> {
  const client = await connect({ kind: 'kubeconfig', text: readFileSync(kubeconfig, 'utf8') }, clock);
  const answer = await client.request({ method: 'GET', path: '/version' });
  if (answer.kind !== 'answered') throw new Error(`${kubeconfig}: ${JSON.stringify(answer)}`);
  const version = String((answer.body as JsonObject).gitVersion);
  const objects = new Map<string, KubeObject>();
  const stamp = Date.now().toString(36);
  const played = Object.entries(SCENES).map(async ([name, scene]) => {
    const namespace = `rec-${name.toLowerCase()}-${stamp}`;
    const cluster = clusterOver(client, namespace, objects);
    await cluster.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    for (let tries = 0; tries < 200; tries++) {
      const account = await client.request({
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/serviceaccounts/default`,
      });
      if (account.kind === 'answered' && account.status === 200) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    try {
      await scene(cluster);
    } finally {
      await cluster.remove(`/api/v1/namespaces/${namespace}`);
    }
    process.stderr.write(`${version} ${name}\n`);
  });
  const failed = (await Promise.allSettled(played)).filter((one) => one.status === 'rejected');
  await client.close();
  if (failed.length > 0) throw new Error(failed.map((one) => String(one.reason)).join('\n'));
  return { version, objects: new Map([...objects].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

const recordings = [];
for (const kubeconfig of process.argv.slice(2)) recordings.push(await record(kubeconfig));
const [first] = recordings;
if (first === undefined) throw new Error('usage: tools/record-status KUBECONFIG [KUBECONFIG...]');
const lines = recordings.map(({ version, objects }) => {
  const own = [...objects].filter(([name, object]) => {
    return (
      objects === first.objects || !jsonEqual(object as unknown as Json, first.objects.get(name) as unknown as Json)
    );
  });
  return `${JSON.stringify(version)}: {\n${own.map(([name, object]) => `  ${JSON.stringify(name)}: ${JSON.stringify(object)}`).join(',\n')}\n}`;
});
writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`);
process.stderr.write(
  `${first.objects.size} objects of ${recordings.map((one) => one.version).join(', ')} in ${FILE}\n`,
);
