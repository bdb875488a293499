/** The entries of a transaction's chain, version 1: a schema for each type, and the types inferred from them. */
import { z } from 'zod';
import type { Entry, Json, JsonObject, NewEntry, Refusal } from '../base/index.ts';
import { NO_HINT } from '../base/index.ts';

const digest = z.templateLiteral(['sha256:', z.string()]);
const json: z.ZodType<Json> = z.json();
const refusal: z.ZodType<Refusal> = z.object({
  kind: z.string(),
  message: z.string(),
  where: z.string().optional(),
  hint: z.string().default(NO_HINT),
  details: json.optional(),
});
const stack = z.object({ project: z.string(), name: z.string() });
const kind = z.enum([
  'deploy',
  'rollback',
  'reschedule',
  'switchover',
  'failover',
  'failback',
  'scale',
  'retire',
  'migrate',
  'drill',
  'settle',
]);
const step = z.string();
const time = z.string();
const locationRevision = z.object({ revision: z.number(), bundle: digest });
const reason = z.string().nullable();
const owedKind = z.enum(['undo', 'prune', 'apply']);
const owedWork = z.object({ cluster: z.string(), location: z.string(), step, kind: owedKind, since: time });
/** A value in the entry, or the digest of a blob when it is large. */
const held = z.union([z.object({ value: json }), z.object({ blob: digest })]);
export type Held = z.infer<typeof held>;
const settles = z.array(z.string()).optional();
const onCluster = z.object({ cluster: z.string(), location: z.string() });
const left = z.object({
  ref: z.object({ apiVersion: z.string(), kind: z.string(), namespace: z.string().optional(), name: z.string() }),
  why: z.string(),
});

/** What a plan is to this chain: `blob` holds it whole, `digest` is the plan's own. */
const planRef = {
  plan: digest,
  planDigest: digest,
  revision: z.number().int(),
  baseRevision: z.number().int(),
  steps: z.number().int(),
  waves: z.number().int(),
};

const schemas = {
  'tx.created': z.object({
    ...planRef,
    machine: z.string(),
    kind,
    stack,
    /** Location ids, sorted; a blob when there are many. */
    locks: held,
    reason: json,
    ifBusy: z.enum(['wait', 'fail', 'replace']),
  }),
  'tx.replanned': z.object(planRef),
  'tx.started': z.object({}),
  'tx.awaitingApproval': z.object({}),
  'tx.approved': z.object({ reason }),
  'tx.running': z.object({ deadlineAt: time }),
  'wave.done': z.object({ wave: z.number().int() }),
  'tx.amended': z.object({
    ...planRef,
    dropped: held,
    owed: z.array(z.string()),
    explanation: z.string(),
  }),
  /** Another transaction of the same stack has committed while this one was held. */
  'tx.overtaken': z.object({ by: z.string() }),
  'tx.verifying': z.object({}),
  'tx.decided': z.object({}),
  'tx.committed': z.object({ stack, kind, revision: z.number().int(), locations: json.optional(), locationsBlob: digest.optional(), forced: z.boolean() }), // biome-ignore format: one fact
  'tx.paused': z.object({ cause: refusal.nullable(), remainingMs: z.number().nullable(), reason }),
  'tx.resumed': z.object({ deadlineAt: time.nullable(), reason }),
  'tx.compensating': z.object({ cause: refusal }),
  'rollback.cluster': z.object({
    cluster: z.string(),
    verdict: z.enum(['equal', 'different', 'owed']),
    digestBefore: digest.optional(),
    digestAfter: digest.optional(),
    /** `{differences, kept}`. */
    findings: held.optional(),
  }),
  'rollback.verified': z.object({
    equal: z.boolean(),
    clusters: z.record(z.string(), z.enum(['equal', 'different', 'owed'])),
    /** `{differences, kept}`. */
    findings: held,
    /** How many of the differences are others' doing, and so count as none. Entries from before it do not say. */
    explained: z.number().int().optional(),
    digestBefore: digest,
    digestAfter: digest,
  }),
  'tx.rolledBack': z.object({ stack, kind, revision: z.number().int(), owed: z.array(owedWork).optional(), owedBlob: digest.optional(), forced: z.boolean() }), // biome-ignore format: one fact
  'tx.stuck': z.object({ refusal, steps: z.array(step) }),
  'tx.retried': z.object({ reason }),
  'tx.skipped': z.object({ reason: z.string() }),
  'tx.forceClosed': z.object({ reason: z.string() }),
  'tx.sealed': z.object({
    /** Entries of the chain, this one included. */
    count: z.number().int(),
    outcome: z.enum(['committed', 'rolledBack']),
    planDigest: digest,
    finalDigest: digest,
  }),
  'step.started': z.object({ step, attempt: z.number().int(), pivot: z.boolean().optional() }),
  /**
   * `settles`: keys of `owed` documents that this step has settled. `kept`: what it left of the location `of` for a
   * person to delete; `whole`: it went through all of it, so nothing else is left there.
   */
  'step.succeeded': z.object({ step, output: held, settles, kept: z.object({ of: onCluster, objects: z.array(left), whole: z.boolean() }).optional() }), // biome-ignore format: one fact
  'step.failed': z.object({ step, refusal, pivot: z.boolean().optional() }),
  'step.undoStarted': z.object({ step, attempt: z.number().int() }),
  'step.undone': z.object({ step, output: held }),
  'step.undoFailed': z.object({ step, refusal }),
  'step.skipped': z.object({ step, settles }),
  'step.owed': z.object({
    step,
    cluster: z.string(),
    location: z.string(),
    kind: owedKind,
    preImages: digest.nullable(),
    bundle: digest.nullable(),
    previous: locationRevision.nullable(),
    /** Of an ensure: what it had created, or the command whose answer would say so. */
    ensured: z.union([z.object({ created: held }), z.object({ command: z.string() })]).optional(),
  }),
} as const;

export type EventType = keyof typeof schemas;
export type DataOf<T extends EventType> = z.infer<(typeof schemas)[T]>;
export type TransactionEvent = { [T in EventType]: { readonly type: T; readonly data: DataOf<T> } }[EventType];
/** An entry of a transaction's chain with its data typed. */
export type TransactionEntry = TransactionEvent & Pick<Entry, 'tx' | 'seq' | 'ts' | 'actor' | 'epoch'>;

/** @throws Error naming the entry when its type is unknown or its data is not what the type says. */
export function parseEntry(entry: Entry): TransactionEntry {
  const schema = isEventType(entry.type) ? schemas[entry.type] : undefined;
  if (schema === undefined) throw new Error(`entry ${entry.seq} of ${entry.tx}: unknown type ${entry.type}`);
  const parsed = schema.safeParse(entry.data);
  if (!parsed.success) {
    throw new Error(`entry ${entry.seq} of ${entry.tx} (${entry.type}): ${z.prettifyError(parsed.error)}`);
  }
  return { ...entry, data: parsed.data } as TransactionEntry;
}

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(schemas, type);
}

export function newEntry(tx: string, actor: string, event: TransactionEvent): NewEntry {
  return { tx, type: event.type, actor, data: event.data as JsonObject };
}
