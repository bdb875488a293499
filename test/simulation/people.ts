/** What people want of the small world: two stacks of a few ConfigMaps. */
import { deriveRandom, type Random, randomInt } from '../../src/base/index.ts';
import type { ApplyResult, StackSource } from '../../src/stacks/index.ts';
import type { World } from './world.ts';

/** Stacks of the small world, and how many objects each location of theirs has. */
export const STACKS = { web: 3, api: 2 } as const;
export type StackName = keyof typeof STACKS;

export function sourceOf(name: StackName, version: string): StackSource {
  const objects = Array.from({ length: STACKS[name] }, (_, index) =>
    ['apiVersion: v1', 'kind: ConfigMap', `metadata: { name: c${index} }`, `data: { version: "${version}" }`].join(
      '\n',
    ),
  );
  const stack = [
    'apiVersion: ldc.dev/v1',
    'kind: Stack',
    `metadata: { name: ${name} }`,
    'spec:',
    `  namespace: ${name}`,
    '  functions:',
    '    - name: fn',
    '      manifests: [ ./fn.yaml ]',
    '      availability: { locations: { min: 2, max: 2 } }',
    '  rollout: { waves: [ 1, 100% ], soak: 0s, minReady: 0s }',
    '',
  ].join('\n');
  return { path: 'stack.yaml', stack, files: { 'fn.yaml': objects.join('\n---\n') } };
}

const APPLY_EVERY_MS = 15_000;
const OPERATE_EVERY_MS = 30_000;
const EDIT_EVERY_MS = 40_000;
const NAMES = Object.keys(STACKS) as StackName[];

export interface People {
  readonly counts: { applies: number; rollbacks: number; retires: number; operations: number; edits: number };
  /** From now on they only help what waits for a person. */
  calm(): void;
  /** Answers what waits: a pause, an approval, one that is stuck. */
  help(): void;
}

export function startPeople(world: World): People {
  return new Crowd(world);
}

class Crowd implements People {
  readonly counts = { applies: 0, rollbacks: 0, retires: 0, operations: 0, edits: 0 };
  readonly #world: World;
  readonly #random: Random;
  readonly #edits: boolean;
  #calm = false;
  #version = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = deriveRandom(world.seed, 'people');
    this.#edits = this.#random.next() < 0.3;
    const operates = this.#random.next() < 0.5;
    this.#wish();
    this.#again(APPLY_EVERY_MS, () => this.#wish());
    if (operates) this.#again(OPERATE_EVERY_MS, () => this.#operate());
    if (this.#edits) this.#again(EDIT_EVERY_MS, () => this.#edit());
  }

  #again(everyMs: number, run: () => void): void {
    this.#world.clock.after(this.#random.next() * 2 * everyMs, () => {
      if (this.#calm) return;
      run();
      this.#again(everyMs, run);
    });
  }

  #pick<T>(all: readonly T[]): T {
    return all[randomInt(this.#random, all.length)] as T;
  }

  #wish(): void {
    const name = this.#pick(NAMES);
    const ifBusy = this.#pick(['wait', 'wait', 'fail', 'replace'] as const);
    const drawn = this.#random.next();
    const version = String(++this.#version);
    const hub = this.#world.hub;
    if (hub?.rooms === undefined) return;
    const { stacks, engine } = hub.rooms;
    const options = { actor: 'person', reason: null, ifBusy };
    const stack = { project: 'default', name };
    const ask = (): Promise<ApplyResult> => {
      if (drawn < 0.75) {
        this.counts.applies++;
        return stacks.apply(sourceOf(name, version), options);
      }
      if (drawn < 0.9) {
        this.counts.rollbacks++;
        return stacks.rollback(stack, 'previous', options);
      }
      this.counts.retires++;
      return stacks.retire(stack, options);
    };
    const told = async () => {
      const result = await hub.process.alive(ask());
      if (result.kind !== 'submitted') return;
      const { id, state, sealed } = await hub.process.alive(engine.finished(result.transaction));
      this.#world.tell({ kind: 'told', transaction: id, state, sealed });
    };
    // a disk that fails answers a person with an error: nothing was promised
    told().catch(() => {});
  }

  #operate(): void {
    const verb = this.#pick(['abort', 'pause', 'resume', 'retry', 'approve'] as const);
    const hub = this.#world.hub;
    const open = hub?.rooms?.engine.list({ unfinished: true }).items ?? [];
    if (open.length === 0) return;
    this.counts.operations++;
    hub?.rooms?.engine.operate(this.#pick(open).id, { verb }, 'person', null).catch(() => {});
  }

  #edit(): void {
    const namespace = this.#pick(NAMES);
    const cluster = this.#world.clusters.get(this.#pick([...this.#world.clusters.keys()]));
    const body = this.#pick([
      { data: { version: 'edited' } },
      { data: { own: 'x' } },
      { metadata: { labels: { own: 'x' } } },
    ]);
    if (cluster?.api.store.get('configmaps', namespace, 'c0') === undefined) return;
    this.counts.edits++;
    const path = `/api/v1/namespaces/${namespace}/configmaps/c0`;
    const contentType = 'application/merge-patch+json';
    cluster.api.handle({ method: 'PATCH', path, contentType, body, query: { fieldManager: 'person' } });
  }

  calm(): void {
    this.#calm = true;
  }

  help(): void {
    const engine = this.#world.hub?.rooms?.engine;
    for (const { id, state } of engine?.list({ unfinished: true }).items ?? []) {
      const verb = ({ stuck: 'retry', paused: 'resume', awaitingApproval: 'approve' } as const)[state as 'stuck'];
      if (verb !== undefined) engine?.operate(id, { verb }, 'helper', null).catch(() => {});
    }
  }
}
