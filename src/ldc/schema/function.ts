import { z } from 'zod';
import { clusterSelector, cpuOrMemory, domain, labelSelector, manifests, nameText } from './basics.ts';

const pointer = z
  .string()
  .regex(/^(\/([^/~]|~[01])*)+$/, 'must be a JSON pointer such as /spec/replicas')
  .describe('a JSON pointer (RFC 6901)');

const target = z.strictObject({
  apiVersion: z.string().min(1).optional().describe('only objects of this apiVersion'),
  kind: z.string().min(1).describe('only objects of this kind'),
  name: z.string().min(1).optional().describe('only the object of this name'),
});

const operation = z.strictObject({
  op: z.enum(['add', 'remove', 'replace', 'move', 'copy', 'test']).describe('as in RFC 6902'),
  path: pointer,
  from: pointer.optional().describe('for move and copy'),
  value: z.json().optional().describe('for add, replace and test'),
  target: target.describe('which objects of the function'),
});

export const override = z.strictObject({
  on: labelSelector.describe('on which clusters'),
  patch: z.array(operation).min(1).describe('JSON patch operations (RFC 6902), each with its target, in order'),
});

const count = z.int().min(1);

const locations = z
  .strictObject({
    min: count.default(1).describe('fewer than this is an outage'),
    max: z
      .union([count, z.literal('all')])
      .optional()
      .describe('default: the same as min; all: every matching cluster, later ones too'),
    spread: domain.optional().describe('place as evenly as the fitting clusters allow over this failure domain'),
  })
  .transform((value) => ({ ...value, max: value.max ?? value.min }));

const survive = z.strictObject({
  lose: domain.describe('the failure domain that may be lost'),
  count: count.default(1).describe('how many of them at once'),
});

const availability = z.strictObject({
  locations: locations.prefault({}).describe('how many locations serve the function'),
  survive: survive.optional().describe('min must still be met after any such loss'),
});

const replicas = z
  .union([
    z.strictObject({
      total: count.describe('pods over all locations'),
      divide: z
        .enum(['weighted', 'evenly'])
        .default('weighted')
        .describe('weighted: by the CPU that each cluster has in all; evenly: the same in each location'),
    }),
    z.strictObject({ perLocation: z.int().min(0).describe('pods in each location') }),
  ])
  .describe('default: what the manifests say, in each location');

const http = z.strictObject({
  service: nameText('a Service of this function'),
  port: z.int().min(1).max(65_535).default(80).describe('the port of the Service'),
  path: z
    .string()
    .startsWith('/', 'must start with /')
    .regex(
      /^(?!.*[/](?:[.]|%2[eE]){1,2}(?:[/?#]|$))[^\\\t\r\n]*$/,
      'must be no detour: it is asked for as it stands, without the segments . and ..',
    )
    .default('/')
    .describe('must answer 2xx'),
});

const expression = z.string().min(1).max(4_096);

export const healthRule = z.strictObject({
  kind: z.string().min(1).describe('objects of this kind'),
  apiVersion: z.string().min(1).optional().describe('only objects of this apiVersion'),
  current: expression.describe('CEL over `object`, true when it is ready'),
  failed: expression.optional().describe('CEL over `object`, true when it has failed and waiting does not help'),
  message: expression.optional().describe('CEL over `object`, a text for people'),
});

const driftMode = z.enum(['repair', 'report', 'ignore']);

const drift = z
  .union([
    driftMode,
    z.strictObject({
      mode: driftMode.default('repair'),
      leaveAlone: z.array(pointer).default([]).describe('fields that others may change'),
    }),
  ])
  .transform((value) => (typeof value === 'string' ? { mode: value, leaveAlone: [] as string[] } : value))
  .describe('what to do when an object on a cluster differs from what is committed');

const requires = z.strictObject({
  cpu: cpuOrMemory.optional().describe('CPU that one location needs; default: the sum of its pods’ requests'),
  memory: cpuOrMemory.optional().describe('memory that one location needs; default: the sum of its pods’ requests'),
  api: z
    .array(z.string().regex(/^([a-z0-9.-]+\/)?v\d+[a-z0-9]*$/, 'must be group/version, such as apps/v1'))
    .default([])
    .describe('APIs that a cluster must serve, beside those of the manifests'),
});

export const stackFunction = z.strictObject({
  name: nameText('the name of the function, unique in the stack'),
  manifests,
  needs: z.array(z.string().min(1)).default([]).describe('functions or databases of this stack that come first'),
  replicas: replicas.optional(),
  availability: availability.prefault({}).describe('where and how often it is served'),
  health: z
    .strictObject({
      http: http.optional().describe('a GET through the Service, before and after a soak'),
      cel: z
        .array(healthRule)
        .max(50)
        .optional()
        .describe('readiness of kinds: beside the own rule of a built-in kind, instead of the conditions of others'),
    })
    .prefault({})
    .describe('beside readiness of every object, which always counts'),
  requires: requires.prefault({}).describe('what a location needs of its cluster'),
  clusters: clusterSelector.optional().describe('only on these clusters, beside placement.clusters'),
  drift: drift.prefault('repair'),
  conflicts: z
    .enum(['refuse', 'take'])
    .default('refuse')
    .describe('take: another field manager’s fields are taken by force and given back by an undo'),
  overrides: z.array(override).default([]).describe('changes for some clusters, in order'),
});
