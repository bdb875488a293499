import { z } from 'zod';
import type { Json, Problem } from '../../base/index.ts';
import { json, problem } from './basics.ts';

/** RFC 9457 problem details; the members after `instance` are ours. */
export interface ProblemDetails {
  /** `urn:ldc:problem:<kind>`: stable, for programs. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What happened, in one sentence. */
  readonly detail: string;
  /** The request: `urn:ldc:request:<id>`, as in the hub's log and the audit trail. */
  readonly instance: string;
  readonly kind: string;
  readonly where?: string;
  /** What to do next. */
  readonly hint: string;
  readonly details?: Json;
  /** For a bad stack definition: all that is wrong with it. */
  readonly problems?: readonly Problem[];
}

export const problemDetails: z.ZodType<ProblemDetails> = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  kind: z.string(),
  where: z.string().optional(),
  hint: z.string(),
  details: json.optional(),
  problems: z.array(problem).optional(),
});
