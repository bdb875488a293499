import { z } from 'zod';
import { jsonObject, name } from './basics.ts';
import { route } from './route.ts';

export const faults = ['cut', 'heal', 'crash', 'slow', 'full'] as const;
export type Fault = (typeof faults)[number];

/** Mounted only by `ldc dev`: faults of its embedded clusters. */
export const sim = {
  clusters: route({
    id: 'sim.clusters',
    method: 'GET',
    path: '/api/v1/sim/clusters',
    summary: 'The embedded clusters and the faults on them.',
    role: 'viewer',
    answer: z.object({ items: z.array(jsonObject) }),
  }),
  fault: route({
    id: 'sim.fault',
    method: 'POST',
    path: '/api/v1/sim/clusters/{name}/{fault}',
    summary: 'Cuts a cluster off, crashes, slows or fills it, or heals it.',
    role: 'admin',
    params: z.object({ name, fault: z.enum(faults) }),
    body: z
      .strictObject({ latencyMs: z.int().min(1).max(60_000).optional().describe('for slow, each way') })
      .prefault({}),
    answer: jsonObject,
  }),
};
