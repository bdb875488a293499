/** A hub in memory for the tests of api and cli: the real application over small fakes of what it calls. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createIds,
  type Digest,
  digestOf,
  done,
  type Entry,
  type Json,
  type JsonObject,
  type Logger,
  type Refusal,
  refused,
  SimulatedClock,
  seededRandom,
  silentLogger,
  systemClock,
  systemRandom,
  timestamp,
} from '../base/index.ts';
import type { ClusterRecord, JoinToken, Registry } from '../hub-agent/types.ts';
import type { Plan, StackRef } from '../plan/types.ts';
import type { Engine, StepView, TransactionState, TransactionView } from '../saga/types.ts';
import type {
  ApplyResult,
  DueWork,
  FunctionView,
  Insight,
  PlanResult,
  StackSource,
  StackSummary,
  Stacks,
} from '../stacks/types.ts';
import { memoryStore } from '../store/index.ts';
import { createApp } from './app.ts';
import type { Role } from './contract/index.ts';
import type { Services } from './services.ts';
import { createTokens } from './tokens.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const DIGEST: Digest = `sha256:${'ab'.repeat(32)}`;

export type FakeHub = Awaited<ReturnType<typeof startFakeHub>>;

export async function startFakeHub(more: Partial<Services> = {}) {
  const clock = new SimulatedClock(NOON);
  const store = memoryStore({
    clock,
    random: seededRandom(1),
    projectors: [],
    logger: silentLogger,
  });
  const logged: { fields: JsonObject; message: string }[] = [];
  const engine = fakeEngine(store.journal);
  const stacks = fakeStacks(engine);
  const registry = fakeRegistry();
  stacks.renameCluster = (name, to, actor, reason) => registry.rename(name, to, actor, reason);
  const intents = new Map<string, { intent: 'open' | 'cordoned' | 'draining'; reason: string | null }>();
  const services: Services = {
    version: '0.1.0',
    stacks,
    insight: fakeInsight,
    engine,
    registry,
    availability: {
      health: (cluster) => ({
        cluster,
        health: 'ready' as const,
        losses: 0,
        lostAt: null,
        since: timestamp(NOON),
        intent: intents.get(cluster)?.intent ?? 'open',
        intentReason: intents.get(cluster)?.reason ?? null,
      }),
      async setIntent(cluster, intent, _actor, reason) {
        intents.set(cluster, { intent, reason });
        return done(null);
      },
      status: () => ({
        timers: { heartbeatMs: 5_000, suspectAfterMs: 15_000, lostAfterMs: 30_000, backAfterMs: 60_000 },
        brakes: [],
        budget: { inFlight: 0, perTarget: {} } as never,
        cooldowns: [],
        waiting: [],
        belowMinimum: [{ project: 'default', stack: 'shop', function: 'checkout', seconds: 12.5, nowhereSeconds: 1 }],
        owed: [{ cluster: 'eu-2', locations: 3 }],
        quarantine: [],
      }),
    },
    journal: store.journal,
    documents: store.documents,
    renderPlan: (plan) => ({ text: `plan ${plan.kind}\n`, mermaid: 'flowchart LR\n' }),
    agentsUrl: 'https://hub.test:7421',
    fingerprintKey: new Uint8Array(32).fill(3),
    ready: () => ({ ready: true, checks: { store: true } }),
    clock: systemClock,
    random: systemRandom,
    ids: createIds(clock, seededRandom(2)),
    logger: recording(logged),
    ...more,
  };
  const { app, close } = createApp(services);
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const tokens = createTokens(services);
  const tokenFor = async (...roles: Role[]) => (await tokens.issue({ name: roles[0] ?? 'nobody', roles })).token;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    admin: await tokenFor('admin'),
    tokenFor,
    services,
    engine,
    stacks,
    registry,
    store,
    logged,
    /** Breaks every open line. */
    cutAll: () => server.closeAllConnections(),
    async close() {
      close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function recording(logged: { fields: JsonObject; message: string }[]): Logger {
  const write = (fields: JsonObject, message: string) => void logged.push({ fields, message });
  const logger: Logger = { debug() {}, info: write, warn: write, error: write, child: () => logger };
  return logger;
}

type Journal = Services['journal'];
export type FakeEngine = ReturnType<typeof fakeEngine>;

function fakeEngine(journal: Journal) {
  const views = new Map<string, TransactionView>();
  const listeners = new Set<(view: TransactionView, entries: readonly Entry[]) => void>();
  const change = async (id: string, type: string, next: Partial<TransactionView>) => {
    const view = { ...(views.get(id) as TransactionView), ...next };
    const entries = await journal.append([{ tx: id, type, actor: 'hub', data: { state: view.state } }]);
    views.set(id, view);
    for (const listener of listeners) listener(view, entries);
    return view;
  };
  const engine = {
    views,
    change,
    /** The way a deploy goes; ends in `outcome`. */
    async run(id: string, outcome: Extract<TransactionState, 'committed' | 'rolledBack' | 'stuck'>) {
      await change(id, 'tx.running', { state: 'running', startedAt: timestamp(NOON), waves: { done: 0, total: 2 } });
      const steps = [step('apply:checkout@eu-1', 'succeeded', 0), step('gate:checkout@us-1', 'started', 1)];
      await change(id, 'step.succeeded', { plan: { digest: DIGEST, steps }, waves: { done: 1, total: 2 } });
      if (outcome === 'stuck')
        return change(id, 'tx.stuck', { state: 'stuck', cause: notReady, stuck: stuckOf(notReady) });
      const rolledBack = outcome === 'rolledBack';
      return change(id, 'tx.sealed', {
        state: outcome,
        sealed: true,
        endedAt: timestamp(NOON + 1_000),
        cause: rolledBack ? notReady : null,
        rollback: rolledBack ? { verified } : null,
        waves: { done: 2, total: 2 },
        plan: { digest: DIGEST, steps: steps.map((one) => ({ ...one, status: rolledBack ? 'undone' : 'succeeded' })) },
      });
    },
    get: (id: string) => views.get(id),
    summary(id: string) {
      const view = views.get(id);
      return view && { ...view, plan: { digest: view.plan.digest, steps: view.plan.steps.length } };
    },
    list: ({ after, limit = 100, state, unfinished }: Parameters<Engine['list']>[0]) => {
      const all = [...views.values()]
        .filter((view) => (state === undefined || view.state === state) && !(unfinished && view.sealed))
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .filter((view) => after === undefined || view.id < after);
      const items = all.slice(0, limit);
      return {
        items: items.map((view) => ({ ...view, plan: { digest: view.plan.digest, steps: view.plan.steps.length } })),
        next: all.length > limit ? (items.at(-1)?.id ?? null) : null,
      };
    },
    plan: (id: string) => (views.has(id) ? plan('deploy') : undefined),
    events: (id: string, after = 0, limit?: number) => journal.chain(id, after, limit),
    async operate(id: string, operation: { verb: string }) {
      const view = views.get(id) as TransactionView;
      if (view.sealed)
        return refused({ kind: 'sealed', message: `it is ${view.state} and sealed`, hint: 'nothing more can be done' });
      const state = ({ pause: 'paused', abort: 'compensating' } as const)[operation.verb as 'pause'] ?? 'running';
      return done(await change(id, `tx.${operation.verb}`, { state }));
    },
    onChange(listener: (view: TransactionView, entries: readonly Entry[]) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    listeners,
  };
  return engine as typeof engine & Engine;
}

const notReady = {
  kind: 'notReady',
  message: 'checkout never got ready on us-1',
  where: 'default/shop/checkout@us-1',
  hint: 'look at its pods',
};

const verified = {
  equal: true,
  clusters: { 'eu-1': 'equal', 'us-1': 'equal' } as const,
  differences: [],
  kept: [],
  digestBefore: DIGEST,
  digestAfter: DIGEST,
};

function step(id: string, status: StepView['status'], wave: number): StepView {
  const [action = '', location = ''] = id.split(':');
  const cluster = location.split('@')[1] ?? '';
  return { id, action, phase: 'running', kind: 'compensatable', wave, cluster, location, status, attempts: 1 };
}

export function plan(kind: Plan['kind']): Plan {
  return {
    v: 1,
    digest: DIGEST,
    kind,
    stack: { project: 'default', name: 'shop' },
    revision: 1,
    baseRevision: 0,
    steps: [],
    locks: [],
    locations: [],
    changes: [],
    reasons: [],
    rollout: { soakMs: 0, deadlineMs: 600_000, approval: 'none', onFailure: 'rollback', onLostCluster: 'replace' },
    minimum: { checkout: 2 },
    irreversible: [],
  };
}

let made = 0;
export function transaction(kind: TransactionView['kind'], actor: string): TransactionView {
  return {
    id: `tx-${String(++made).padStart(12, '0')}`,
    kind,
    stack: { project: 'default', name: 'shop' },
    revision: 1,
    baseRevision: 0,
    state: 'queued',
    plan: { digest: DIGEST, steps: [] },
    waves: { done: 0, total: 2 },
    cause: null,
    rollback: null,
    owed: [],
    forced: false,
    actor,
    reason: null,
    createdAt: timestamp(NOON),
    startedAt: null,
    endedAt: null,
    deadlineAt: null,
    sealed: false,
  };
}

const checkout: FunctionView = {
  project: 'default',
  stack: 'shop',
  function: 'checkout',
  min: 2,
  max: 3,
  healthy: 1,
  locations: [
    location('eu-1', 'current', 'ready', []),
    location('us-1', 'failed', 'Deployment checkout: 0 of 2 pods are ready', [
      {
        ref: { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'checkout-1' },
        reason: 'ImagePullBackOff',
        message: 'no such image',
        events: [{ type: 'Warning', reason: 'Failed', message: 'pulling ldc.dev/nope failed', count: 3 }],
        logs: [],
        causes: [],
      },
    ]),
  ],
};

function location(cluster: string, status: 'current' | 'failed', message: string, reasons: JsonObject[]) {
  const region = cluster.split('-')[0] ?? null;
  return { cluster, region, revision: 1, bundle: DIGEST, status, message, replicas: 2, reasons };
}

function fakeStacks(engine: ReturnType<typeof fakeEngine>) {
  const summaries = new Map<string, StackSummary>();
  const asked: { readonly use: string; readonly source?: StackSource; readonly options?: unknown }[] = [];
  const submit = async (kind: TransactionView['kind'], actor: string): Promise<ApplyResult> => {
    const view = transaction(kind, actor);
    engine.views.set(view.id, view);
    await engine.change(view.id, 'tx.created', {});
    return { kind: 'submitted', transaction: view.id, transactionKind: kind };
  };
  const planned = (kind: Plan['kind']): PlanResult => ({
    kind: 'planned',
    plan: plan(kind),
    text: `${kind} default/shop revision 1\n  + checkout on eu-1, us-1\n`,
    mermaid: 'flowchart LR\n',
  });
  const check = (source: StackSource): PlanResult | undefined => {
    if (source.stack.includes('broken')) return { kind: 'invalid', problems: [broken(source.path)] };
    if (source.stack.includes('homeless'))
      return {
        kind: 'refused',
        refusal: { kind: 'noPlacement', message: 'checkout needs 2 clusters; 1 fits', hint: 'ldc cluster join' },
        reasons: [{ function: 'checkout', cluster: 'us-1', taken: false, reason: 'no room: needs 2 CPU, has 1' }],
      };
    return undefined;
  };
  const keyOf = ({ project, name }: StackRef) => `${project}/${name}`;
  /** What is owed on clusters; a test adds to it. */
  const due: DueWork[] = [];
  const stacks = {
    asked,
    summaries,
    put(name: string, revision = 1, transaction: string | null = null) {
      const summary: StackSummary = {
        project: 'default',
        name,
        labels: {},
        revision,
        state: 'degraded',
        functions: [checkout],
        databases: [],
        transaction,
        updatedAt: timestamp(NOON),
      };
      summaries.set(keyOf(summary), summary);
    },
    validate: (source: StackSource) => ({ problems: source.stack.includes('broken') ? [broken(source.path)] : [] }),
    plan: async (source: StackSource) => check(source) ?? planned('deploy'),
    async apply(source: StackSource, options: { actor: string }): Promise<ApplyResult> {
      asked.push({ use: 'apply', source, options });
      const wrong = check(source);
      if (wrong?.kind === 'invalid' || wrong?.kind === 'refused') return wrong;
      if (source.stack.includes('same')) return { kind: 'nothing', message: 'shop is at this revision already' };
      return submit('deploy', options.actor);
    },
    async rollback(_ref: StackRef, to: unknown, options: { actor: string }) {
      asked.push({ use: 'rollback', options: { to, ...options } });
      return submit('rollback', options.actor);
    },
    retire: (_ref: StackRef, options: { actor: string }) => submit('retire', options.actor),
    planRollback: async () => planned('rollback'),
    planRetire: async () => planned('retire'),
    diff: async () =>
      done([
        {
          location: 'default/shop/checkout@eu-1',
          ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'checkout' },
          change: 'update' as const,
          before: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'checkout' }, spec: { replicas: 1 } },
          after: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'checkout' }, spec: { replicas: 2 } },
        },
      ]),
    list: ({ after, limit = 100 }: { after?: string; limit?: number }) => {
      const all = [...summaries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      const rest = all.filter(({ name }) => after === undefined || name > after);
      const items = rest.slice(0, limit);
      return { items, next: rest.length > limit ? (items.at(-1)?.name ?? null) : null };
    },
    get: (ref: StackRef) => summaries.get(keyOf(ref)),
    describe: (ref: StackRef) => {
      const summary = summaries.get(keyOf(ref));
      if (summary === undefined) return undefined;
      const reasons = [
        { function: 'checkout', cluster: 'eu-1', taken: true, reason: 'best score', score: 3 },
        { function: 'checkout', cluster: 'us-2', taken: false, reason: 'cordoned' },
      ];
      return { summary, source: 'kind: Stack\n', reasons, changes: [] };
    },
    revisions: () =>
      [1, 2, 3].map((revision) => ({
        revision,
        digest: digestOf(revision),
        createdAt: timestamp(NOON + revision),
        actor: 'user:ann',
        transaction: `tx-${String(revision).padStart(12, '0')}`,
        state: revision === 3 ? ('committed' as const) : ('superseded' as const),
      })),
    functions: () => [checkout],
    whatIf: (lose: { readonly [label: string]: string }) => ({
      lose: Object.entries(lose).flat().join('='),
      clusters: ['eu-1', 'eu-2'],
      functions: [
        {
          project: 'default',
          stack: 'shop',
          function: 'checkout',
          min: 2,
          left: 1,
          replacement: 'found' as const,
          to: ['us-2'],
          missing: null,
        },
      ],
      survives: true,
    }),
    onCluster: (cluster: string) =>
      cluster === 'eu-1'
        ? [{ stack: { project: 'default', name: 'shop' }, location: 'checkout@eu-1', wanted: true, owed: false }]
        : cluster === 'us-1'
          ? [{ stack: { project: 'default', name: 'shop' }, location: 'cart@us-1', wanted: false, owed: false, kept }]
          : [],
    dueOn: (cluster: string) => due.filter(({ location }) => location.endsWith(`@${cluster}`)),
    due,
  };
  return stacks as unknown as typeof stacks & Stacks;
}

/** Every function is well, and has one line to say on eu-1. */
const fakeInsight: Insight = {
  reasons: async () => done([]),
  drifts: () =>
    done([
      {
        ...{ cluster: 'eu-1', location: 'default/shop/checkout@eu-1', repaired: true },
        ...{ at: '2026-01-01T00:00:00.000Z', journaledAt: '2026-01-01T00:00:00.500Z' },
        message: 'ConfigMap shop/settings was changed by kubectl-edit: .data.mode "good" → "bad"',
      },
    ]),
  stream: () =>
    done([
      {
        cluster: 'eu-1',
        async *follow() {
          const of = { cluster: 'eu-1', function: 'checkout' };
          yield [{ kind: 'line', ...of, pod: 'checkout-1', container: 'c', at: timestamp(NOON), line: 'hello' }];
          yield [{ kind: 'end', cluster: 'eu-1' }];
        },
      },
    ]),
};

const kept = [
  { ref: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data-cart-0' }, why: 'it holds data: a person deletes it' }, // biome-ignore format: one object
];

function broken(path: string) {
  return {
    file: path,
    line: 3,
    column: 5,
    path: 'spec.functions[0].name',
    message: 'unknown field "nmae"',
    hint: 'did you mean "name"?',
  };
}

function fakeRegistry() {
  const records = new Map<string, ClusterRecord>(['eu-1', 'eu-2', 'us-1'].map((name) => [name, cluster(name)]));
  const tokens: JoinToken[] = [];
  const forgotten: { name: string; reason: string; told: readonly Json[] }[] = [];
  const registry: Partial<Registry> & { records: typeof records; forgotten: typeof forgotten } = {
    ...{ records, forgotten },
    clusters: () => [...records.values()],
    cluster: (name) => records.get(name),
    connected: (name) => name !== 'us-1',
    lastHeartbeatMs: () => undefined,
    async setLabels(name, labels, taints) {
      const record = { ...(records.get(name) as ClusterRecord), labels, taints };
      records.set(name, record);
      return done(record);
    },
    async createToken({ uses, ttlMs, labels, actor }) {
      const record: JoinToken = {
        id: `join-${tokens.length + 1}`,
        createdAt: timestamp(NOON),
        expiresAt: timestamp(NOON + ttlMs),
        usesLeft: uses,
        createdBy: actor,
        labels,
      };
      tokens.push(record);
      return done({ token: `secret-join-text-${tokens.length}`, record });
    },
    tokens: () => tokens,
    async revokeToken(id) {
      const at = tokens.findIndex((token) => token.id === id);
      tokens.splice(at, 1);
      return done(null);
    },
    leave: async (_name, orphan) =>
      done({
        kind: 'left' as const,
        objects: 3,
        remains: orphan
          ? []
          : [{ what: 'Namespace shop', why: 'it holds data', command: `kubectl delete namespace shop` }],
      }),
    async rename(name, to) {
      const record = { ...(records.get(name) as ClusterRecord), name: to };
      records.delete(name);
      records.set(to, record);
      return done(record);
    },
    async remove(name, _actor, reason, told = []) {
      forgotten.push({ name, reason, told });
      records.delete(name);
      return done(null);
    },
  };
  return registry as Registry & { records: typeof records; forgotten: typeof forgotten };
}

function cluster(name: string): ClusterRecord {
  return {
    name,
    labels: { region: name.split('-')[0] ?? '', env: 'prod' },
    taints: [],
    uid: null,
    joinedAt: timestamp(NOON),
    publicKey: 'aa',
    kubernetesVersion: 'v1.34.1',
    agentVersion: '0.1.0',
    apis: ['apps/v1/Deployment'],
    capacity: null,
  };
}

function stuckOf(why: Refusal): NonNullable<TransactionView['stuck']> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'settings' };
  return {
    since: timestamp(NOON),
    why: { ...why, message: 'the undo of 1 step(s) is refused' },
    left: [
      { cluster: 'eu-1', step: 'apply:checkout@eu-1', objects: [{ ref, why: 'it is immutable' }], why: 'refused' },
    ],
    more: 2,
    choices: [
      { verb: 'retry', does: 'tries it again', needsReason: false },
      { verb: 'skip', does: 'goes on without it', needsReason: true },
    ],
  };
}
