import type { Clock, KubeObject, Logger } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import { eventNamespace, type Happening, happeningKey, newEvent } from '../kinds/index.ts';

const KNOWN_MAX = 4_096;

/** Writes Events over HTTP, in order, without making anyone wait; the same happening again raises the count. */
export class EventWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #known = new Map<string, { path: string; count: number }>();
  #tail: Promise<void> = Promise.resolve();
  #sequence = 0;

  constructor(client: Client, clock: Clock, logger: Logger) {
    this.#client = client;
    this.#clock = clock;
    this.#logger = logger;
  }

  record(host: string, happening: Happening): void {
    this.#tail = this.#tail.then(() => this.#write(host, happening));
  }

  /** Resolves when everything recorded so far was sent. */
  flush(): Promise<void> {
    return this.#tail;
  }

  async #write(host: string, happening: Happening): Promise<void> {
    const key = happeningKey(happening);
    const known = this.#known.get(key);
    if (known !== undefined && (await this.#repeat(key, known))) return;
    const event = newEvent(happening, { component: 'kubelet', host }, this.#clock.now(), this.#sequence++);
    const path = `/api/v1/namespaces/${eventNamespace(happening.about)}/events`;
    const answer = await this.#client.request({ method: 'POST', path, body: event });
    if (answer.kind === 'answered' && answer.status < 300) this.#remember(key, `${path}/${event.metadata.name}`, 1);
    else this.#logger.debug({ reason: happening.reason }, 'an event was not taken');
  }

  async #repeat(key: string, { path, count }: { path: string; count: number }): Promise<boolean> {
    const lastTimestamp = `${new Date(this.#clock.now()).toISOString().slice(0, 19)}Z`;
    const body = { count: count + 1, lastTimestamp } as unknown as KubeObject;
    const contentType = 'application/merge-patch+json';
    const answer = await this.#client.request({ method: 'PATCH', path, body, contentType });
    if (answer.kind === 'unreachable') return true;
    if (answer.status >= 300) return false;
    this.#remember(key, path, count + 1);
    return true;
  }

  #remember(key: string, path: string, count: number): void {
    this.#known.delete(key);
    this.#known.set(key, { path, count });
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }
}
