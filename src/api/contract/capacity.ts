import { z } from 'zod';
import type { Capacity } from '../../protocol/index.ts';

const amounts = z.object({ cpuMilli: z.number(), memoryBytes: z.number(), pods: z.int() });

/** What a cluster has and what its pods request: thousandths of a CPU, bytes, pods. */
export const capacity: z.ZodType<Capacity> = z.object({
  nodes: z.int(),
  readyNodes: z.int(),
  allocatable: amounts,
  requested: amounts,
});
