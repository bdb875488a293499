/** Plays a script on one server: what it answered, normalised. */
import { applyPatch, type Operation } from 'rfc6902';
import { isObject, type Json, type JsonObject } from '../../src/base/index.ts';
import { type Line, openLine, parsed, type Sent } from './exchange.ts';
import { type Hook, startHook } from './hook.ts';
import { normalise } from './normalise.ts';
import { readPath } from './placeholders.ts';
import type { Answer, Script, Step, Target } from './types.ts';

const POLL_MS = 50;
const POLLS_MAX = 400;
const COMPARED_HEADERS = ['content-type', 'warning', 'retry-after', 'cache-control'];

export interface Played {
  readonly step: Step;
  readonly answer: Answer;
}

/** One run on one server; what later steps refer to is remembered here. */
export class Player {
  readonly #line: Line;
  readonly #known: Map<string, Json>;
  readonly #own: { readonly [shown: string]: string };

  /** @param hook the webhook that `{{hook.url}}` and `{{hook.caBundle}}` of the script mean. */
  constructor(target: Target, run: string, script: string, hook?: Hook) {
    this.#line = openLine(target);
    const namespace = `${run}-${script}`;
    this.#known = new Map<string, Json>([
      ['run', run],
      ['ns', namespace],
      ...(hook === undefined ? [] : [['hook', { url: hook.url, caBundle: hook.caBundle }] as const]),
    ]);
    this.#own = { ...(hook === undefined ? {} : { '<hook>': hook.url }), '<ns>': namespace, '<run>': run };
  }

  /** What a controller manager gives a new namespace, for servers that run without one. */
  async furnish(): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const create = async (path: string, object: JsonObject): Promise<void> => {
      const { status, text } = await this.#line.send({
        method: 'POST',
        path: this.#fill(path) as string,
        headers,
        body: JSON.stringify(this.#fill(object)),
      });
      if (status !== 201 && status !== 409) throw new Error(`${path}: ${status} ${text}`);
    };
    await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: '{{ns}}' } });
    const home = '/api/v1/namespaces/{{ns}}';
    await create(`${home}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
  }

  async step(step: Step): Promise<Answer> {
    const sent = await this.#sent(step);
    const body = parsed(sent.text, step.during !== undefined);
    if (step.keep !== undefined) this.#known.set(step.keep, body);
    const headers = Object.fromEntries(
      COMPARED_HEADERS.flatMap((name) => {
        const value = sent.headers[name];
        if (value === undefined) return [];
        return [[name, normalise(Array.isArray(value) ? value.join(', ') : value, this.#own) as string]];
      }),
    );
    return { status: sent.status, headers, body: normalise(body, this.#own) };
  }

  /** The body of an earlier answer, as the server sent it. */
  kept(name: string): Json | undefined {
    return this.#known.get(name);
  }

  close(): void {
    this.#line.close();
  }

  async #sent(step: Step): Promise<Sent> {
    const body = this.#body(step);
    const ask = {
      method: step.method,
      path: this.#fill(step.path) as string,
      headers: this.#fill(headersOf(step)) as { [name: string]: string },
      ...(body === undefined ? {} : { body }),
    };
    const { during } = step;
    if (during !== undefined) {
      const run = async () => {
        for (const inner of during) await this.step(inner);
      };
      return this.#line.watch(ask, step.events ?? during.length, run);
    }
    for (let polls = 0; ; polls++) {
      const sent = await this.#line.send(ask);
      if (step.until === undefined || sent.status === step.until || polls >= POLLS_MAX) return sent;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #body(step: Step): string | undefined {
    if (step.from !== undefined) {
      const base = this.#known.get(step.from.kept);
      if (!isObject(base)) throw new Error(`${step.name}: no answer is kept as ${step.from.kept}`);
      const changed = structuredClone(base);
      const operations = this.#fill(step.from.changes as Json) as unknown as Operation[];
      const problem = applyPatch(changed, operations).find((error) => error !== null);
      if (problem !== undefined) throw new Error(`${step.name}: ${problem.message}`);
      return JSON.stringify(changed);
    }
    if (step.body === undefined) return undefined;
    const filled = this.#fill(step.body);
    return typeof filled === 'string' ? filled : JSON.stringify(filled);
  }

  #fill(value: Json): Json {
    if (typeof value === 'string') {
      const whole = /^\{\{=([^}]+)\}\}$/.exec(value)?.[1];
      if (whole !== undefined) return readPath(this.#known, whole);
      return value.replaceAll(/\{\{([^}]+)\}\}/g, (_, path: string) => String(readPath(this.#known, path)));
    }
    if (Array.isArray(value)) return value.map((item) => this.#fill(item as Json));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.#fill(key) as string, this.#fill(item as Json)]),
    );
  }
}

function headersOf(step: Step): { readonly [name: string]: string } {
  const hasBody = step.body !== undefined || step.from !== undefined;
  return hasBody ? { 'Content-Type': 'application/json', ...step.headers } : { ...step.headers };
}

/** All steps of a script in order. */
export async function play(target: Target, run: string, script: Script): Promise<readonly Played[]> {
  const hook = JSON.stringify(script).includes('{{hook.') ? await startHook() : undefined;
  const player = new Player(target, run, script.name, hook);
  try {
    await player.furnish();
    const played: Played[] = [];
    for (const step of script.steps) played.push({ step, answer: await player.step(step) });
    return played;
  } finally {
    player.close();
    await hook?.close();
  }
}
