/** A hub in memory for this room's tests: the real store, engine, placement and availability; agents are maps. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { availabilityProjector, createAvailability, defaultBudget, type MoveBudget } from '../availability/index.ts';
import {
  createIds,
  type Digest,
  digestOf,
  done,
  type Logger,
  limits,
  type Outcome,
  SimulatedClock,
  seededRandom,
  silentLogger,
  timestamp,
  unknown,
} from '../base/index.ts';
import type { ClusterRecord } from '../hub-agent/types.ts';
import type { Location } from '../plan/index.ts';
import type { AgentLink, Command, CommandOutput, ObjectReceipt, Observation } from '../protocol/index.ts';
import { createEngine, projectTransaction } from '../saga/index.ts';
import { type MemoryDisk, memoryStore } from '../store/index.ts';
import { createStacks, createStacksProjector, type StackSource } from './index.ts';

/** A cluster with its agent: what it holds, by `project/stack/name`. */
export interface FakeCluster {
  readonly record: ClusterRecord;
  readonly held: Map<string, { revision: number; bundle: Digest }>;
  /** What snapshots have read, by digest. */
  readonly preImages: Map<string, { revision: number; bundle: Digest } | null>;
  /** Namespaces, by name, with their uid. */
  readonly namespaces: Map<string, string>;
  /** Locations that leave a volume claim behind when they are removed. */
  readonly stateful: Set<string>;
  cut: boolean;
  lastHeartbeatMs: number | undefined;
}

export const timers = { heartbeatMs: 500, suspectAfterMs: 1_500, lostAfterMs: 3_000, backAfterMs: 6_000 };

export function fakeCluster(name: string, cpuMilli = 4_000, labels: Record<string, string> = {}): FakeCluster {
  const region = name.split('-')[0] ?? name;
  const record: ClusterRecord = {
    name,
    labels: { region, zone: name, env: 'prod', ...labels },
    taints: [],
    uid: null,
    joinedAt: '2026-01-01T00:00:00.000Z',
    publicKey: name,
    kubernetesVersion: 'v1.34.0',
    agentVersion: '0.1.0',
    apis: ['v1/ConfigMap', 'v1/Secret', 'v1/Service', 'v1/Namespace', 'apps/v1/Deployment'],
    capacity: {
      nodes: 1,
      readyNodes: 1,
      allocatable: { cpuMilli, memoryBytes: 2 ** 33, pods: 100 },
      requested: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
    },
  };
  return {
    ...{ record, held: new Map(), preImages: new Map(), namespaces: new Map(), stateful: new Set() },
    ...{ cut: false, lastHeartbeatMs: undefined },
  };
}

export function openBed(
  clusters: readonly FakeCluster[],
  disk?: MemoryDisk,
  clock = new SimulatedClock(),
  budget: MoveBudget = defaultBudget,
) {
  const random = seededRandom(1);
  const ids = createIds(clock, random);
  const byName = new Map(clusters.map((cluster) => [cluster.record.name, cluster]));
  const refuse = new Map<string, string>();
  const complaints: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    error: (fields, message) => void complaints.push(`${message}: ${JSON.stringify(fields)}`),
    child: () => logger,
  };
  const store = memoryStore({
    ...{ clock, random, logger },
    projectors: [projectTransaction, createStacksProjector(() => store.blobs), availabilityProjector],
    ...(disk === undefined ? {} : { disk }),
  });
  const told: string[] = [];
  const served = new Set<(cluster: string) => void>();
  const link = fakeLink(byName, clock, refuse, told);
  const room = createStacks({
    ...{ store, link, clock, ids, logger },
    engine: () => engine,
    registry: {
      clusters: () => clusters.map(({ record }) => record),
      cluster: (name) => clusters.find(({ record }) => record.name === name)?.record,
      observations: (name) => observationsOf(byName.get(name)),
      rename: () => assert.fail('no cluster is renamed here'),
    },
    health: (name) => availability.health(name),
  });
  const engine = createEngine({
    ...{ journal: store.journal, documents: store.documents, blobs: store.blobs, epoch: store.epoch },
    ...{ link, replan: room.replan, clock, random, ids, logger, limits },
  });
  const availability = createAvailability({
    ...{ journal: store.journal, documents: store.documents, stacks: room, engine, clock, timers, budget },
    logger,
    signals: {
      clusters: () => clusters.map(({ record }) => record),
      lastHeartbeatMs: (name) => byName.get(name)?.lastHeartbeatMs,
      onHeartbeat: () => () => {},
      onServed: (listener) => {
        served.add(listener);
        return () => served.delete(listener);
      },
    },
  });
  const beat = () => {
    for (const cluster of clusters) if (!cluster.cut) cluster.lastHeartbeatMs = clock.monotonic();
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 250) {
      beat();
      await clock.advance(250);
    }
  };
  const until = async (what: string, holds: () => boolean, mostMs = 120_000) => {
    for (let passed = 0; passed < mostMs; passed += 250) {
      if (holds()) return;
      await pass(250);
    }
    assert.fail(`never came true: ${what} ${complaints.join('; ')}`);
  };
  const ended = async (id: string) => {
    await until(`${id} ends`, () => engine.get(id)?.sealed === true || engine.get(id)?.state === 'stuck');
    const transaction = engine.get(id);
    assert.ok(transaction);
    return transaction;
  };
  const start = async () => {
    beat();
    await engine.start();
    await availability.start();
    await until('clusters are ready', () =>
      clusters.every(({ cut, record }) => cut || availability.health(record.name)?.health === 'ready'),
    );
  };
  return {
    ...{ told, complaints, store, room, engine, availability, clock, refuse, byName, pass, until, ended, start },
    served(name: string) {
      for (const listener of served) listener(name);
    },
  };
}

export type Bed = ReturnType<typeof openBed>;

/** Where the agents themselves hold a location, sorted. */
export function heldOn(bed: Bed, location: string): readonly string[] {
  return [...bed.byName]
    .filter(([, cluster]) => cluster.held.has(location))
    .map(([name]) => name)
    .sort();
}

function observationsOf(cluster: FakeCluster | undefined): readonly Observation[] {
  return [...(cluster?.held ?? [])].map(([key, { revision, bundle }]) => {
    const [project = '', stack = '', name = ''] = key.split('/');
    const location = {
      stack: { project, name: stack },
      kind: 'function',
      name,
      cluster: cluster?.record.name ?? '',
    } as const;
    return { location, revision, bundle, status: 'current', message: 'all objects are ready' };
  });
}

function fakeLink(
  clusters: ReadonlyMap<string, FakeCluster>,
  clock: SimulatedClock,
  refuse: Map<string, string>,
  told: string[],
): AgentLink {
  return {
    async execute(name, command, { timeoutMs, signal }): Promise<Outcome<CommandOutput>> {
      const cluster = clusters.get(name);
      told.push(`${command.body.kind}@${name}`);
      // a plan asks for rights while the simulated time stands still
      if (command.body.kind === 'access') return done({ kind: 'access', refusal: denied(refuse, name) });
      await clock.sleep(10, signal);
      if (cluster === undefined || cluster.cut) {
        await clock.sleep(Math.min(timeoutMs, 1_000), signal);
        return unknown('the line is cut');
      }
      const why = refuse.get(`${command.body.kind}@${name}`);
      if (why !== undefined)
        return { kind: 'refused', refusal: { kind: 'refusedByTest', message: why, hint: 'mend it' } };
      return done(act(cluster, command.body));
    },
    connected: (name) => clusters.get(name)?.cut === false,
    onChange: () => () => {},
  };
}

function denied(refuse: Map<string, string>, cluster: string) {
  const message = refuse.get(`access@${cluster}`);
  return message === undefined ? null : { kind: 'rightsMissing', message, hint: 'allow it' };
}

function nameOf({ stack, name }: Location): string {
  return `${stack.project}/${stack.name}/${name}`;
}

const KEPT_CLAIM: ObjectReceipt = {
  ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data-web-0' },
  ...{ change: 'kept', before: null, after: null, note: 'it holds data: a person deletes it' },
};

/** What an agent does to its map, and its account of it. */
function act(cluster: FakeCluster, body: Command['body']): CommandOutput {
  const key = 'location' in body ? nameOf(body.location) : '';
  const receipt: CommandOutput = { kind: 'receipt', objects: [], digest: digestOf(key) };
  switch (body.kind) {
    case 'snapshot': {
      const now = cluster.held.get(key) ?? null;
      const preImages = digestOf([key, now]);
      cluster.preImages.set(preImages, now);
      return { kind: 'snapshot', preImages, objects: 1, present: now === null ? 0 : 1 };
    }
    case 'ensure': {
      const absent = body.objects.filter(({ metadata: { name } }) => !cluster.namespaces.has(name));
      const created = absent.map(({ apiVersion, kind, metadata: { name } }) => {
        const uid = `uid-${cluster.record.name}-${name}`;
        cluster.namespaces.set(name, uid);
        return { apiVersion, kind, name, uid };
      });
      return { kind: 'ensure', created, existed: [] };
    }
    case 'undoEnsure':
      for (const { name, uid } of body.created) {
        if (cluster.namespaces.get(name) === uid) cluster.namespaces.delete(name);
      }
      return receipt;
    case 'dryRun':
      return { kind: 'dryRun', objects: 1, deferred: [], warnings: [] };
    case 'apply':
      cluster.held.set(key, { revision: body.revision, bundle: body.bundle });
      return receipt;
    case 'gate':
      return { kind: 'gate', ready: 1, tookMs: 1 };
    case 'readBack':
      return { kind: 'readBack', digest: digestOf(cluster.held.get(key) ?? null), objects: 1 };
    case 'remove':
      cluster.held.delete(key);
      return cluster.stateful.has(key) ? { ...receipt, objects: [KEPT_CLAIM] } : receipt;
    case 'undo': {
      const before = cluster.preImages.get(body.preImages) ?? null;
      if (before === null) cluster.held.delete(key);
      else cluster.held.set(key, before);
      return receipt;
    }
    case 'verify': {
      const [one] = body.locations;
      const place = one === undefined ? '' : nameOf(one.location);
      const [before, after] = [cluster.preImages.get(one?.preImages ?? '') ?? null, cluster.held.get(place) ?? null];
      const equal = digestOf(before) === digestOf(after);
      const ref = { apiVersion: 'v1', kind: 'Location', name: place };
      return {
        ...{ kind: 'verify', equal, kept: [], digestBefore: digestOf(before), digestAfter: digestOf(after) },
        differences: equal ? [] : [{ location: place, ref, field: '.', before, after }],
      };
    }
    case 'preview':
      return {
        kind: 'preview',
        objects: [{ ref: { apiVersion: 'v1', kind: 'ConfigMap', name: 'x' }, before: null, after: { a: 1 } }],
      };
    case 'prune':
      return receipt;
    case 'describe':
      return { kind: 'describe', reasons: [] };
    case 'cancel':
      return { kind: 'cancelled', command: body.command };
    default:
      throw new Error('no test here sends such a command');
  }
}

/** A stack of one or more functions, each a Deployment, a ConfigMap and a Secret. */
export function source(
  name: string,
  functions: readonly {
    name: string;
    min?: number;
    max?: number | 'all';
    spread?: string;
    cpu?: string;
    needs?: string[];
  }[],
  options: { version?: string; namespace?: string; extra?: string; password?: string; rollout?: string } = {},
): StackSource {
  const { version = '1', namespace = name, extra = '', password = 'hunter2', rollout = '' } = options;
  const blocks = functions.map(({ name: fn, min = 1, max = min, spread, needs }) =>
    [
      `    - name: ${fn}`,
      `      manifests: [ ./${fn}.yaml ]`,
      ...(needs === undefined ? [] : [`      needs: [ ${needs.join(', ')} ]`]),
      `      availability: { locations: { min: ${min}, max: ${max}${spread === undefined ? '' : `, spread: ${spread}`} } }`,
    ].join('\n'),
  );
  const stack = `apiVersion: ldc.dev/v1\nkind: Stack\nmetadata: { name: ${name} }\nspec:\n  namespace: ${namespace}\n  functions:\n${blocks.join('\n')}\n  rollout: { waves: [ 1, 100% ], soak: 0s${rollout} }\n${extra}`;
  const files = functions.map(({ name: fn, cpu = '100m' }) => [
    `${fn}.yaml`,
    [
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: ${fn} }\nspec:\n  replicas: 1\n  selector: { matchLabels: { app: ${fn} } }\n  template:\n    metadata: { labels: { app: ${fn} } }\n    spec: { containers: [ { name: c, image: "ldc.dev/http:${version}", resources: { requests: { cpu: ${cpu} } } } ] }`,
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${fn} }\ndata: { version: "${version}" }`,
      `apiVersion: v1\nkind: Secret\nmetadata: { name: ${fn} }\nstringData: { password: ${password} }`,
    ].join('\n---\n'),
  ]);
  return { path: 'stack.yaml', stack, files: Object.fromEntries(files) };
}

export const options = { actor: 'user:test', reason: null, ifBusy: 'wait' } as const;

export async function applied(bed: Bed, what: StackSource) {
  const result = await bed.room.apply(what, options);
  assert.equal(result.kind, 'submitted', JSON.stringify(result));
  assert.ok(result.kind === 'submitted');
  return bed.ended(result.transaction);
}

export const four = () => [fakeCluster('eu-1'), fakeCluster('us-1'), fakeCluster('eu-2'), fakeCluster('us-2')];

it('the bed starts with ready clusters and says what time it is', async () => {
  const bed = openBed(four());
  await bed.start();
  assert.deepEqual(
    bed.availability.clusters().map(({ health }) => health),
    ['ready', 'ready', 'ready', 'ready'],
  );
  assert.match(timestamp(bed.clock.now()), /Z$/);
  await bed.availability.stop();
});
