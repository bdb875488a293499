/** Which cluster this is, whatever it is called: the uid of its namespace kube-system, which nobody can make again. */
import type { KubeObject } from '../../base/index.ts';
import { type Client, verdictOf } from '../../kubernetes/index.ts';
import { halt } from './objects.ts';

/** undefined: the agent may not read it (rights of an earlier release). @throws Halted when the API server does not answer */
export async function readClusterUid(client: Client): Promise<string | undefined> {
  const answer = await client.request({ method: 'GET', path: '/api/v1/namespaces/kube-system' });
  const verdict = verdictOf(answer, 'Namespace kube-system');
  if (verdict.kind === 'retry') return halt(verdict);
  return verdict.kind === 'ok' ? (verdict.body as unknown as KubeObject).metadata.uid : undefined;
}
