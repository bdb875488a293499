import { z } from 'zod';
import { limits } from '../../base/index.ts';
import { AGENT_NAMESPACE, clusterSelector, duration, labels, nameText, objectName, residency } from './basics.ts';
import { database } from './database.ts';
import { stackFunction } from './function.ts';

const toleration = z
  .strictObject({
    key: z.string().min(1).optional().describe('absent with Exists: tolerates every taint'),
    operator: z.enum(['Equal', 'Exists']).default('Equal'),
    value: z.string().default(''),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional().describe('absent: every effect'),
  })
  .describe('as in Kubernetes, over taints of clusters');

const weight = (standard: number, what: string) => z.number().min(0).max(10).default(standard).describe(what);

const placement = z.strictObject({
  clusters: clusterSelector.prefault({}).describe('which clusters; default: all'),
  residency: residency.optional(),
  tolerations: z.array(toleration).default([]),
  weights: z
    .strictObject({
      balance: weight(1, 'clusters with fewer locations'),
      steady: weight(2, 'clusters where it runs already'),
      headroom: weight(1, 'clusters with more free CPU and memory'),
      affinity: weight(1, 'near what it needs, and where a primary is preferred'),
      cost: weight(0, 'cheaper clusters'),
    })
    .prefault({})
    .describe('how much each score counts'),
});

const wave = z
  .union([z.int().min(1), z.string().regex(/^(100|[1-9]\d?)%$/, 'must be a count such as 1 or a share such as 25%')])
  .describe('how many clusters have it at the end of this wave: a count, or a share of all');

const rollout = z.strictObject({
  waves: z.array(wave).min(1).default([1, '25%', '100%']).describe('canary, then shares; spread over failure domains'),
  soak: duration.default('0s').describe('how long every gate must stay green after each wave'),
  minReady: duration
    .default('2s')
    .describe('how long a container without a readiness or startup probe must run without ending, to count as ready'),
  deadline: duration.default('10m').describe('from the first wave to the end of verifying'),
  maxUnavailableLocations: z.int().min(1).default(1).describe('locations of one function that change at the same time'),
  approval: z.enum(['none', 'required']).default('none'),
  onFailure: z.enum(['rollback', 'pause']).default('rollback'),
  onLostCluster: z
    .enum(['replace', 'undo', 'owe'])
    .default('replace')
    .describe('a cluster lost in mid-deploy: place again, undo all, or go on and owe it'),
});

const traffic = z
  .looseObject({ kind: z.enum(['gatewayApi', 'externalDns', 'serviceExport', 'webhook']) })
  .describe('not served yet: refused');

/** The whole stack definition, DESIGN §4. The input is what people write; the output has every default filled in. */
export const stackSchema = z.strictObject({
  apiVersion: z.literal('ldc.dev/v1'),
  kind: z.literal('Stack'),
  metadata: z.strictObject({
    name: nameText('the name of the stack, unique in its project'),
    project: nameText('the project, part of the stack’s identity').default('default'),
    labels: labels
      .prefault({})
      .describe(
        'labels, as in Kubernetes; ldc.dev/tenant says beside whom its transactions take their turns (default: the project)',
      ),
  }),
  spec: z.strictObject({
    namespace: nameText('the namespace of every namespaced object of the stack').refine(
      (name) => name !== AGENT_NAMESPACE,
      `must not be ${AGENT_NAMESPACE}: an agent keeps its key and its memory there`,
    ),
    serviceAccount: objectName(
      'the ServiceAccount of that namespace as which agents apply, repair, undo and remove the stack; default: the agent itself',
    ).optional(),
    functions: z
      .array(stackFunction)
      .max(limits.stackFunctionsMax)
      .default([])
      .describe('what must stay available; a stack has at least one function or database'),
    databases: z.array(database).max(limits.stackFunctionsMax).default([]).describe('databases that the stack owns'),
    placement: placement.prefault({}).describe('which clusters'),
    rollout: rollout.prefault({}).describe('how a change goes over the clusters'),
    traffic: z.array(traffic).default([]).describe('how traffic follows; refused until it lands'),
  }),
});
