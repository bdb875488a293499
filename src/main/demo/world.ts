/** What the scenes of the demo share: the installation, its hub's client, and how a transaction is followed on screen. */
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type HubClient, routes } from '../../api/client/index.ts';
import type { Clock, Entry } from '../../base/index.ts';
import type { Client } from '../../kubernetes/index.ts';
import type { TransactionView } from '../../saga/index.ts';
import type { StackSource } from '../../stacks/index.ts';
import type { Installation } from '../installation.ts';
import type { Prober } from './probes.ts';
import type { Claims, Screen } from './report.ts';

export interface World {
  readonly installation: Installation;
  readonly client: HubClient;
  readonly claims: Claims;
  readonly screen: Screen;
  readonly clock: Clock;
  /** Straight to each cluster's API server, past hub and agents: for looking independently. */
  readonly kube: ReadonlyMap<string, Client>;
  readonly prober: () => Prober;
}

export const SHOP = { project: 'default', name: 'shop' } as const;
export const FUNCTIONS = ['storefront', 'checkout', 'catalog'] as const;
export const MINIMUM = 2;

const LINE_MAX = 110;

const examples = join(import.meta.dirname, '..', '..', '..', 'examples');

/** A stack of `examples/` with its files; `edit` makes a later revision of it. */
export function exampleSource(name: string, edit: (text: string) => string = (text) => text): StackSource {
  const folder = join(examples, name);
  const files = globSync('**/*.yaml', { cwd: folder })
    .filter((file) => file !== 'stack.yaml')
    .sort();
  return {
    path: `examples/${name}/stack.yaml`,
    stack: readFileSync(join(folder, 'stack.yaml'), 'utf8'),
    files: Object.fromEntries(
      files.map((file) => [relative('.', file), edit(readFileSync(join(folder, file), 'utf8'))]),
    ),
  };
}

/** Shows the plan's first lines, submits it, follows it to its end, and answers the finished transaction. */
export async function apply(world: World, source: StackSource, shownLines: number): Promise<TransactionView> {
  const { client, screen } = world;
  const planned = await client.call(routes.stacks.plan, { body: source });
  const lines = planned.text.trimEnd().split('\n');
  for (const line of lines.slice(0, shownLines))
    screen.line(`   │ ${line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line}`);
  if (lines.length > shownLines)
    screen.line(`   │ … ${lines.length - shownLines} more lines: \`ldc plan -f ${source.path}\``);
  const submitted = await client.call(routes.stacks.apply, { body: { ...source, expectPlan: planned.plan.digest } });
  if (submitted.kind === 'nothing') throw new Error(`nothing to do: ${submitted.message}`);
  return follow(world, submitted.transaction.id);
}

/** Follows a transaction on screen until it is sealed or stuck. `seen` hears each entry first. */
export async function follow(
  world: World,
  id: string,
  seen: (entry: Entry) => void = () => {},
): Promise<TransactionView> {
  const { client, screen } = world;
  screen.line(`   ▸ ${id}`);
  for await (const entry of client.follow(routes.transactions.events, { id })) {
    seen(entry);
    const text = progress(entry);
    if (text !== undefined) screen.line(`     ${entry.ts.slice(11, 23)} ${text}`);
    if (entry.type === 'tx.sealed' || entry.type === 'tx.stuck') break;
  }
  return client.call(routes.transactions.get, { params: { id } });
}

/** The entries that tell a story; the whole trail is at the end of the demo. */
function progress({ type, data }: Entry): string | undefined {
  const step = typeof data.step === 'string' ? data.step : '';
  switch (type) {
    case 'step.succeeded':
      return /^(gate|remove|settleUndo):/.test(step) ? `${step} ✔` : undefined;
    case 'step.failed':
      return `${step} ✘ ${refusalText(data.refusal)}`;
    case 'step.undone':
      return /^apply/.test(step) ? `undone ${step}` : undefined;
    case 'tx.compensating':
      return `compensating: ${refusalText(data.cause)}`;
    case 'rollback.verified':
      return `read back and compared: equal ${data.equal}`;
    case 'tx.created':
    case 'tx.sealed':
      return undefined;
    default:
      return type.startsWith('tx.') ? type.slice(3) : undefined;
  }
}

function refusalText(value: unknown): string {
  const message = (value as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message.slice(0, 160) : '';
}

/** Waits until `holds` answers something, asking each 200 ms. @throws Error naming what was awaited. */
export async function until<T>(
  world: World,
  what: string,
  timeoutMs: number,
  holds: () => Promise<T | undefined>,
): Promise<T> {
  const { clock } = world;
  const endMs = clock.monotonic() + timeoutMs;
  for (;;) {
    const value = await holds();
    if (value !== undefined) return value;
    if (clock.monotonic() > endMs) throw new Error(`waited ${timeoutMs / 1000} s in vain: ${what}`);
    await clock.sleep(200);
  }
}

/** The newest transaction of the shop of that kind that is not in `known`. */
export async function nextTransaction(
  world: World,
  kind: 'reschedule' | 'settle',
  known: ReadonlySet<string>,
  timeoutMs: number,
): Promise<string> {
  return until(world, `a ${kind} transaction`, timeoutMs, async () => {
    const page = await world.client.call(routes.transactions.list, { query: { stack: 'default/shop', kind } });
    return page.items.find((item) => !known.has(item.id))?.id;
  });
}

export async function transactionIds(world: World): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const item of world.client.pages(routes.transactions.list)) ids.add(item.id);
  return ids;
}

/** `function → clusters` as the hub says. */
export async function servedWhere(world: World): Promise<Map<string, readonly string[]>> {
  const { items } = await world.client.call(routes.functions.list, { query: { stack: 'shop' } });
  return new Map(items.map((item) => [item.function, item.locations.map((location) => location.cluster).sort()]));
}

/** A table: each function, each cluster, by the hub's word and by a probe through the cluster's own gateway. */
export async function showWhere(world: World): Promise<void> {
  const where = await servedWhere(world);
  const names = world.installation.clusters.map(({ name }) => name);
  world.screen.line();
  world.screen.line(`   ${'function'.padEnd(12)}${names.map((name) => name.padEnd(8)).join('')}`);
  for (const name of FUNCTIONS) {
    const cells = names.map((cluster) => {
      const wanted = where.get(name)?.includes(cluster) ?? false;
      const answers = world.prober().servedBy(name).includes(cluster);
      return (wanted ? (answers ? '●' : '○') : answers ? '?' : '·').padEnd(8);
    });
    world.screen.line(`   ${name.padEnd(12)}${cells.join('')}`);
  }
  world.screen.line('   ● placed and answering  ○ placed, not answering  ? answering, not placed');
  world.screen.line();
}
