import { z } from 'zod';
import { domain, duration, labels, manifests, nameText, residency } from './basics.ts';

const members = z.strictObject({
  min: z.int().min(1).default(2).describe('members, the primary included'),
  spread: domain.optional().describe('place as evenly as the fitting clusters allow over this failure domain'),
});

const failover = z.strictObject({
  automatic: z.boolean().default(false).describe('may ldc fail over by itself?'),
  needsPassedDrillWithin: duration
    .default('30d')
    .describe('automatic failover only after a drill PASSED this recently'),
  acceptLoss: duration.default('0s').describe('at most this much may be lost without a person'),
});

export const database = z.strictObject({
  name: nameText('the name of the database, unique in the stack'),
  driver: z.enum(['cloudnative-pg', 'postgres', 'external']).describe('how ldc speaks to it'),
  manifests,
  members: members.prefault({}).describe('its replicated copies'),
  primary: z
    .strictObject({ prefer: labels.prefault({}).describe('labels of the clusters that are preferred') })
    .prefault({})
    .describe('where the primary should be'),
  residency: residency.optional(),
  replication: z
    .strictObject({ mode: z.enum(['synchronous', 'asynchronous']).default('synchronous') })
    .prefault({})
    .describe('synchronous: a commit waits for a standby'),
  objectives: z
    .strictObject({
      rpo: duration.default('0s').describe('how much may be lost'),
      rto: duration.default('60s').describe('how long it may be away'),
    })
    .prefault({})
    .describe('what drills and failovers are measured by'),
  schema: z
    .strictObject({ migrations: z.string().min(1).describe('the folder of migrations') })
    .optional()
    .describe('expanded inside the transaction, contracted in a later one'),
  failover: failover.prefault({}).describe('what happens when its primary is lost'),
});
