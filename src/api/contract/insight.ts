import { z } from 'zod';
import { limits, type ObjectRef } from '../../base/index.ts';
import type { DriftView, LocationReasons, Told } from '../../stacks/types.ts';
import { flag, json, name, refusal, stackParams, time } from './basics.ts';
import { route } from './route.ts';

const filter = {
  function: name.optional().describe('one of them; default: all'),
  cluster: name.optional().describe('one of those that serve it; default: all'),
};

const locationReasons: z.ZodType<LocationReasons> = z.object({
  function: z.string(),
  cluster: z.string(),
  region: z.string().nullable(),
  status: z.enum(['current', 'inProgress', 'failed', 'terminating', 'notFound', 'unknown']),
  message: z.string(),
  reason: z.string().nullable().describe('the cause in one line'),
  at: time,
  reasons: z.array(json).describe('chains from what was applied down to the container, with events and last log lines'),
  problem: z.string().nullable().describe('why the agent could not be asked: then this is its last word'),
});

type DriftChange = NonNullable<DriftView['changes']>[number];
const drift: z.ZodType<DriftView> = z.object({
  cluster: z.string(),
  location: z.string(),
  at: time,
  journaledAt: time,
  repaired: z.boolean(),
  message: z.string(),
  changes: z
    .array(z.custom<DriftChange>((value) => typeof value === 'object' && value !== null && 'field' in value))
    .optional()
    .describe('field by field: wanted, found, and by whom (managedFields)'),
  changesLeftOut: z.number().optional(),
  repairs: z.number().optional().describe('in a row: above a few somebody else writes the same fields'),
  leftOut: z.number().optional().describe('earlier drifts that its agent could not keep for a hub that was away'),
});

const of = { cluster: z.string(), function: z.string() };
const objectRef: z.ZodType<ObjectRef> = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});

/** One line of a stream. */
export const told: z.ZodType<Told> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('line'),
    ...of,
    pod: z.string(),
    container: z.string(),
    at: z.string(),
    line: z.string(),
  }),
  z.object({
    kind: z.literal('event'),
    ...of,
    ref: objectRef,
    at: z.string().describe('seen last'),
    since: z.string().optional().describe('seen first; absent: only then'),
    type: z.string(),
    reason: z.string(),
    message: z.string(),
    count: z.number(),
  }),
  z.object({ kind: z.literal('note'), ...of, message: z.string() }),
  z.object({ kind: z.literal('end'), cluster: z.string(), problem: refusal.optional() }),
]);

/** What is there now, up to a limit; as NDJSON it has none, and may be followed. */
export interface ToldPage {
  readonly items: readonly Told[];
  readonly truncated: boolean;
}
const toldPage: z.ZodType<ToldPage> = z.object({ items: z.array(told), truncated: z.boolean() });

const follow = flag.optional().describe('go on with what comes; needs Accept: application/x-ndjson');
const count = (most: number) => z.coerce.number().int().min(0).max(most).optional();
const forms = ['application/x-ndjson'] as const;

export const insight = {
  reasons: route({
    id: 'stacks.reasons',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}/reasons',
    summary:
      'Why what is not well is not, cluster by cluster, as the agents say now. Secret-looking values are masked.',
    role: 'viewer',
    params: stackParams,
    query: z.strictObject(filter),
    answer: z.object({ items: z.array(locationReasons) }),
  }),
  drift: route({
    id: 'stacks.drift',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}/drift',
    summary:
      'What was last changed or deleted on its clusters by other hands, whose they were, and whether it was repaired.',
    role: 'viewer',
    params: stackParams,
    query: z.strictObject(filter),
    answer: z.object({ items: z.array(drift) }),
  }),
  events: route({
    id: 'stacks.events',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}/events',
    summary: 'Kubernetes events about a stack from all its clusters, oldest first; one `end` for each cluster.',
    role: 'viewer',
    params: stackParams,
    query: z.strictObject({ ...filter, follow }),
    answer: toldPage,
    forms,
  }),
  logs: route({
    id: 'stacks.logs',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}/logs',
    summary:
      'Logs of a stack’s pods from all its clusters; one `end` for each cluster. Secret-looking values are masked.',
    role: 'operator',
    params: stackParams,
    query: z.strictObject({
      ...filter,
      pod: z.string().max(253).optional(),
      container: z.string().max(63).optional(),
      follow,
      previous: flag.optional().describe('of the run before the present one of each container'),
      tail: count(1_000_000).describe('last lines of each container; default: all'),
      since: count(365 * 24 * 3_600).describe('seconds'),
      limitBytes: count(1024 * 1024 * 1024).describe('of each container'),
    }),
    answer: toldPage,
    auditedRead: true,
    forms,
  }),
};

/** Bytes of an answer that is no stream. */
export const TOLD_BYTES_MAX = limits.reasonsAnswerBytesMax;
