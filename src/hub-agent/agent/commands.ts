/** Runs the hub's commands: an old epoch is refused, one id is done once, one thing at a time changes a location. */
import {
  type Clock,
  digestOf,
  done,
  errorText,
  type KubeObject,
  type Logger,
  limits,
  type Outcome,
  refused,
} from '../../base/index.ts';
import type { Blob, Command, CommandBody, CommandOutput } from '../../protocol/index.ts';
import type { Held } from '../types.ts';
import { access } from './actions/access.ts';
import { apply } from './actions/apply.ts';
import { dryRun, preview } from './actions/dry-run.ts';
import { ensure, undoEnsure } from './actions/ensure.ts';
import { describe, gate } from './actions/gate.ts';
import { prune, readBack, remove } from './actions/removal.ts';
import { snapshot } from './actions/snapshot.ts';
import { undo } from './actions/undo.ts';
import { verify } from './actions/verify.ts';
import type { Begun, Done, Work } from './actions/work.ts';
import { actsAs, type Location, type OpenBlob, readBundle } from './bundle.ts';
import { Halted } from './halted.ts';
import { locationKey } from './held.ts';
import type { Identities, Identity, ServiceAccountRef } from './identities.ts';
import type { LeaveBody } from './leave.ts';
import type { Memory } from './memory.ts';
import type { Queues } from './queues.ts';
import { createSeenSecrets, maskedOutcome } from './said.ts';

export interface Commands {
  /** Answers when the command has ended; undefined: the same id is under way and will answer. */
  handle(command: Command): Promise<Answer> | undefined;
  open(): readonly string[];
  stop(): void;
}

export interface Answer {
  readonly outcome: Outcome<CommandOutput>;
  readonly blobs: readonly Blob[];
}

export interface CommandsOptions {
  readonly memory: Memory;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly identities: Identities;
  work(signal: AbortSignal, begun: Begun, identity?: Identity): Work;
  /** The cluster leaves: everything of ldc goes, the agent at last. */
  leave(body: LeaveBody, signal: AbortSignal): Promise<Done>;
  /** Whether this agent still is the one that acts. */
  isLeader(): boolean;
  /** It is held from now on: watch it. */
  onHeld(held: Held, blob: OpenBlob, coming?: 'coming'): Promise<void>;
  onReleased(location: Location): void;
  /** What was read there is about to be pre-images; true: it has been repaired, and is to be read again. */
  onSnapshot(location: Location, read: readonly KubeObject[]): Promise<boolean>;
}

const LOOKING: readonly CommandBody['kind'][] = ['recallBundle', 'describe'];
const CHANGING: readonly CommandBody['kind'][] = ['ensure', 'apply', 'prune', 'remove', 'undo', 'undoEnsure'];

export function createCommands(options: CommandsOptions): Commands {
  return new CommandRunner(options);
}

class CommandRunner implements Commands {
  readonly #options: CommandsOptions;
  readonly #running = new Map<string, AbortController>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  async #run(command: Command, signal: AbortSignal): Promise<Answer> {
    const { epoch, body } = command;
    // a hub from a backup looks, and asks what is held, before it knows which epoch would be above this one
    if (epoch < this.#options.memory.state.epoch && !LOOKING.includes(body.kind)) {
      return only(
        refused({
          kind: 'staleEpoch',
          message: `epoch ${epoch} is older than ${this.#options.memory.state.epoch}: another hub acts`,
          hint: 'end the older hub; after a restore from a backup: `ldc hub rearm --reason`',
        }),
      );
    }
    if (!CHANGING.includes(body.kind)) return this.#attempt(command, signal, false);
    return this.#options.queues.run(queueOf(body), () => this.#change(command, signal));
  }

  /** What changes something is done once: what was answered is answered again, what was begun is gone on with. */
  async #change(command: Command, signal: AbortSignal): Promise<Answer> {
    const { memory, isLeader } = this.#options;
    const { id, epoch, body } = command;
    const known = memory.outcomes.of(id);
    if (known !== undefined) return only(known);
    if (!isLeader())
      return only({ kind: 'unknown', reason: 'the lease of this cluster ran out: another agent may act' });
    const begun = memory.hasBegun(id, locationOf(body));
    const wrong = staleRevision(body, memory, begun);
    if (wrong !== undefined) return only(wrong);
    if (epoch > memory.state.epoch) await memory.update((state) => ({ ...state, epoch: Math.max(state.epoch, epoch) }));
    const answer = await this.#attempt(command, signal, begun);
    const { outcome } = answer;
    if (outcome.kind === 'done' || outcome.kind === 'refused') memory.outcomes.ended(id, outcome);
    return answer;
  }

  async #attempt(command: Command, signal: AbortSignal, resumed: boolean): Promise<Answer> {
    const { identities, memory } = this.#options;
    const seen = createSeenSecrets();
    try {
      const begun: Begun = { resumed, begin: () => memory.begin(command.id) };
      const own = seen.through(this.#options.work(signal, begun));
      const identity = await identities.as(await accountOf(command.body, own, memory));
      const work = seen.through(this.#options.work(signal, begun, identity));
      const { output, blobs } = await this.#perform(command, work);
      return { outcome: done(output), blobs: blobs ?? [] };
    } catch (error) {
      if (error instanceof Halted) return only(maskedOutcome(error.outcome, seen.mask));
      const text = seen.mask(errorText(error));
      this.#options.logger.error({ command: command.id, error: text }, 'a command failed in an unexpected way');
      return only({ kind: 'unknown', reason: `the agent failed: ${text}` });
    }
  }

  async #perform({ id, body }: Command, work: Work): Promise<Done> {
    switch (body.kind) {
      case 'snapshot':
        return snapshot(work, body, (read) => this.#options.onSnapshot(body.location, read));
      case 'ensure':
        return ensure(work, body);
      case 'undoEnsure':
        await work.begin();
        return undoEnsure(work, body);
      case 'dryRun':
        return dryRun(work, body);
      case 'preview':
        return preview(work, body);
      case 'access':
        return access(work, body);
      case 'apply':
        await this.#hold({ location: body.location, revision: body.revision, bundle: body.bundle }, work, id);
        return apply(work, body);
      case 'undo': {
        const { location, previous } = body;
        await work.begin();
        if (previous === null) await this.#release(location);
        else await this.#hold({ location, ...previous }, work);
        return undo(work, body);
      }
      case 'remove':
        await work.begin();
        await this.#release(body.location);
        return remove(work, body);
      case 'prune':
        await work.begin();
        return prune(work, body);
      case 'gate':
        return gate(work, body);
      case 'readBack':
        return readBack(work, body);
      case 'verify':
        return verify(work, body);
      case 'describe': {
        const stored = await this.#options.memory.held.bundle(body.location);
        return describe(work, stored === undefined ? undefined : readBundle(stored));
      }
      case 'recallBundle':
        return this.#recall(body.location, work);
      case 'leave':
        return this.#options.leave(body, work.signal);
      case 'cancel':
        this.#running.get(body.command)?.abort();
        return { output: { kind: 'cancelled', command: body.command } };
    }
  }

  async #recall(location: Location, work: Work): Promise<Done> {
    const stored = await this.#options.memory.held.bundle(location);
    if (stored === undefined) return { output: { kind: 'recallBundle', bundle: null } };
    const { value, secrets } = stored;
    const bundle = digestOf(value);
    return { output: { kind: 'recallBundle', bundle }, blobs: [work.sealed({ digest: bundle, value }, secrets)] };
  }

  /**
   * The new wish is written before anything is done for it: from here on drift is measured against it. `command`: the one
   * that applies all of it now.
   */
  async #hold(held: Held, work: Work, command?: string): Promise<void> {
    const blob = await work.blob(held.bundle);
    await this.#options.memory.held.hold(held, blob, command);
    await this.#options.onHeld(held, blob, command === undefined ? undefined : 'coming');
  }
  async #release(location: Location): Promise<void> {
    await this.#options.memory.held.release(location);
    this.#options.onReleased(location);
  }

  handle(command: Command): Promise<Answer> | undefined {
    if (this.#running.has(command.id)) return undefined;
    if (this.#running.size >= limits.agentCommandsAtOnceMax && command.body.kind !== 'cancel') {
      return Promise.resolve(only({ kind: 'retry', afterMs: 500, reason: 'the agent is busy with other commands' }));
    }
    const control = new AbortController();
    this.#running.set(command.id, control);
    return this.#run(command, control.signal)
      .catch(
        (error: unknown): Answer =>
          only(error instanceof Halted ? error.outcome : { kind: 'unknown', reason: errorText(error) }),
      )
      .finally(() => this.#running.delete(command.id));
  }
  open(): readonly string[] {
    return [...this.#running.keys()];
  }
  stop(): void {
    for (const control of this.#running.values()) control.abort();
  }
}

function only(outcome: Outcome<CommandOutput>): Answer {
  return { outcome, blobs: [] };
}

/** As whom a command is done: what it says itself, else what the bundle says that it is about. */
async function accountOf(body: CommandBody, { blob }: Work, memory: Memory): Promise<ServiceAccountRef | undefined> {
  switch (body.kind) {
    case 'ensure':
    case 'undoEnsure':
    case 'access':
      return body.serviceAccount;
    case 'snapshot': {
      const digest = body.bundle ?? body.previous;
      return digest === null ? undefined : actsAs(await blob(digest));
    }
    case 'dryRun':
    case 'preview':
    case 'apply':
    case 'gate':
    case 'readBack':
    case 'undo':
      return actsAs(await blob(body.bundle));
    case 'prune':
      return actsAs(await blob(body.keep));
    case 'remove':
      return actsAs(await blob(body.previous.bundle));
    case 'verify': {
      const [first] = body.locations; // all of one stack, and of one transaction
      return first === undefined ? body.ensured?.serviceAccount : actsAs(await blob(first.bundle));
    }
    case 'describe': {
      const stored = await memory.held.bundle(body.location);
      return stored === undefined ? undefined : actsAs(stored);
    }
    case 'recallBundle':
    case 'leave':
    case 'cancel':
      return undefined;
  }
}

function queueOf(body: CommandBody): string {
  const location = locationOf(body);
  if (location !== undefined) return locationKey(location);
  return 'stack' in body ? `stack ${body.stack.project}/${body.stack.name}` : '';
}

/** The one that a command changes. */
function locationOf(body: CommandBody): Location | undefined {
  switch (body.kind) {
    case 'apply':
    case 'undo':
    case 'prune':
    case 'remove':
      return body.location;
    default:
      return undefined;
  }
}

/** A revision below the one that is held comes from a hub that has forgotten it. */
function staleRevision(body: CommandBody, { held }: Memory, begun: boolean): Outcome<CommandOutput> | undefined {
  if (body.kind !== 'apply' || begun) return undefined;
  const now = held.at(body.location);
  if (now === undefined || body.revision >= now.revision) return undefined;
  return refused({
    kind: 'staleRevision',
    message: `revision ${body.revision} is older than ${now.revision}, which this cluster holds`,
    hint: 'a hub from a backup: `ldc hub rearm` adopts what its agents hold',
  });
}
