import { z } from 'zod';
import type { Digest, Entry, Json, JsonObject, KubeObject, Problem, Refusal } from '../../base/index.ts';
import { limits, NO_HINT } from '../../base/index.ts';
import type { PlacementReason, StackRef } from '../../plan/types.ts';

/** A JSON value as it is: what is inside is shown, never acted on. */
export const json = z.custom<Json>((value) => value !== undefined);
export const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
export const kubeObject = z.custom<KubeObject>(
  (value) => typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value,
);
export const digest: z.ZodType<Digest> = z.templateLiteral(['sha256:', z.string()]);
export const time = z.string().describe('RFC 3339 with milliseconds, UTC');
export const textMap = z.record(z.string(), z.string());

/** A name in a path: stacks, projects, clusters. */
export const name = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must consist of a-z, 0-9 and "-", and start and end with one of a-z, 0-9');

export const stackRef: z.ZodType<StackRef> = z.object({ project: z.string(), name: z.string() });
export const stackParams = z.object({ project: name, name });

export const problem: z.ZodType<Problem> = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  path: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});

export const refusal: z.ZodType<Refusal> = z.object({
  kind: z.string(),
  message: z.string(),
  where: z.string().optional(),
  hint: z.string().default(NO_HINT),
  details: json.optional(),
});

export const placementReason: z.ZodType<PlacementReason> = z.object({
  function: z.string(),
  cluster: z.string(),
  taken: z.boolean(),
  reason: z.string(),
  score: z.number().optional(),
});

export const entry: z.ZodType<Entry> = z.object({
  v: z.literal(1),
  tx: z.string(),
  seq: z.int(),
  prev: z.string(),
  type: z.string(),
  ts: time,
  actor: z.string(),
  epoch: z.int(),
  data: jsonObject,
});

/** Query fields of a keyset page. */
export const paging = {
  after: z.string().min(1).max(500).optional().describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(limits.pageItemsMax).optional().describe('items of a page; default 100'),
};
export const PAGE_ITEMS = 100;

/** `?flag=true`; a query holds text only. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Why a person does it; goes into the journal. */
export const reasonBody = z.strictObject({ reason: z.string().max(2_000).optional() }).default({});

export interface Page<T> {
  readonly items: readonly T[];
  /** Hand it in as `after` for the next page; null: this was the last. */
  readonly next: string | null;
}

export function page<T>(item: z.ZodType<T>): z.ZodType<Page<T>> {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

export const objectRef = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});
