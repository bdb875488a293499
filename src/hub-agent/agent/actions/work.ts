/** What an action is handed: the cluster, the blobs, the key that cuts Secrets, and whether it was begun before. */
import type { Clock, Digest, KubeObject, ObjectRef } from '../../../base/index.ts';
import type { Client, Discovery, Mask } from '../../../kubernetes/index.ts';
import type { Blob, CommandOutput } from '../../../protocol/index.ts';
import type { Location, OpenBlob } from '../bundle.ts';
import type { Identity } from '../identities.ts';
import type { Objects } from '../objects.ts';
import type { ServiceProbe } from '../probe.ts';

/** What is remembered of a command. */
export interface Begun {
  /** The same command was begun before and its end is not known: what it made is this command's. */
  readonly resumed: boolean;
  /** Resolves when it is written that the command is begun: before the first change, where nothing else is written ahead of it. */
  begin(): Promise<void>;
}

export interface Work extends Begun {
  /** As whom it is done: the agent, or the ServiceAccount that the stack names. */
  readonly identity: Identity;
  /** Read and written as that one. */
  readonly objects: Objects;
  /** The agent's own, whoever acts: reasons, logs, what else is in a namespace. */
  readonly client: Client;
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly cutKey: Uint8Array;
  readonly probe: ServiceProbe;
  /** Aborted by a `cancel` and when the agent stops. */
  readonly signal: AbortSignal;
  /** An object of what is held as its watch shows it, which costs no request; read where it is not watched. */
  current(ref: ObjectRef): Promise<KubeObject | undefined>;
  /** Told of each object as it was applied: what it looks like now is no drift. */
  onApplied(object: KubeObject): void;
  blob(digest: Digest): Promise<OpenBlob>;
  /** Hides what looks like a secret, and the values of that stack's Secrets, in text of its workloads. */
  mask(stack: Location['stack']): Mask;
  /** Seals values of blobs to the hub; the blob itself stays at hand for the commands that will name it. */
  sealed(blob: Blob, secrets: ReadonlyMap<string, string>): Blob;
}

export interface Done {
  readonly output: CommandOutput;
  readonly blobs?: readonly Blob[];
}
