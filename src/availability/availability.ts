/** The one loop: hears, folds health, decides (decide.ts), carries out. Everything it knows for sure is in the journal. */
import {
  type Clock,
  type Documents,
  done,
  errorText,
  type Journal,
  type JsonObject,
  type Logger,
  type Outcome,
  refused,
} from '../base/index.ts';
import type { Moves, Stacks } from '../stacks/types.ts';
import type { ClusterState, HubState } from './brakes.ts';
import { type Decision, decide, type Holding, movesPerTarget, type Situation, stackKey } from './decide.ts';
import { healthPath, quarantineMs } from './health.ts';
import { watchHeartbeats } from './heartbeats.ts';
import { type MinimumWatch, watchMinimum } from './minimum.ts';
import { type EnginePort, MoveRunner } from './moves.ts';
import { BRAKE, brakeEntry, foldHealth, HEALTH, healthEntry, intentEntry, newName } from './records.ts';
import {
  type Availability,
  type AvailabilityStatus,
  type Brake,
  type ClusterSignals,
  type DrainView,
  defaultBudget,
  defaultTimers,
  type Health,
  type HealthRecord,
  type HealthTimers,
  type Intent,
  type MoveBudget,
} from './types.ts';

export interface AvailabilityPorts {
  readonly journal: Journal;
  readonly documents: Documents;
  readonly signals: ClusterSignals;
  readonly stacks: Moves & Pick<Stacks, 'functions'>;
  readonly engine: EnginePort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers?: HealthTimers;
  readonly budget?: MoveBudget;
  /** Each says whether something outside answers; when none of them does, the hub takes itself for cut off. */
  readonly reachable?: readonly (() => Promise<boolean>)[];
}

const QUIET: Decision = { brakes: [], moves: [], settles: [], waiting: [] };

export function createAvailability(ports: AvailabilityPorts): Availability {
  return new AvailabilityLoop(ports);
}

class AvailabilityLoop implements Availability {
  readonly #ports: AvailabilityPorts;
  readonly #timers: HealthTimers;
  readonly #budget: MoveBudget;
  readonly #records = new Map<string, HealthRecord>();
  /** Clock.monotonic() when it was found lost in this hub's life. */
  readonly #lostAtMs = new Map<string, number>();
  /** Removed, but something is wanted there still. */
  readonly #gone = new Set<string>();
  readonly #moves;
  readonly #heartbeats;
  readonly #minimum: MinimumWatch;
  #last: Decision = QUIET;
  #running: Promise<void> = Promise.resolve();
  #stop: (() => void) | null = null;

  constructor(ports: AvailabilityPorts) {
    this.#ports = ports;
    this.#timers = ports.timers ?? defaultTimers;
    this.#budget = ports.budget ?? defaultBudget;
    this.#moves = new MoveRunner({ ...ports, timers: this.#timers, budget: this.#budget });
    this.#heartbeats = watchHeartbeats(ports.clock, ports.signals, this.#timers);
    this.#minimum = watchMinimum(ports.clock);
  }

  recall(): void {
    this.#records.clear();
    for (const { key, body } of this.#ports.documents.list(HEALTH)) {
      this.#records.set(key, body as unknown as HealthRecord);
    }
  }

  async start(): Promise<void> {
    this.recall();
    const unsubscribe = this.#ports.journal.onAppend((entries) => {
      for (const entry of entries) {
        const key = entry.tx.startsWith('cluster/') ? entry.tx.slice('cluster/'.length) : undefined;
        if (key === undefined) continue;
        const to = newName(entry);
        if (to !== undefined) {
          this.#renamed(key, to);
          continue;
        }
        const after = foldHealth(this.#records.get(key), entry);
        if (after === undefined) this.#records.delete(key);
        else this.#records.set(key, after);
        if (entry.type === 'cluster.removed') this.#leaveForGood(key);
        if (entry.type === 'cluster.joined') this.#gone.delete(key);
        if (entry.type === 'cluster.labelled') this.#moves.wantCover();
      }
    });
    const forget = this.#ports.signals.onServed(() => this.#moves.wantCover());
    this.#tellTheEngine();
    this.#moves.wantCover(); // a cluster may have become ready just before the last life of the hub ended
    let stopped = false;
    let cancel = () => {};
    this.#stop = () => {
      stopped = true;
      cancel();
      forget();
      unsubscribe();
    };
    const everyMs = Math.max(50, Math.min(1_000, this.#timers.heartbeatMs / 5));
    const next = () => {
      if (stopped) return;
      const dueMs = this.#ports.clock.monotonic() + everyMs;
      cancel = this.#ports.clock.after(everyMs, () => {
        this.#running = this.#guardedRound(dueMs).then(next);
      });
    };
    this.#running = this.#guardedRound(this.#ports.clock.monotonic());
    await this.#running;
    next();
  }

  /** The engine has no memory of who is lost. */
  #tellTheEngine(): void {
    const { signals, stacks, engine } = this.#ports;
    const known = new Set(signals.clusters().map(({ name }) => name));
    for (const { cluster, health } of this.#records.values()) {
      if (health === 'lost') engine.clusterChanged(cluster, 'lost');
    }
    const named = [...stacks.serving(), ...stacks.owing(), ...this.#moves.clustersAtWork()];
    for (const cluster of new Set(named)) if (!known.has(cluster)) this.#leaveForGood(cluster);
  }

  /** The same cluster: how it is and what a person wills for it goes on, and nothing of it is to be moved away. */
  #renamed(cluster: string, to: string): void {
    const record = this.#records.get(cluster);
    if (record !== undefined) this.#records.set(to, { ...record, cluster: to });
    this.#records.delete(cluster);
    this.#gone.delete(to);
  }

  /** Nobody will answer there any more; what it served has to be served elsewhere. */
  #leaveForGood(cluster: string): void {
    this.#lostAtMs.delete(cluster);
    this.#gone.add(cluster);
    this.#ports.engine.clusterChanged(cluster, 'lost');
  }

  async stop(): Promise<void> {
    this.#stop?.();
    await this.#running;
  }

  health(cluster: string): HealthRecord | undefined {
    return this.#records.get(cluster);
  }

  clusters(): readonly HealthRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  }

  async setIntent(
    cluster: string,
    intent: Intent,
    actor: string,
    reason: string | null,
  ): Promise<Outcome<HealthRecord>> {
    const record = this.#records.get(cluster);
    if (record === undefined) {
      return refused({
        kind: 'unknownCluster',
        message: `no cluster ${cluster} has joined`,
        where: cluster,
        hint: 'ldc cluster list',
      });
    }
    if (record.intent === intent && record.intentReason === reason) return done(record);
    await this.#ports.journal.append([intentEntry(cluster, record.intent, intent, actor, reason)]);
    if (intent === 'open') this.#moves.wantCover();
    return done(this.#records.get(cluster) ?? record);
  }

  async drain(cluster: string, actor: string, reason: string | null): Promise<Outcome<DrainView>> {
    const outcome = await this.setIntent(cluster, 'draining', actor, reason);
    if (outcome.kind !== 'done') return outcome;
    return done(this.drained(cluster) ?? { record: outcome.value, wanted: [], owed: [] });
  }

  drained(cluster: string): DrainView | undefined {
    const record = this.#records.get(cluster);
    if (record === undefined) return undefined;
    const held = this.#ports.stacks.onCluster(cluster);
    return {
      record,
      wanted: held.filter((each) => each.wanted).map((each) => each.location),
      owed: held.filter((each) => each.owed).map((each) => each.location),
    };
  }

  status(): AvailabilityStatus {
    const busy = this.#moves.busy();
    const owing = new Set(this.#ports.stacks.owing());
    const returning = this.clusters().filter((record) => record.health === 'returning');
    return {
      timers: this.#timers,
      brakes: this.#ports.documents.list(BRAKE).map(({ body }) => body as unknown as Brake & { since: string }),
      budget: {
        ...this.#budget,
        inFlight: busy.filter((each) => each.kind === 'moving').length,
        perTarget: Object.fromEntries(movesPerTarget(busy)),
      },
      cooldowns: this.#moves.cooldownViews(),
      waiting: this.#last.waiting,
      belowMinimum: this.#minimum.totals(),
      owed: this.#owed(),
      quarantine: returning.map(({ cluster, losses }) => {
        const left = quarantineMs(losses, this.#timers) - this.#heartbeats.of(cluster).steadyMs;
        return { cluster, remainingMs: Math.max(0, Math.round(left)), clear: !owing.has(cluster) };
      }),
    };
  }

  #owed(): AvailabilityStatus['owed'] {
    const { stacks } = this.#ports;
    return stacks.owing().flatMap((cluster) => {
      const locations = stacks.onCluster(cluster).filter(({ owed }) => owed).length;
      return this.#records.has(cluster) ? [{ cluster, locations }] : [];
    });
  }

  /** A round that fails (a full disk, a bug in a port) is logged and the next one tries again from the state. */
  async #guardedRound(dueMs: number): Promise<void> {
    try {
      await this.#round(dueMs);
    } catch (error) {
      this.#ports.logger.error({ error: errorText(error) }, 'a round of availability failed; the next one starts anew');
    }
  }

  async #round(dueMs: number): Promise<void> {
    this.#heartbeats.round(dueMs);
    await this.#foldHealth();
    const reachable = await this.#askReachable();
    const situation = this.#observe(reachable);
    this.#last = decide(situation);
    await this.#journalBrakes(this.#last.brakes);
    await this.#moves.carryOut(this.#last, (clusters) => this.#evidence(situation, clusters));
    // until every agent has had the time to report, what is not known yet is nobody's outage
    if (this.#heartbeats.awakeMs() >= this.#timers.lostAfterMs) {
      this.#minimum.round(() => this.#ports.stacks.functions({}));
    }
    if (this.#last.brakes.length === 0) await this.#moves.cover(this.#evidence(situation, []));
  }

  async #foldHealth(): Promise<void> {
    const { signals, journal, stacks, clock, engine } = this.#ports;
    const owing = new Set(stacks.owing());
    const changes = signals.clusters().flatMap(({ name }) => {
      const record = this.#records.get(name);
      const before: Pick<HealthRecord, 'health' | 'losses'> = record ?? { health: 'joining', losses: 0 };
      const signal = { ...this.#heartbeats.of(name), clear: !owing.has(name) };
      const path = healthPath(before, signal, this.#timers);
      return path.map((to, at) => ({ name, from: path[at - 1] ?? before.health, to, silentMs: signal.silentMs }));
    });
    if (changes.length === 0) return;
    await journal.append(changes.map(({ name, from, to, silentMs }) => healthEntry(name, from, to, silentMs)));
    for (const { name, to } of changes) {
      if (to === 'lost') this.#lostAtMs.set(name, clock.monotonic());
      else this.#lostAtMs.delete(name);
      engine.clusterChanged(name, reachability(to));
    }
    if (changes.some(({ to }) => to === 'ready')) {
      this.#moves.forgetRefusals();
      this.#moves.wantCover();
    }
  }

  /** Asked only while something is silent; a check that does not answer within a heartbeat counts as none. */
  async #askReachable(): Promise<HubState['reachable']> {
    const checks = this.#ports.reachable ?? [];
    if (checks.length === 0) return 'unchecked';
    const quiet = [...this.#records.values()].every(({ health }) => health !== 'suspect' && health !== 'lost');
    if (quiet) return 'some';
    const { clock } = this.#ports;
    const late = clock.sleep(this.#timers.heartbeatMs).then(() => false);
    const answers = await Promise.all(checks.map((check) => Promise.race([check().catch(() => false), late])));
    return answers.some((answer) => answer) ? 'some' : 'none';
  }

  /** Everything that decide() looks at, fresh. */
  #observe(reachable: HubState['reachable']): Situation {
    const clusters = this.#ports.signals.clusters().flatMap(({ name, labels }): ClusterState[] => {
      const record = this.#records.get(name);
      if (record === undefined) return [];
      return [
        {
          name,
          labels,
          health: record.health,
          intent: record.intent,
          silentMs: this.#heartbeats.of(name).silentMs,
          lostForMs: this.#lostForMs(record),
        },
      ];
    });
    const leaving = clusters.filter(
      ({ health, intent }) => health === 'lost' || intent === 'draining' || intent === 'removing',
    );
    const names = new Set([...leaving.map(({ name }) => name), ...this.#gone, ...this.#ports.stacks.owing()]);
    return {
      timers: this.#timers,
      budget: this.#budget,
      hub: { awakeMs: this.#heartbeats.awakeMs(), reachable },
      clusters,
      gone: [...this.#gone],
      holdings: [...names].sort().flatMap((name) => this.#holdingsOn(name)),
      busy: this.#moves.busy(),
      cooldowns: this.#moves.cooldowns(),
    };
  }

  #holdingsOn(cluster: string): readonly Holding[] {
    const byStack = new Map<string, { stack: Holding['stack']; cluster: string; wanted: number; owed: number }>();
    for (const { stack, wanted, owed } of this.#ports.stacks.onCluster(cluster)) {
      const entry = byStack.get(stackKey(stack)) ?? { stack, cluster, wanted: 0, owed: 0 };
      entry.wanted += wanted ? 1 : 0;
      entry.owed += owed ? 1 : 0;
      byStack.set(stackKey(stack), entry);
    }
    return [...byStack.values()];
  }

  /** A loss that an earlier life of the hub found counts from when this one woke. */
  #lostForMs(record: HealthRecord): number | null {
    if (record.health !== 'lost') return null;
    const since = this.#lostAtMs.get(record.cluster);
    const awakeMs = this.#heartbeats.awakeMs();
    return since === undefined ? awakeMs : Math.min(awakeMs, this.#ports.clock.monotonic() - since);
  }

  async #journalBrakes(on: readonly Brake[]): Promise<void> {
    const known = this.#ports.documents.list(BRAKE);
    const added = on.filter((brake) => !known.some((document) => document.key === brake.scope));
    const gone = known.filter((document) => !on.some((brake) => brake.scope === document.key));
    const entries = [
      ...added.map((brake) => brakeEntry('brake.on', brake)),
      ...gone.map(({ body }) => brakeEntry('brake.off', body as unknown as Brake)),
    ];
    if (entries.length === 0) return;
    for (const { type, data } of entries) this.#ports.logger.warn({ ...data }, type);
    await this.#ports.journal.append(entries);
  }

  /** The counts that a decision was made on, for the transaction and the audit. */
  #evidence({ clusters, hub }: Situation, involved: readonly string[]): JsonObject {
    const silent = clusters.filter(({ health }) => health === 'suspect' || health === 'lost').map(({ name }) => name);
    return {
      clusters: clusters
        .filter(({ name }) => involved.includes(name))
        .map(({ name, health, intent, silentMs }) => {
          return { cluster: name, health, intent, silentMs: Math.round(silentMs) };
        }),
      silent: silent.slice(0, 100),
      silentCount: silent.length,
      total: clusters.filter(({ health }) => health !== 'joining').length,
      reachable: hub.reachable,
    };
  }
}

function reachability(health: Health): 'reachable' | 'suspect' | 'lost' {
  return health === 'lost' || health === 'suspect' ? health : 'reachable';
}
