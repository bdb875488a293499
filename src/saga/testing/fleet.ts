/**
 * Clusters as maps behind an AgentLink, for tests and simulation: commands are idempotent by id, an older epoch is refused,
 * and faults are handed in from outside.
 */
import {
  type Clock,
  canonical,
  type Digest,
  digestOf,
  type Json,
  type Outcome,
  type Refusal,
  refused,
  unknown,
} from '../../base/index.ts';
import type { Location } from '../../plan/index.ts';
import { locationId } from '../../plan/index.ts';
import type { AgentLink, Command, CommandBody, CommandOutput, Difference, LinkChange } from '../../protocol/index.ts';

/** What a fault does to one arrival of a command: `effect` says whether the work is done (or half done) all the same. */
export type Fault =
  | { readonly kind: 'refuse'; readonly refusal: Refusal; readonly effect: boolean }
  | { readonly kind: 'silence'; readonly effect: boolean }
  | { readonly kind: 'busy'; readonly afterMs: number }
  /** Never answers; the line is there. */
  | { readonly kind: 'hang' };

interface Cluster {
  /** Location (or object that others need) → what is there. */
  readonly things: Map<string, string>;
  readonly outcomes: Map<string, Outcome<CommandOutput>>;
  highestEpoch: number;
  connected: boolean;
}

export interface Arrival {
  readonly cluster: string;
  readonly id: string;
  readonly kind: CommandBody['kind'];
}

export class Fleet implements AgentLink {
  readonly clusters = new Map<string, Cluster>();
  /** Every command that arrived, also those that were only asked again. */
  readonly arrivals: Arrival[] = [];
  /** Every command that did something. */
  readonly effects: Arrival[] = [];
  fault: (arrival: Arrival, count: number) => Fault | undefined = () => undefined;
  /** Things that an undo has to leave. */
  readonly keep = new Set<string>();
  /** What each look finds besides: others' doing. */
  explained: readonly Difference[] = [];
  /** How often each command arrived. */
  readonly #counts = new Map<string, number>();
  readonly #preImages = new Map<Digest, string | null>();
  readonly #listeners = new Set<(change: LinkChange) => void>();
  readonly #clock: Clock;
  #uid = 0;

  constructor(clock: Clock, names: readonly string[]) {
    this.#clock = clock;
    for (const name of names) {
      this.clusters.set(name, { things: new Map(), outcomes: new Map(), highestEpoch: 0, connected: true });
    }
  }

  /** All that is on all clusters, as one comparable value. */
  contents(): Json {
    const entries = [...this.clusters].map(([name, { things }]) => [name, Object.fromEntries([...things].sort())]);
    return JSON.parse(canonical(Object.fromEntries(entries))) as Json;
  }

  connect(name: string, connected: boolean): void {
    this.#cluster(name).connected = connected;
    const change: LinkChange = connected
      ? { kind: 'connected', cluster: name }
      : { kind: 'disconnected', cluster: name, reason: 'cut' };
    for (const listener of [...this.#listeners]) listener(change);
  }

  connected(cluster: string): boolean {
    return this.#cluster(cluster).connected;
  }

  onChange(listener: (change: LinkChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async execute(
    name: string,
    command: Command,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<Outcome<CommandOutput>> {
    await this.#clock.sleep(1, options.signal); // the way there
    const cluster = this.#cluster(name);
    if (!cluster.connected) return unknown('not connected');
    if (command.epoch < cluster.highestEpoch) {
      return refused({
        kind: 'staleEpoch',
        message: `epoch ${command.epoch} is over, ${cluster.highestEpoch} rules`,
        hint: 'mend it',
      });
    }
    cluster.highestEpoch = command.epoch;
    const arrival: Arrival = { cluster: name, id: command.id, kind: command.body.kind };
    this.arrivals.push(arrival);
    const times = `${name} ${command.id}`;
    const count = (this.#counts.get(times) ?? 0) + 1;
    this.#counts.set(times, count);
    const fault = this.fault(arrival, count);
    if (fault?.kind === 'busy') return { kind: 'retry', afterMs: fault.afterMs, reason: 'busy' };
    if (fault?.kind === 'hang') {
      await this.#clock.sleep(options.timeoutMs, options.signal);
      return unknown('timeout');
    }
    const outcome = cluster.outcomes.get(command.id) ?? this.#finish(cluster, arrival, command, fault);
    await this.#clock.sleep(1, options.signal); // the way back
    return fault?.kind === 'silence' ? unknown('the line was cut') : outcome;
  }

  #finish(cluster: Cluster, arrival: Arrival, command: Command, fault: Fault | undefined): Outcome<CommandOutput> {
    if (fault !== undefined && 'effect' in fault && !fault.effect) {
      return fault.kind === 'refuse' ? this.#remember(cluster, command, refused(fault.refusal)) : unknown('lost');
    }
    this.effects.push(arrival);
    const output = this.#work(cluster, command.body);
    const outcome: Outcome<CommandOutput> =
      fault?.kind === 'refuse' ? refused(fault.refusal) : { kind: 'done', value: output };
    return this.#remember(cluster, command, outcome);
  }

  #remember(cluster: Cluster, command: Command, outcome: Outcome<CommandOutput>): Outcome<CommandOutput> {
    cluster.outcomes.set(command.id, outcome);
    return outcome;
  }

  #work(cluster: Cluster, body: CommandBody): CommandOutput {
    const { things } = cluster;
    switch (body.kind) {
      case 'snapshot': {
        const present = things.get(nameOf(body.location));
        const preImages = digestOf({ location: locationId(body.location), present: present ?? null });
        this.#preImages.set(preImages, present ?? null);
        return { kind: 'snapshot', preImages, objects: 1, present: present === undefined ? 0 : 1 };
      }
      case 'ensure':
        return this.#ensure(cluster, body);
      case 'undoEnsure':
        return this.#undoEnsure(cluster, body);
      case 'dryRun':
        return { kind: 'dryRun', objects: 1, deferred: [], warnings: [] };
      case 'apply':
        things.set(nameOf(body.location), `r${body.revision} ${body.bundle}`);
        return { kind: 'receipt', objects: [], digest: digestOf(body.bundle) };
      case 'gate':
        return { kind: 'gate', ready: 1, tookMs: 1 };
      case 'readBack':
        return { kind: 'readBack', digest: digestOf(things.get(nameOf(body.location)) ?? null), objects: 1 };
      case 'undo': {
        const before = this.#preImages.get(body.preImages as Digest) ?? null;
        if (before === null) things.delete(nameOf(body.location));
        else things.set(nameOf(body.location), before);
        return { kind: 'receipt', objects: [], digest: digestOf(before) };
      }
      case 'remove':
        return this.#remove(cluster, body.location);
      case 'prune':
        return { kind: 'receipt', objects: [], digest: digestOf('pruned') };
      case 'verify':
        return this.#verify(cluster, body);
      case 'preview':
        return { kind: 'preview', objects: [] };
      case 'describe':
        return { kind: 'describe', reasons: [] };
      case 'access':
        return { kind: 'access', refusal: null };
      case 'cancel':
        return { kind: 'cancelled', command: body.command };
      default:
        throw new Error('the engine never sends such a command');
    }
  }

  #ensure({ things }: Cluster, { objects }: Extract<CommandBody, { kind: 'ensure' }>): CommandOutput {
    const absent = objects.filter(({ metadata }) => !things.has(`needs/${metadata.name}`));
    const created = absent.map(({ apiVersion, kind, metadata: { name } }) => {
      const uid = `uid-${++this.#uid}`;
      things.set(`needs/${name}`, uid);
      return { apiVersion, kind, name, uid };
    });
    return { kind: 'ensure', created, existed: [] };
  }

  #undoEnsure({ things }: Cluster, { created }: Extract<CommandBody, { kind: 'undoEnsure' }>): CommandOutput {
    const objects = created.map(({ uid, ...ref }) => {
      const thing = `needs/${ref.name}`;
      if (this.keep.has(thing)) {
        return { ref, change: 'kept' as const, before: null, after: null, note: 'something foreign is in it' };
      }
      const mine = things.get(thing) === uid && things.delete(thing);
      return { ref, change: mine ? ('deleted' as const) : ('absent' as const), before: null, after: null };
    });
    return { kind: 'receipt', objects, digest: digestOf('undone') };
  }

  #remove({ things }: Cluster, location: Location): CommandOutput {
    const thing = nameOf(location);
    const keeps = things.has(thing) && this.keep.has(thing);
    if (!keeps) things.delete(thing);
    const ref = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      namespace: location.stack.name,
      name: location.name,
    };
    const kept = {
      ref,
      change: 'kept' as const,
      before: null,
      after: null,
      note: 'it holds data: a person deletes it',
    };
    return { kind: 'receipt', objects: keeps ? [kept] : [], digest: digestOf(null) };
  }

  #verify({ things }: Cluster, { locations, ensured }: Extract<CommandBody, { kind: 'verify' }>): CommandOutput {
    const pairs = locations.map(({ location, preImages }) => ({
      location,
      before: this.#preImages.get(preImages as Digest) ?? null,
      after: things.get(nameOf(location)) ?? null,
    }));
    const differences = pairs
      .filter(({ before, after }) => before !== after)
      .map(({ location, before, after }) => {
        const ref = { apiVersion: 'v1', kind: 'Location', name: location.name };
        return { location: locationId(location), ref, field: '.', before, after };
      });
    for (const { uid, ...ref } of ensured?.created ?? []) {
      const thing = `needs/${ref.name}`;
      if (things.get(thing) !== uid || this.keep.has(thing)) continue;
      differences.push({ location: '', ref, field: 'object', before: null, after: 'present' });
    }
    const digestBefore = digestOf(pairs.map(({ before }) => before));
    const digestAfter = digestOf(pairs.map(({ after }) => after));
    const equal = differences.length === 0;
    const all = [...differences, ...this.explained];
    return { kind: 'verify', equal, differences: all, kept: [], digestBefore, digestAfter };
  }

  #cluster(name: string): Cluster {
    const found = this.clusters.get(name);
    if (found === undefined) throw new Error(`no cluster ${name}`);
    return found;
  }
}

function nameOf({ stack, name }: Pick<Location, 'stack' | 'name'>): string {
  return `${stack.project}/${stack.name}/${name}`;
}
