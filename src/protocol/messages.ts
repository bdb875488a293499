/**
 * The messages between hub and agent, version 1, as zod schemas and the types inferred from them. Both ends parse what
 * they receive; an unknown key is dropped (a newer minor may add), an unknown kind is refused with a `refuse`.
 */
import { z } from 'zod';
import { type Json, type KubeObject, limits, NO_HINT } from '../base/index.ts';

export const PROTOCOL_VERSION = 1;

/** An agent that verifies waits so long for readiness before it answers; the hub's patience with one `verify` is above it. */
export const VERIFY_READY_MS_MAX = 40_000;

const digest = z.templateLiteral(['sha256:', z.string()]);
const json: z.ZodType<Json> = z.json();
const kubeObject = z.custom<KubeObject>(
  (value) => typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value,
);
const objectRef = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});
const stackRef = z.object({ project: z.string(), name: z.string() });
const location = z.object({
  stack: stackRef,
  kind: z.enum(['function', 'member']),
  name: z.string(),
  cluster: z.string(),
});
const serviceAccount = z.object({ namespace: z.string(), name: z.string() });
const locationRevision = z.object({ revision: z.number().int(), bundle: digest });
const refusal = z.object({
  kind: z.string(),
  message: z.string(),
  where: z.string().optional(),
  hint: z.string().default(NO_HINT),
  details: json.optional(),
});

/** A reason tree (kubernetes/types.ts Reason); checked only for its size, it is shown and never acted on. */
const reason = json;

/** Something encrypted to one receiver: ECDH P-256 with a fresh key, HKDF-SHA-256, AES-256-GCM. All base64. */
export const sealedSchema = z.object({ v: z.literal(1), key: z.string(), iv: z.string(), data: z.string() });

/** A content-addressed value; `secrets` holds the cut values that it refers to, sealed to the receiver: `{reference: value}`. */
export const blobSchema = z.object({ digest, value: json, secrets: sealedSchema.optional() });

/** What an agent is asked to do. Digests name blobs: the agent asks for those that it does not have (`need`). */
export const commandBodySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('snapshot'), location, bundle: digest.nullable(), previous: digest.nullable() }),
  /** `serviceAccount`, here and in undoEnsure: as whom; other commands take it from their bundle. Absent: the agent itself. */
  z.object({
    kind: z.literal('ensure'),
    stack: stackRef,
    serviceAccount: serviceAccount.optional(),
    objects: z.array(kubeObject),
  }),
  z.object({ kind: z.literal('dryRun'), location, bundle: digest, pending: z.array(objectRef) }),
  z.object({ kind: z.literal('apply'), location, revision: z.number().int(), bundle: digest, preImages: digest }),
  /** `minReadyMs`: once ready, no container may end for so long. An agent from before it does not look. */
  z.object({
    ...{ kind: z.literal('gate'), location, bundle: digest, deadlineMs: z.number() },
    minReadyMs: z.number().optional(),
  }),
  z.object({ kind: z.literal('readBack'), location, bundle: digest }),
  /** `keep` is the bundle that stays; the objects were in an earlier one. */
  z.object({ kind: z.literal('prune'), location, objects: z.array(objectRef), keep: digest }),
  z.object({ kind: z.literal('remove'), location, previous: locationRevision }),
  /** Restores the pre-images and, with them, the desired revision (`previous`; null: the location goes). `bundle`: what was being applied. */
  z.object({
    kind: z.literal('undo'),
    location,
    bundle: digest,
    preImages: digest,
    previous: locationRevision.nullable(),
  }),
  z.object({
    kind: z.literal('undoEnsure'),
    stack: stackRef,
    serviceAccount: serviceAccount.optional(),
    created: z.array(objectRef.extend({ uid: z.string() })),
  }),
  /** Reads everything touched and compares it with the pre-images, and the workloads' readiness with what it was. */
  z.object({
    kind: z.literal('verify'),
    locations: z.array(z.object({ location, preImages: digest, bundle: digest })),
    /** What ensure steps had created and their undo took away again. An agent from before it does not look at that. */
    ensured: z
      .object({ serviceAccount: serviceAccount.optional(), created: z.array(objectRef.extend({ uid: z.string() })) })
      .optional(),
  }),
  /** What would change: a dry run, before and after, Secret values cut. */
  z.object({ kind: z.literal('preview'), location, bundle: digest }),
  z.object({ kind: z.literal('describe'), location: location }),
  /** What is missing of the rights that this would take: asked before there is a transaction. Of objects only what rights depend on. */
  z.object({
    kind: z.literal('access'),
    serviceAccount: serviceAccount.optional(),
    objects: z.array(kubeObject),
    /** Only have to exist. */
    needed: z.array(objectRef),
    gone: z.array(objectRef),
  }),
  /** Reads what the agent holds of a location and sends the bundle along: a hub from a backup learns it so. */
  z.object({ kind: z.literal('recallBundle'), location }),
  /**
   * Takes away what ldc put into the cluster, itself at last; `orphan`: workloads stay and run on, only ldc's marks and memory go.
   * `kept`: what earlier removals left there; the agent remembers nothing of it, and may be unable to list it.
   */
  z.object({ kind: z.literal('leave'), orphan: z.boolean(), kept: z.array(objectRef).optional() }),
  /** Asks a running command to end early; it answers `refused` with kind `cancelled`. */
  z.object({ kind: z.literal('cancel'), command: z.string() }),
]);
export type CommandBody = z.infer<typeof commandBodySchema>;

export const commandSchema = z.object({
  id: z.string(),
  /** The hub's epoch: an agent that has seen a higher one refuses. */
  epoch: z.number().int(),
  body: commandBodySchema,
});
export type Command = z.infer<typeof commandSchema>;

/** An agent's account of what it did to one object. Digests are of the normalised object (kubernetes/normalize). */
export const objectReceiptSchema = z.object({
  ref: objectRef,
  change: z.enum(['created', 'changed', 'unchanged', 'deleted', 'kept', 'absent']),
  before: digest.nullable(),
  after: digest.nullable(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  auditId: z.string().optional(),
  note: z.string().optional(),
});
export type ObjectReceipt = z.infer<typeof objectReceiptSchema>;

const difference = z.object({
  location: z.string(),
  ref: objectRef,
  /** A field path, or what else differs (`readiness`, `owner`). */
  field: z.string(),
  before: json,
  after: json,
  /** Set when it is explained and counts as no difference (another manager changed it meanwhile). */
  explained: z.string().optional(),
});
export type Difference = z.infer<typeof difference>;

/** What is still there after a leave: what, why, and what a person runs to take it away. */
export const remainingSchema = z.object({ what: z.string(), why: z.string(), command: z.string().optional() });
export type Remaining = z.infer<typeof remainingSchema>;

export const commandOutputSchema = z.discriminatedUnion('kind', [
  /** `preImages`: the digest of the blob `{location, objects: [{ref, object|null, digest|null, ready: boolean|null}]}`, which the agent sends along. */
  z.object({ kind: z.literal('snapshot'), preImages: digest, objects: z.number().int(), present: z.number().int() }),
  z.object({
    kind: z.literal('ensure'),
    created: z.array(objectRef.extend({ uid: z.string() })),
    existed: z.array(objectRef),
  }),
  z.object({
    kind: z.literal('dryRun'),
    objects: z.number().int(),
    deferred: z.array(objectRef),
    warnings: z.array(z.string()),
  }),
  z.object({ kind: z.literal('receipt'), objects: z.array(objectReceiptSchema), digest }),
  z.object({ kind: z.literal('gate'), ready: z.number().int(), tookMs: z.number() }),
  z.object({ kind: z.literal('readBack'), digest, objects: z.number().int() }),
  z.object({
    kind: z.literal('verify'),
    equal: z.boolean(),
    differences: z.array(difference),
    kept: z.array(z.object({ ref: objectRef, why: z.string() })),
    digestBefore: digest,
    digestAfter: digest,
  }),
  z.object({
    kind: z.literal('preview'),
    objects: z.array(
      z.object({ ref: objectRef, before: json.nullable(), after: json.nullable(), refusal: refusal.optional() }),
    ),
  }),
  z.object({ kind: z.literal('describe'), reasons: z.array(reason) }),
  /** `refusal`: what is missing, as a refused plan says it; null: nothing. `unknown`: why the API server did not say. */
  z.object({ kind: z.literal('access'), refusal: refusal.nullable(), unknown: z.string().optional() }),
  /** `bundle`: the blob that comes along; null: nothing is held there. */
  z.object({ kind: z.literal('recallBundle'), bundle: digest.nullable() }),
  /** `objects`: how many were deleted, or had their marks taken off; `remains`: what it could not or may not take away. */
  z.object({
    kind: z.literal('left'),
    objects: z.number().int(),
    remains: z.array(remainingSchema).max(limits.leaveRemainsMax),
  }),
  z.object({ kind: z.literal('cancelled'), command: z.string() }),
]);
export type CommandOutput = z.infer<typeof commandOutputSchema>;

/** Cluster size: what is allocatable on ready nodes, and what the pods that are there request. */
export const capacitySchema = z.object({
  nodes: z.number().int(),
  readyNodes: z.number().int(),
  allocatable: z.object({ cpuMilli: z.number(), memoryBytes: z.number(), pods: z.number().int() }),
  requested: z.object({ cpuMilli: z.number(), memoryBytes: z.number(), pods: z.number().int() }),
});
export type Capacity = z.infer<typeof capacitySchema>;

/** How one location does, as its agent last saw it. */
export const observationSchema = z.object({
  location,
  revision: z.number().int(),
  bundle: digest,
  status: z.enum(['current', 'inProgress', 'failed', 'terminating', 'notFound', 'unknown']),
  message: z.string(),
  /** The cause in one line, such as `CrashLoopBackOff: exit code 1 (3 restarts)`; absent when it is current, or nothing is known yet. */
  reason: z.string().optional(),
  /** Present when it is not current. */
  reasons: z.array(reason).optional(),
  /** Objects that drifted from the bundle and have not been repaired. */
  drift: z.array(objectRef).optional(),
});
export type Observation = z.infer<typeof observationSchema>;

/** What is asked for of a stack's locations on one cluster, as it happens (`follow`) or as it is now. */
export const streamRequestSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('logs'),
    stack: stackRef,
    /** Names of functions and members; absent: all that the cluster holds of the stack. */
    names: z.array(z.string()).optional(),
    pod: z.string().optional(),
    container: z.string().optional(),
    follow: z.boolean(),
    /** Of the run before the present one of each container. */
    previous: z.boolean(),
    /** Of each container; absent: all. */
    tailLines: z.number().int().min(0).optional(),
    sinceSeconds: z.number().int().min(1).optional(),
    /** Of each container. */
    limitBytes: z.number().int().min(1).optional(),
  }),
  z.object({
    kind: z.literal('events'),
    stack: stackRef,
    names: z.array(z.string()).optional(),
    follow: z.boolean(),
  }),
]);
export type StreamRequest = z.infer<typeof streamRequestSchema>;

/** What looks like a secret in it is masked already. */
export const streamItemSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('line'),
    name: z.string(),
    pod: z.string(),
    container: z.string(),
    /** RFC 3339, as the container's runtime wrote it; empty: it did not. */
    at: z.string(),
    line: z.string().max(limits.streamLineCharactersMax),
  }),
  z.object({
    kind: z.literal('event'),
    name: z.string(),
    ref: objectRef,
    at: z.string(),
    since: z.string().optional(),
    type: z.string(),
    reason: z.string(),
    message: z.string(),
    count: z.number(),
  }),
  /** Said by the agent: why something has no log, or more than it shows. */
  z.object({ kind: z.literal('note'), name: z.string(), message: z.string() }),
]);
export type StreamItem = z.infer<typeof streamItemSchema>;

const held = z.object({ location, revision: z.number().int(), bundle: digest });

/** One field that is other than its bundle says. What was too large to be shown is told by its size and digest. */
export const driftChangeSchema = z.object({
  ref: objectRef,
  field: z.string(),
  /** Absent: it should not be there; `found` absent: it was taken away. Secret values are cut, what looks like one is masked. */
  wanted: json.optional(),
  found: json.optional(),
  /** Whose hand it was, as managedFields has it. Absent: the API server does not say (of what is deleted it never does). */
  by: z
    .object({
      manager: z.string(),
      operation: z.string(),
      subresource: z.string().optional(),
      /** RFC 3339, of the API server's clock, to the second. */
      at: z.string().optional(),
    })
    .optional(),
});
export type DriftChange = z.infer<typeof driftChangeSchema>;

export const agentMessageSchema = z.discriminatedUnion('kind', [
  /** The first message. The cluster's name is bound to the certificate at the hub, never read from here. */
  z.object({
    kind: z.literal('hello'),
    v: z.number().int(),
    agentVersion: z.string(),
    kubernetesVersion: z.string(),
    /** `apps/v1/Deployment`, … from discovery. */
    apis: z.array(z.string()),
    capacity: capacitySchema,
    /** P-256 public key (SPKI, base64) to which the hub seals Secret values. */
    sealKey: z.string(),
    /** uid of its namespace kube-system: which cluster it is, whatever its name. Absent: the agent may not read it. */
    clusterUid: z.string().max(100).optional(),
    highestEpoch: z.number().int(),
    held: z.array(held),
    openCommands: z.array(z.string()),
  }),
  z.object({ kind: z.literal('heartbeat'), seq: z.number().int(), sentAtMs: z.number() }),
  z.object({
    kind: z.literal('observed'),
    observations: z.array(observationSchema),
    capacity: capacitySchema.optional(),
    /** As in hello; sent when it has changed since. */
    apis: z.array(z.string()).optional(),
    gone: z.array(location).optional(),
  }),
  z.object({
    kind: z.literal('result'),
    id: z.string(),
    outcome: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('done'), value: commandOutputSchema }),
      z.object({ kind: z.literal('refused'), refusal }),
      z.object({ kind: z.literal('retry'), afterMs: z.number(), reason: z.string() }),
      z.object({ kind: z.literal('unknown'), reason: z.string() }),
    ]),
    /** Pre-images and other blobs that the output names. */
    blobs: z.array(blobSchema),
  }),
  z.object({ kind: z.literal('need'), digests: z.array(digest) }),
  z.object({
    kind: z.literal('drift'),
    location,
    objects: z.array(objectReceiptSchema),
    repaired: z.boolean(),
    message: z.string(),
    /** The same however often it is sent: once it is in the journal the hub answers `driftJournaled`. Absent: an older agent, which sends once. */
    id: z.string().max(100).optional(),
    /** RFC 3339, of the agent's clock: when it was seen. */
    at: z.string().max(40).optional(),
    changes: z.array(driftChangeSchema).max(limits.driftChangesMax).optional(),
    /** Fields that changed beyond those. */
    changesLeftOut: z.number().int().positive().optional(),
    /** Repairs of that object in a row, close to each other: above a few somebody else writes the same fields, and repairs slow down. */
    repairs: z.number().int().optional(),
    /** Earlier drifts that the agent could not keep for a hub that was away. */
    leftOut: z.number().int().positive().optional(),
  }),
  /** Of a stream that the hub opened; the first comes at once, empty, and says that it is open. */
  z.object({ kind: z.literal('streamed'), id: z.string(), items: z.array(streamItemSchema).max(2_000) }),
  /** `refusal`: why it ended, or never began; absent: there is no more. */
  z.object({ kind: z.literal('streamEnded'), id: z.string(), refusal: refusal.optional() }),
]);
export type AgentMessage = z.infer<typeof agentMessageSchema>;

export const hubMessageSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('welcome'),
    v: z.number().int(),
    hub: z.string(),
    epoch: z.number().int(),
    holder: z.string().optional(), // of that epoch; the same one of another is a copy's, and refused
    cluster: z.string(),
    heartbeatMs: z.number(),
    /** The hub's P-256 public key (SPKI, base64), to which the agent seals values of pre-images. */
    sealKey: z.string(),
    /** The key with which Secret values are cut, sealed to the agent. */
    cutKey: sealedSchema,
    /** Everything that the hub wants there and that no open transaction is changing. What an agent holds beyond it is reported, not removed: removal is a transaction's. */
    desired: z.array(held),
    /** A hub from a backup, which only watches: it is heard whatever its epoch, and it changes nothing. */
    observing: z.boolean().optional(),
  }),
  z.object({ kind: z.literal('heartbeatAck'), seq: z.number().int() }),
  /** A drift of that id is in the journal. */
  z.object({ kind: z.literal('driftJournaled'), id: z.string() }),
  z.object({ kind: z.literal('command'), command: commandSchema }),
  z.object({ kind: z.literal('blob'), blob: blobSchema }),
  /** `refusal`: it is here and cannot be sent. */
  z.object({ kind: z.literal('blobMissing'), digest, refusal: refusal.optional() }),
  z.object({ kind: z.literal('refuse'), refusal }),
  /** Opens a stream; it may send limits.streamWindowBytes, and as much more as `streamMore` grants. Nothing of it is remembered by either end. */
  z.object({ kind: z.literal('stream'), id: z.string(), request: streamRequestSchema }),
  z.object({ kind: z.literal('streamMore'), id: z.string(), bytes: z.number().int().positive() }),
  z.object({ kind: z.literal('streamStop'), id: z.string() }),
]);
export type HubMessage = z.infer<typeof hubMessageSchema>;
export type Sealed = z.infer<typeof sealedSchema>;
export type Blob = z.infer<typeof blobSchema>;
