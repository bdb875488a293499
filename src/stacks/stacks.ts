/** The use cases behind REST, CLI, availability and drills. Each reads, plans, keeps what the plan names, and submits. */
import { type Digest, limits, refused } from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import { whatIf } from '../placement/index.ts';
import { locationId, type Plan, planMermaid, planText, type StackRef, type TransactionKind } from '../plan/index.ts';
import type { Replan } from '../saga/types.ts';
import { type Adoption, type AdoptionReport, adoptLate } from './adopt.ts';
import { previewPlan } from './diff.ts';
import { createMoves } from './moves.ts';
import { effectOf, type Permitted, permitted, whenPermitted } from './permitted.ts';
import { type Planned, planDeploy, planRetirement } from './planning.ts';
import {
  bodies,
  collections,
  type LocationRecord,
  locationsOf,
  locationsOn,
  OWED,
  present,
  type RevisionRecord,
  revisionRecord,
  type StackRecord,
  stackId,
  stackRecord,
} from './records.ts';
import { renameCluster } from './rename.ts';
import { createReplan } from './replan.ts';
import { createRoom, type Room, type StacksPorts, undefinedContent } from './room.ts';
import { type CutStack, keepSource, outlineOf, readSource, shownSource } from './source.ts';
import { handIn, keepPlanned, submit } from './submit.ts';
import type { ApplyOptions, ApplyResult, Moves, PlanResult, StackSource, Stacks } from './types.ts';
import { functionsOf, revisionsOf, summaryOf } from './views.ts';

export interface StacksRoom extends Stacks, Moves {
  readonly replan: Replan;
  /** What an agent is told when it connects: all that is wanted there and that no transaction is at. */
  desired(cluster: string): readonly LocationRecord[];
  /** What a cluster says that was not heard when this hub was armed again; answers what was taken over. */
  adopt(report: AdoptionReport, reason: string): Promise<readonly Adoption[]>;
}

/** What the last plans shown would do, by their digest: scores in a plan's reasons change from moment to moment. */
const SHOWN_MAX = 1_000;

export function createStacks(ports: StacksPorts): StacksRoom {
  const room = createRoom(ports);
  return {
    ...createQueries(room),
    ...createCommands(room),
    ...createMoves(room),
    renameCluster: (name, to, actor, reason) => renameCluster({ name, to, actor, reason }, room),
    replan: createReplan(room),
    desired: (cluster) => desiredOn(cluster, room),
    adopt: (report, reason) => adoptLate(report, reason, room),
  };
}

function desiredOn(cluster: string, room: Room): readonly LocationRecord[] {
  const { documents } = room.store;
  const locked = new Map<string, ReadonlySet<string>>();
  const locksOf = (stack: StackRef): ReadonlySet<string> => {
    const key = stackId(stack);
    const known = locked.get(key);
    if (known !== undefined) return known;
    const ids = stackRecord(documents, stack)?.transactions ?? [];
    const begun = ids.filter((id) => room.engine().summary(id)?.state !== 'queued');
    locked.set(key, new Set(begun.flatMap((id) => room.engine().plan(id)?.locks ?? [])));
    return locked.get(key) ?? new Set();
  };
  // what is owed is a settle's to bring: an agent that brought it by itself would write behind the settle's snapshot
  const owed = new Set(documents.list(OWED, { prefix: `${cluster}/` }).map(({ body }) => body.location));
  return present(locationsOn(documents, cluster)).filter(
    ({ location }) => !locksOf(location.stack).has(locationId(location)) && !owed.has(locationId(location)),
  );
}

type Commands = Pick<
  Stacks,
  'validate' | 'plan' | 'apply' | 'rollback' | 'retire' | 'planRollback' | 'planRetire' | 'diff'
>;

function createCommands(room: Room): Commands {
  const { cutKey } = room.store.secrets;
  const shown = createShown();
  return {
    validate(source) {
      const read = readSource(source, cutKey);
      return { problems: read.kind === 'invalid' ? read.problems : [] };
    },
    async plan(source) {
      const read = readSource(source, cutKey);
      if (read.kind === 'invalid') return read;
      const { resolved } = read.stack;
      const make = () => planDeploy({ kind: 'deploy', resolved, revision: nextRevision(resolved, room) }, room);
      return shown.result(await permitted(make, resolved.namespace, room));
    },
    async apply(source, options) {
      const read = readSource(source, cutKey);
      if (read.kind === 'invalid') return read;
      return room.serially(read.stack.resolved, () => apply(source, read.stack, options, shown, room));
    },
    rollback: (stack, to, options) => room.serially(stack, () => rollback(stack, to, options, shown, room)),
    retire: (stack, options) => room.serially(stack, () => retire(stack, options, shown, room)),
    async planRollback(stack, to) {
      const target = rollbackTarget(stack, to, room);
      if (target.kind === 'refused') return { ...target, reasons: [] };
      const resolved = room.resolved(target.revision);
      const make = () => planDeploy({ kind: 'rollback', resolved, revision: nextRevision(stack, room) }, room);
      return shown.result(await permitted(make, resolved.namespace, room));
    },
    async planRetire(stack) {
      const committed = room.committed(stack);
      if (committed === undefined) return { ...notCommitted(stack, room), reasons: [] };
      const resolved = room.resolved(committed);
      return shown.result(await permitted(() => retirement(stack, resolved, room), resolved.namespace, room));
    },
    async diff(source) {
      const read = readSource(source, cutKey);
      if (read.kind === 'invalid') {
        const { problems } = read;
        return refused({
          kind: 'invalid',
          message: `${problems.length} problems in ${source.path}`,
          hint: 'mend what is listed and send it again',
          details: problems.map((each) => ({ ...each })),
        });
      }
      const { resolved, values } = read.stack;
      const planned = planDeploy({ kind: 'deploy', resolved, revision: nextRevision(resolved, room) }, room);
      if (planned.kind === 'refused') return planned;
      await keepPlanned({ ...planned, values: new Map([...values, ...planned.values]) }, room);
      return previewPlan(planned.plan, room);
    },
  };
}

async function apply(
  source: StackSource,
  stack: CutStack,
  options: ApplyOptions,
  shown: Shown,
  room: Room,
): Promise<ApplyResult> {
  const { resolved, digest } = stack;
  const ref = { project: resolved.project, name: resolved.name };
  const revision = nextRevision(ref, room);
  const make = () => planDeploy({ kind: 'deploy', resolved, revision }, room);
  const keep = async () => {
    const kept = await keepSource(room.store, source, stack);
    return { stack: ref, revision, ...outlineOf(resolved), ...kept };
  };
  return whenPermitted<ApplyResult>(make, resolved.namespace, room, (planned) => {
    const committed = room.committed(ref);
    if (committed?.resolved === digest && planned.plan.steps.length === 0 && !isChanging(ref, room)) {
      return { kind: 'nothing', message: `${stackId(ref)} is at revision ${committed.revision}, which says the same` };
    }
    return shown.changed(planned.plan, options) ?? handIn(planned, keep, options, room);
  });
}

async function rollback(
  stack: StackRef,
  to: number | 'previous',
  options: ApplyOptions,
  shown: Shown,
  room: Room,
): Promise<ApplyResult> {
  const target = rollbackTarget(stack, to, room);
  if (target.kind === 'refused') return target;
  const { labels, functions, databases, resolved: content, source, revision: old } = target.revision;
  const revision = nextRevision(stack, room);
  const resolved = room.resolved(target.revision);
  const make = () => planDeploy({ kind: 'rollback', resolved, revision }, room);
  const written = {
    stack: { ...target.revision.stack },
    revision,
    labels,
    functions,
    databases,
    resolved: content,
    source,
  };
  return whenPermitted<ApplyResult>(make, resolved.namespace, room, (planned) => {
    if (room.committed(stack)?.resolved === content && planned.plan.steps.length === 0 && !isChanging(stack, room)) {
      return { kind: 'nothing', message: `${stackId(stack)} already says what revision ${old} says` };
    }
    return shown.changed(planned.plan, options) ?? handIn(planned, async () => written, options, room);
  });
}

async function retire(stack: StackRef, options: ApplyOptions, shown: Shown, room: Room): Promise<ApplyResult> {
  const committed = room.committed(stack);
  if (committed === undefined) {
    const record = stackRecord(room.store.documents, stack);
    if (record?.state === 'retired') return { kind: 'nothing', message: `${stackId(stack)} is retired already` };
    return notCommitted(stack, room);
  }
  const resolved = room.resolved(committed);
  const planned = await permitted(() => retirement(stack, resolved, room), resolved.namespace, room);
  if (planned.kind === 'refused') return planned;
  return shown.changed(planned.plan, options) ?? submit(planned.plan, null, options, room);
}

function retirement(stack: StackRef, resolved: ResolvedStack, room: Room): Planned {
  return { kind: 'planned', plan: planRetirement(stack, resolved, room), bundles: new Map(), values: new Map() };
}

type RollbackTarget = { readonly kind: 'found'; readonly revision: RevisionRecord } | ReturnType<typeof refused>;

/** `previous`: the newest one that was committed before the one that is now. */
function rollbackTarget(stack: StackRef, to: number | 'previous', room: Room): RollbackTarget {
  const { documents } = room.store;
  const record = stackRecord(documents, stack);
  if (record === undefined) return unknownStack(stack);
  const wasCommitted = revisionsOf(documents, stack).filter(
    ({ state }) => state === 'superseded' || state === 'committed',
  );
  const before = wasCommitted.find(({ revision }) => record.revision === 0 || revision < record.revision);
  const number = to === 'previous' ? before?.revision : wasCommitted.find(({ revision }) => revision === to)?.revision;
  const found = number === undefined ? undefined : revisionRecord(documents, stack, number);
  if (found?.adopted === true) return undefinedContent(stack, found.revision);
  if (found !== undefined) return { kind: 'found', revision: found };
  const known = wasCommitted.map(({ revision }) => revision).join(', ') || 'none';
  const which = to === 'previous' ? 'an earlier revision' : `revision ${to}`;
  return refused({
    kind: 'unknownRevision',
    message: `${stackId(stack)} has never had ${which} committed`,
    where: stackId(stack),
    hint: `committed so far: ${known}`,
  });
}

function unknownStack(stack: StackRef): ReturnType<typeof refused> {
  return refused({
    kind: 'unknownStack',
    message: `there is no stack ${stackId(stack)} in service`,
    where: stackId(stack),
    hint: 'ldc status lists them',
  });
}

/** Why there is no committed content to work with. */
function notCommitted(stack: StackRef, room: Room): ReturnType<typeof refused> {
  const record = stackRecord(room.store.documents, stack);
  return record?.state === 'live' ? undefinedContent(stack, record.revision) : unknownStack(stack);
}

const CHANGING: readonly (TransactionKind | undefined)[] = ['deploy', 'rollback', 'retire'];

/** What is committed is about to be something else: who wants it as it is has to be heard after that. */
function isChanging(stack: StackRef, room: Room): boolean {
  const unfinished = stackRecord(room.store.documents, stack)?.transactions ?? [];
  return unfinished.some((id) => CHANGING.includes(room.engine().summary(id)?.kind));
}

function nextRevision(stack: StackRef, room: Room): number {
  return (stackRecord(room.store.documents, stack)?.latest ?? 0) + 1;
}

type Shown = ReturnType<typeof createShown>;

function createShown() {
  const effects = new Map<Digest, Digest>();
  return {
    result(planned: Permitted): PlanResult {
      if (planned.kind === 'refused') return planned;
      const { plan, notes } = planned;
      if (effects.size >= SHOWN_MAX) effects.clear();
      effects.set(plan.digest, effectOf(plan));
      const text = [planText(plan), ...notes].join('\n\n');
      return { kind: 'planned', plan, text, mermaid: planMermaid(plan) };
    },
    /** A refusal when the plan made now would do something else than the one that was shown. */
    changed(plan: Plan, { expectPlan }: ApplyOptions): ApplyResult | undefined {
      if (expectPlan === undefined || expectPlan === plan.digest || effects.get(expectPlan) === effectOf(plan))
        return undefined;
      return refused({
        kind: 'planChanged',
        message: `the plan made now (${plan.digest}) does something else than the one that was shown (${expectPlan})`,
        hint: 'look at the new plan and apply again',
      });
    },
  };
}

type Queries = Pick<Stacks, 'list' | 'get' | 'describe' | 'revisions' | 'functions' | 'whatIf'>;

function createQueries(room: Room): Queries {
  const { documents, secrets } = room.store;
  const ports = { ...room, documents };
  const records = () => bodies<StackRecord>(documents, collections.stack);
  return {
    list({ project, after, limit = 100 }) {
      const most = Math.min(limit, limits.pageItemsMax);
      const prefix = project === undefined ? {} : { prefix: `${project}/` };
      const from = after === undefined ? {} : { after };
      const found = documents.list(collections.stack, { ...prefix, ...from, limit: most + 1 });
      const items = found.slice(0, most);
      const next = found.length > most ? (items.at(-1)?.key ?? null) : null;
      return { items: items.map(({ body }) => summaryOf(body as unknown as StackRecord, ports)), next };
    },
    get(stack) {
      const record = stackRecord(documents, stack);
      return record === undefined ? undefined : summaryOf(record, ports);
    },
    describe(stack) {
      const record = stackRecord(documents, stack);
      // before its first commit a stack is what was last handed in
      const committed = room.committed(stack);
      const revision = record && (committed ?? revisionRecord(documents, stack, record.latest));
      if (record === undefined || revision === undefined) return undefined;
      // a move places what an earlier transaction defined
      const plan = room.engine().plan((committed && record.placedBy) ?? revision.transaction);
      const current = record.transactions.at(-1);
      const coming = (current === undefined ? undefined : room.engine().plan(current))?.locations ?? [];
      return {
        summary: summaryOf(record, ports, coming),
        source: shownSource(secrets, revision.source) ?? '',
        reasons: plan?.reasons ?? [],
        changes: plan?.changes ?? [],
      };
    },
    revisions: (stack) => revisionsOf(documents, stack),
    functions: ({ project, stack }) =>
      records()
        .filter((record) => record.state === 'live')
        .filter((record) => project === undefined || record.project === project)
        .filter((record) => stack === undefined || record.name === stack)
        .flatMap((record) => functionsOf(record, ports)),
    whatIf(lose) {
      const stacks = records().flatMap((record) => {
        const revision = room.committed(record);
        if (revision === undefined) return [];
        const resolved = room.resolved(revision);
        return [{ stack: resolved, current: room.bundles.current(locationsOf(documents, record), resolved) }];
      });
      const compile = room.compile === undefined ? {} : { compile: room.compile };
      return whatIf({ stacks, snapshot: room.snapshot(), lose, ...compile });
    },
  };
}
