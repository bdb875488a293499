import type { Cancel, Clock } from '../../base/index.ts';
import {
  type Container,
  type ContainerState,
  type ContainerStatus,
  type Happening,
  kubeTime,
  type Pod,
  type ProbeSpec,
} from '../kinds/index.ts';
import type { LogFile } from './log-file.ts';
import type { ContainerView } from './pod-status.ts';
import { askProbe, ProbeCount, type ProbeLoop, repeatProbe } from './probes.ts';
import { goDuration, type RestartLimits, restartOf } from './restarts.ts';
import type { Exit, RunningContainer } from './types.ts';

export interface ContainerRunOptions {
  readonly clock: Clock;
  readonly limits: RestartLimits;
  readonly policy: 'Always' | 'OnFailure' | 'Never';
  /** Called whenever the state changed by itself: an exit, a probe's verdict, a wait that is over. */
  readonly onChange: () => void;
  readonly record: (happening: Omit<Happening, 'about'>) => void;
}

/** The life of one container of one pod over all its attempts. */
export class ContainerRun {
  readonly container: Container;
  readonly #options: ContainerRunOptions;
  readonly #pod: Pod;
  #state: ContainerState;
  #lastState: ContainerState = {};
  #restartCount = 0;
  #ends = 0;
  #startedMs = 0;
  #dueMs: number | undefined = 0;
  #running: RunningContainer | undefined;
  #lastId: string | undefined;
  #log: LogFile | undefined;
  #loops: ProbeLoop[] = [];
  #cancelWait: Cancel = () => {};
  #started = false;
  #ready = false;
  #stopping = false;

  constructor(container: Container, pod: Pod, options: ContainerRunOptions, initialReason: string) {
    this.container = container;
    this.#pod = pod;
    this.#options = options;
    this.#state = { waiting: { reason: initialReason } };
  }

  /** Takes over what an earlier kubelet reported. A process of its time is gone: that was the end of that attempt. */
  restore(before: ContainerStatus, processLost: boolean): void {
    this.#restartCount = before.restartCount;
    this.#lastState = before.lastState ?? {};
    const { running, terminated } = before.state ?? {};
    if (terminated !== undefined) {
      this.#afterEnd({ terminated }, terminated.exitCode);
      return;
    }
    if (running === undefined) return;
    if (!processLost) {
      this.#dueMs = 0;
      return;
    }
    const finishedAt = kubeTime(this.#options.clock.now());
    const startedAt = running.startedAt ?? finishedAt;
    this.#afterEnd({ terminated: { exitCode: 137, reason: 'Error', startedAt, finishedAt } }, 137);
  }

  view(): ContainerView {
    const id = this.#running?.id ?? this.#lastId;
    return {
      name: this.container.name,
      image: this.container.image,
      state: this.#state,
      lastState: this.#lastState,
      restartCount: this.#restartCount,
      started: this.#started,
      ready: this.#ready,
      ...(id === undefined ? {} : { containerId: id }),
    };
  }

  get running(): boolean {
    return this.#running !== undefined;
  }
  /** The number of this attempt, from 0. */
  get attempt(): number {
    return this.#restartCount;
  }
  get log(): LogFile | undefined {
    return this.#log;
  }

  /** Whether it wants to be started now. */
  isDue(): boolean {
    if (this.#running !== undefined || this.#stopping || this.#dueMs === undefined) return false;
    return this.#options.clock.now() >= this.#dueMs;
  }

  /** It cannot be started yet; tried again after `delayMs`. */
  wait(reason: string, message: string, delayMs: number): void {
    this.#state = { waiting: { reason, ...(message === '' ? {} : { message }) } };
    this.#sleep(delayMs);
  }

  begin(running: RunningContainer, log: LogFile | undefined, podIp: string): void {
    const { clock } = this.#options;
    this.#running = running;
    this.#log = log;
    this.#startedMs = clock.now();
    this.#state = { running: { startedAt: kubeTime(this.#startedMs) } };
    this.#beginProbes(running, podIp);
    running.exited.then((exit) => this.#exited(running, exit));
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#cancelWait();
    const running = this.#running;
    if (running === undefined) return;
    await running.stop(graceMs);
    // #exited follows in the same turn: both wait for the same promise
    await Promise.resolve();
  }

  #beginProbes(running: RunningContainer, podIp: string): void {
    const { startupProbe, livenessProbe, readinessProbe } = this.container;
    if (running.simulatedReadyMs !== undefined) {
      this.#simulateReadiness(running, running.simulatedReadyMs);
      return;
    }
    this.#started = startupProbe === undefined;
    this.#ready = readinessProbe === undefined && this.#started;
    const afterStartup = () => {
      if (readinessProbe) this.#probe('Readiness', readinessProbe, running, podIp, (ok) => this.#setReady(ok));
      else this.#setReady(true);
      if (livenessProbe)
        this.#probe('Liveness', livenessProbe, running, podIp, (ok) => this.#kill(ok, running, 'liveness'));
    };
    if (startupProbe === undefined) {
      afterStartup();
      return;
    }
    this.#probe('Startup', startupProbe, running, podIp, (ok) => {
      if (!ok) {
        this.#kill(false, running, 'startup');
        return;
      }
      this.#endProbes();
      this.#started = true;
      afterStartup();
      this.#options.onChange();
    });
  }

  #simulateReadiness(running: RunningContainer, readyMs: number): void {
    const { clock } = this.#options;
    this.#started = true;
    this.#ready = readyMs === 0;
    if (readyMs === 0) return;
    const message = 'Readiness probe failed: simulated as not ready';
    this.#options.record({ type: 'Warning', reason: 'Unhealthy', message, fieldPath: this.#fieldPath() });
    if (!Number.isFinite(readyMs)) return;
    const cancel = clock.after(readyMs, () => this.#running === running && this.#setReady(true));
    this.#loops.push({ stop: cancel });
  }

  #probe(
    kind: string,
    probe: ProbeSpec,
    running: RunningContainer,
    podIp: string,
    onVerdict: (ok: boolean) => void,
  ): void {
    const count = new ProbeCount(probe);
    const ask = () => askProbe(probe, this.container, running, podIp);
    const loop = repeatProbe(probe, this.#options.clock, ask, (answer) => {
      if (this.#running !== running || this.#stopping) return;
      if (!answer.ok) {
        const message = `${kind} probe failed: ${answer.message}`;
        this.#options.record({ type: 'Warning', reason: 'Unhealthy', message, fieldPath: this.#fieldPath() });
      }
      if (count.take(answer.ok)) onVerdict(answer.ok);
    });
    this.#loops.push(loop);
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.#options.onChange();
  }

  #kill(ok: boolean, running: RunningContainer, probe: string): void {
    if (ok) return;
    const message = `Container ${this.container.name} failed ${probe} probe, will be restarted`;
    this.#options.record({ type: 'Normal', reason: 'Killing', message, fieldPath: this.#fieldPath() });
    this.#endProbes();
    void running.stop((this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
  }

  #exited(running: RunningContainer, exit: Exit): void {
    if (this.#running !== running) return;
    const { clock, limits, onChange } = this.#options;
    this.#endProbes();
    this.#running = undefined;
    this.#lastId = running.id;
    const terminated = {
      exitCode: exit.exitCode,
      ...(exit.signal === undefined ? {} : { signal: exit.signal }),
      reason: exit.exitCode === 0 ? 'Completed' : exit.exitCode === 128 ? 'StartError' : 'Error',
      startedAt: kubeTime(this.#startedMs),
      finishedAt: kubeTime(clock.now()),
      containerID: running.id,
    };
    if (clock.now() - this.#startedMs >= limits.resetMs) this.#ends = 0;
    this.#ends++;
    this.#afterEnd({ terminated }, exit.exitCode);
    onChange();
  }

  /** Decides what follows an end: nothing more, at once again, or a crash loop's wait. */
  #afterEnd(state: ContainerState, exitCode: number): void {
    const { policy, limits, record } = this.#options;
    this.#ready = false;
    this.#started = false;
    this.#state = state;
    const restart = this.#stopping ? ({ kind: 'never' } as const) : restartOf(policy, exitCode, this.#ends, limits);
    if (restart.kind === 'never') {
      this.#dueMs = undefined;
      return;
    }
    this.#lastState = state;
    this.#restartCount++;
    if (restart.delayMs === 0) {
      this.#dueMs = 0;
      return;
    }
    const { name } = this.container;
    const pod = `${this.#pod.metadata.name}_${this.#pod.metadata.namespace}(${this.#pod.metadata.uid})`;
    const message = `Back-off restarting failed container ${name} in pod ${pod}`;
    record({ type: 'Warning', reason: 'BackOff', message, fieldPath: this.#fieldPath() });
    const why = `back-off ${goDuration(restart.delayMs)} restarting failed container=${name} pod=${pod}`;
    this.wait('CrashLoopBackOff', why, restart.delayMs);
  }

  #sleep(delayMs: number): void {
    const { clock, onChange } = this.#options;
    this.#dueMs = clock.now() + delayMs;
    this.#cancelWait();
    this.#cancelWait = clock.after(delayMs, () => {
      this.#dueMs = 0; // by the timer, not by the clock: a timer may fire some milliseconds before it
      onChange();
    });
  }

  #endProbes(): void {
    for (const loop of this.#loops) loop.stop();
    this.#loops = [];
  }

  #fieldPath(): string {
    return fieldPathOf(this.#pod, this.container.name);
  }
}

/** `spec.containers{web}` */
export function fieldPathOf(pod: Pod, name: string): string {
  const init = pod.spec.initContainers?.some((container) => container.name === name) ?? false;
  return `spec.${init ? 'initContainers' : 'containers'}{${name}}`;
}
