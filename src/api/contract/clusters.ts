import { z } from 'zod';
import type { Health, Intent } from '../../availability/types.ts';
import type { ClusterRecord, JoinToken, Left } from '../../hub-agent/types.ts';
import type { OnCluster } from '../../stacks/types.ts';
import { digest, flag, name, objectRef, page, paging, reasonBody, textMap, time } from './basics.ts';
import { capacity } from './capacity.ts';
import { route } from './route.ts';

const params = z.object({ name });
const taint = z.object({ key: z.string().min(1), value: z.string(), effect: z.enum(['NoPlace', 'NoExecute']) });

/** Who a cluster is, what its agent last said, and how it is. */
export interface ClusterView extends ClusterRecord {
  readonly connected: boolean;
  readonly lastHeartbeatAgoMs: number | null;
  readonly health: Health;
  /** When `health` became so; null: no health is known yet. */
  readonly since: string | null;
  readonly intent: Intent;
  readonly intentReason: string | null;
  /** Number of locations that it is to hold, and of those that are owed or stale there. */
  readonly locations: { readonly wanted: number; readonly owed: number };
  /** What removals have left there for a person to delete, such as volume claims; at most 100. */
  readonly kept: readonly { readonly location: string; readonly object: string; readonly why: string }[];
}
const clusterView: z.ZodType<ClusterView> = z.object({
  name: z.string(),
  labels: textMap,
  taints: z.array(taint),
  joinedAt: time,
  publicKey: z.string(),
  uid: z.string().nullable().describe('uid of its namespace kube-system'),
  kubernetesVersion: z.string().nullable(),
  agentVersion: z.string().nullable(),
  apis: z.array(z.string()),
  capacity: capacity.nullable(),
  connected: z.boolean(),
  lastHeartbeatAgoMs: z.number().nullable(),
  health: z.enum(['joining', 'ready', 'suspect', 'lost', 'returning']),
  since: time.nullable(),
  intent: z.enum(['open', 'cordoned', 'draining', 'removing']),
  intentReason: z.string().nullable(),
  locations: z.object({ wanted: z.int(), owed: z.int() }),
  kept: z.array(z.object({ location: z.string(), object: z.string(), why: z.string() })),
});

const heldLocation: z.ZodType<OnCluster> = z.object({
  stack: z.object({ project: z.string(), name: z.string() }),
  location: z.string(),
  wanted: z.boolean(),
  owed: z.boolean(),
  kept: z.array(z.object({ ref: objectRef, why: z.string() })).optional(),
  held: z.object({ revision: z.int(), bundle: digest }).optional(),
});

const joinToken: z.ZodType<JoinToken> = z.object({
  id: z.string(),
  createdAt: time,
  expiresAt: time,
  usesLeft: z.int(),
  createdBy: z.string(),
  labels: textMap,
});

const remaining: z.ZodType<Left['remains'][number]> = z.object({
  what: z.string(),
  why: z.string(),
  command: z.string().optional(),
});

function intent(verb: 'cordon' | 'uncordon' | 'drain', summary: string) {
  return route({
    id: `clusters.${verb}`,
    method: 'POST',
    path: `/api/v1/clusters/{name}/${verb}`,
    summary,
    role: 'operator',
    params,
    body: reasonBody,
    answer: clusterView,
  });
}

export const clusters = {
  list: route({
    id: 'clusters.list',
    method: 'GET',
    path: '/api/v1/clusters',
    summary: 'Clusters by name, with health and a person’s will for them.',
    role: 'viewer',
    query: z.strictObject({ ...paging, label: z.string().max(500).optional().describe('KEY=VALUE') }),
    answer: page(clusterView),
  }),
  get: route({
    id: 'clusters.get',
    method: 'GET',
    path: '/api/v1/clusters/{name}',
    summary: 'One cluster.',
    role: 'viewer',
    params,
    answer: clusterView,
  }),
  locations: route({
    id: 'clusters.locations',
    method: 'GET',
    path: '/api/v1/clusters/{name}/locations',
    summary: 'What a cluster holds: wanted, owed or stale.',
    role: 'viewer',
    params,
    answer: z.object({ items: z.array(heldLocation) }),
  }),
  label: route({
    id: 'clusters.label',
    method: 'PATCH',
    path: '/api/v1/clusters/{name}',
    summary: 'Sets labels (null takes one away) and, when given, all taints.',
    role: 'operator',
    params,
    body: z.strictObject({
      labels: z.record(z.string(), z.string().nullable()).default({}),
      taints: z.array(taint).optional(),
    }),
    answer: clusterView,
  }),
  cordon: intent('cordon', 'Places nothing new on a cluster; what runs there stays.'),
  uncordon: intent('uncordon', 'Opens a cordoned or draining cluster again.'),
  drain: intent('drain', 'Moves everything off a cluster: made elsewhere before it is taken away here.'),
  rename: route({
    id: 'clusters.rename',
    method: 'POST',
    path: '/api/v1/clusters/{name}/rename',
    summary:
      'Gives a cluster another name. What runs there is not touched. Refused while work is under way or owed there, while its agent is not there, and when a stack chooses clusters by name.',
    role: 'admin',
    params,
    body: z.strictObject({ to: name, reason: z.string().max(1_000).optional() }),
    answer: clusterView,
  }),
  remove: route({
    id: 'clusters.remove',
    method: 'DELETE',
    path: '/api/v1/clusters/{name}',
    summary:
      'Removes a cluster: its agent takes away what ldc put there (orphan: but for the workloads) and is refused from then on. Refused while it serves anything, and while its agent is not there, unless forced; and while work is owed there, unless forgetOwed says (with a reason) that nobody will do it.',
    role: 'admin',
    params,
    query: z.strictObject({
      reason: z.string().max(2_000).optional(),
      force: flag.optional(),
      orphan: flag.optional(),
      forgetOwed: flag.optional(),
    }),
    answer: z.object({
      removed: z.string(),
      objects: z.int().nullable().describe('taken away, or unmarked; null: nobody was there to do it'),
      remains: z.array(remaining),
    }),
  }),
};

export const joinTokens = {
  list: route({
    id: 'joinTokens.list',
    method: 'GET',
    path: '/api/v1/join-tokens',
    summary: 'Tokens with which clusters may join; never their text.',
    role: 'operator',
    query: z.strictObject(paging),
    answer: page(joinToken),
  }),
  create: route({
    id: 'joinTokens.create',
    method: 'POST',
    path: '/api/v1/join-tokens',
    summary: 'Makes a token with which a cluster may join. Its text is answered once.',
    role: 'admin',
    body: z
      .strictObject({
        uses: z.int().min(1).max(10_000).default(1),
        ttlMs: z.int().min(1_000).max(86_400_000).default(900_000),
        labels: textMap.default({}),
        cluster: name.optional().describe('only a cluster of this name may join by it'),
      })
      .prefault({}),
    answer: z.object({ token: z.string(), record: joinToken, agents: z.string().describe('URL that agents dial') }),
    status: 201,
    secretAnswer: true,
  }),
  revoke: route({
    id: 'joinTokens.revoke',
    method: 'DELETE',
    path: '/api/v1/join-tokens/{id}',
    summary: 'Makes a join token worthless.',
    role: 'admin',
    params: z.object({ id: z.string().min(1).max(100) }),
    answer: z.object({ revoked: z.string() }),
  }),
};
