import { jsonEqual } from '../../base/index.ts';
import { type Container, conditionOf, isFinished, isTerminating, type Pod, type PodStatus } from '../kinds/index.ts';
import { ContainerRun } from './container-run.ts';
import type { Host } from './host.ts';
import { type Launch, launch } from './launch.ts';
import type { LogFile } from './log-file.ts';
import { podStatus } from './pod-status.ts';

/**
 * Brings one pod to what its spec says, as often as anything changes. Level-based: `kick` may be called at any time and
 * any number of times, one pass runs at a time.
 */
export class PodWorker {
  #pod: Pod;
  readonly #host: Host;
  readonly #init: readonly ContainerRun[];
  readonly #containers: readonly ContainerRun[];
  readonly #launch: Launch;
  #written: PodStatus | undefined;
  #podIp: string | undefined;
  #gone = false;
  #passes: Promise<void> | undefined;
  #again = false;

  constructor(pod: Pod, host: Host) {
    this.#pod = pod;
    this.#host = host;
    this.#written = pod.status;
    const initReason = 'PodInitializing';
    const hasInit = (pod.spec.initContainers?.length ?? 0) > 0;
    this.#init = (pod.spec.initContainers ?? []).map((container) => this.#runOf(container, initReason, true));
    this.#containers = pod.spec.containers.map((container) => {
      return this.#runOf(container, hasInit ? initReason : 'ContainerCreating', false);
    });
    this.#launch = launch(pod, host);
    this.#restore();
  }

  get pod(): Pod {
    return this.#pod;
  }

  update(pod: Pod): void {
    this.#pod = pod;
    this.kick();
  }

  /** A node controller that took the node for lost has said of the pod that it is not ready: it is told again how it is. */
  sayAgain(): void {
    const isReady = (status: PodStatus | undefined) => conditionOf(status?.conditions, 'Ready')?.status === 'True';
    if (!isReady(this.#written) || isReady(this.#pod.status)) return;
    this.#written = this.#pod.status;
    this.kick();
  }

  kick(): void {
    this.#again = true;
    this.#passes ??= this.#run().finally(() => {
      this.#passes = undefined;
    });
  }

  /** The pod is gone from the API: ends what runs and forgets everything. */
  async vanish(): Promise<void> {
    this.#gone = true;
    await this.#passes;
    await this.#stopAll(2_000);
    this.#release();
    this.#launch.clean();
  }

  /** The kubelet ends: so do the containers, but nothing is said about them and their data stays. */
  async close(graceMs: number): Promise<void> {
    this.#gone = true;
    await this.#stopAll(graceMs);
    await this.#passes;
    this.#release();
  }

  /** The open log of a container's present attempt. */
  openLog(container: string): LogFile | undefined {
    return [...this.#init, ...this.#containers].find((run) => run.container.name === container)?.log;
  }

  /** Number of the present attempt of a container, from 0. */
  attemptOf(container: string): { readonly attempt: number; readonly waiting: boolean } | undefined {
    const run = [...this.#init, ...this.#containers].find((other) => other.container.name === container);
    return run && { attempt: run.attempt, waiting: !run.running && run.view().state.waiting !== undefined };
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#gone) {
      this.#again = false;
      try {
        await this.#pass();
      } catch (error) {
        const { namespace, name } = this.#pod.metadata;
        this.#host.logger.warn(
          { pod: `${namespace}/${name}`, error: String(error) },
          'pod pass failed, will try again',
        );
        this.#host.clock.after(1_000, () => this.kick());
      }
    }
  }

  async #pass(): Promise<void> {
    if (isTerminating(this.#pod)) return this.#terminate();
    if (isFinished(this.#pod)) {
      this.#release();
      return;
    }
    this.#podIp ??= await this.#launch.takeAddress();
    if (await this.#startInit()) await Promise.all(this.#containers.map((run) => this.#startIfDue(run)));
    await this.#report();
  }

  /** One after the other; answers whether all are done and the containers may start. */
  async #startInit(): Promise<boolean> {
    for (const run of this.#init) {
      const sidecar = run.container.restartPolicy === 'Always';
      const done = () => (sidecar ? run.view().started : run.view().state.terminated?.exitCode === 0);
      if (done()) {
        if (sidecar) await this.#startIfDue(run);
        continue;
      }
      await this.#startIfDue(run);
      if (!done()) return false;
    }
    return true;
  }

  async #startIfDue(run: ContainerRun): Promise<void> {
    if (run.isDue() && this.#podIp !== undefined) await this.#launch.start(run, this.#podIp);
  }

  async #terminate(): Promise<void> {
    const { deletionGracePeriodSeconds } = this.#pod.metadata;
    const seconds = typeof deletionGracePeriodSeconds === 'number' ? deletionGracePeriodSeconds : 30;
    const running = [...this.#containers, ...this.#init].filter((run) => run.running);
    for (const { container } of running) {
      const message = `Stopping container ${container.name}`;
      this.#host.record(this.#pod, { type: 'Normal', reason: 'Killing', message }, container.name);
    }
    await this.#stopAll(seconds * 1000);
    // who counts this pod's outcome (a Job's finalizer) waits for a final phase
    await this.#report();
    const { namespace, name, uid } = this.#pod.metadata;
    await this.#host.events.flush();
    await this.#host.client.request({
      method: 'DELETE',
      path: `/api/v1/namespaces/${namespace}/pods/${name}`,
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } },
    });
  }

  async #stopAll(graceMs: number): Promise<void> {
    await Promise.all([...this.#containers, ...this.#init].map((run) => run.stop(graceMs)));
  }

  async #report(): Promise<void> {
    const status = podStatus({
      pod: { ...this.#pod, ...(this.#written === undefined ? {} : { status: this.#withForeign(this.#written) }) },
      init: this.#init.map((run) => run.view()),
      containers: this.#containers.map((run) => run.view()),
      podIp: this.#podIp && this.#host.shownAddress(this.#podIp),
      hostIp: this.#host.hostIp,
      ended: isTerminating(this.#pod) && ![...this.#containers, ...this.#init].some((run) => run.running),
      nowMs: this.#host.clock.now(),
    });
    if (this.#written !== undefined && jsonEqual(status, this.#written)) return;
    const answer = await this.#host.writeStatus(this.#pod, status);
    if (answer === 'written') this.#written = status;
    else if (answer === 'again') this.#host.clock.after(500, () => this.kick());
  }

  /** Conditions that others set since (readiness gates) are kept in what is written next. */
  #withForeign(written: PodStatus): PodStatus {
    const own = new Set(written.conditions?.map(({ type }) => type));
    const foreign = (this.#pod.status?.conditions ?? []).filter(({ type }) => !own.has(type));
    return { ...written, conditions: [...(written.conditions ?? []), ...foreign] };
  }

  #release(): void {
    if (this.#podIp !== undefined) this.#launch.releaseAddress(this.#podIp);
    this.#podIp = undefined;
  }

  #runOf(container: Container, reason: string, init: boolean): ContainerRun {
    const pod = this.#pod;
    const policy = pod.spec.restartPolicy ?? 'Always';
    const initPolicy = container.restartPolicy === 'Always' ? 'Always' : policy === 'Never' ? 'Never' : 'OnFailure';
    const options = {
      clock: this.#host.clock,
      limits: this.#host.restartLimits,
      policy: init ? (initPolicy as 'Always') : policy,
      onChange: () => this.kick(),
      record: (happening: Parameters<Host['record']>[1]) => this.#host.record(pod, happening),
    };
    return new ContainerRun(container, pod, options, reason);
  }

  #restore(): void {
    const { status } = this.#pod;
    for (const [runs, statuses] of [
      [this.#init, status?.initContainerStatuses],
      [this.#containers, status?.containerStatuses],
    ] as const) {
      for (const run of runs) {
        const before = statuses?.find(({ name }) => name === run.container.name);
        if (before !== undefined) run.restore(before, this.#launch.isReal(run.container));
      }
    }
  }
}
