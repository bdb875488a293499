/** Gives the agent of a cluster its account and rights there, as `kubectl apply --server-side` of `ldc agent manifests` would. */
import { readFileSync } from 'node:fs';
import { refOf, refText, systemClock } from '../base/index.ts';
import type { JoinOptions } from '../cli/index.ts';
import { agentManifests } from '../hub-agent/manifests/index.ts';
import { type Client, connect, createDiscovery, objectPath, verdictOf } from '../kubernetes/index.ts';

const NEXT =
  'have an administrator apply `ldc agent manifests --rights-only`, or join with --as-kubeconfig: the agent then may what the kubeconfig may';

type Rights = NonNullable<JoinOptions['rights']>;

/** What `ldc agent manifests` prints without flags. */
export const USUAL_RIGHTS: Rights = { namespaces: [], kinds: [], serviceAccounts: [], ownRights: true };

/** Answers why it could not, as a sentence with what to do; undefined: all of it is there. */
export async function installRights(
  { kubeconfig, context }: Pick<JoinOptions, 'kubeconfig' | 'context'>,
  rights: Rights,
): Promise<string | undefined> {
  const text = readFileSync(kubeconfig, 'utf8');
  const client = await connect(
    { kind: 'kubeconfig', text, ...(context === undefined ? {} : { context }) },
    systemClock,
  );
  try {
    return await applyRights(client, rights);
  } finally {
    await client.close();
  }
}

/** The same through a client that is there. */
export async function applyRights(client: Client, rights: Rights): Promise<string | undefined> {
  const discovery = createDiscovery(client, systemClock);
  for (const body of agentManifests({ ...rights, image: null })) {
    const ref = refOf(body);
    const found = await discovery.kind(ref.apiVersion, ref.kind);
    if (found.kind === 'unreachable')
      return `the cluster is not reached: ${found.reason}\n  next: look at its kubeconfig`;
    if (found.kind === 'missing') return `the cluster serves no ${ref.apiVersion} ${ref.kind}\n  next: ${NEXT}`;
    const answer = await client.request({
      ...{ method: 'PATCH', path: objectPath(found.info, ref), contentType: 'application/apply-patch+yaml', body },
      query: { fieldManager: 'ldc', force: true },
    });
    const verdict = verdictOf(answer, refText(ref));
    if (verdict.kind === 'retry') return `${verdict.reason}\n  next: try again`;
    if (verdict.kind !== 'ok') return `${verdict.refusal.message}\n  next: ${NEXT}`;
  }
  return undefined;
}
