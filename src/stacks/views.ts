/** What people and programs see of stacks: summaries, and where each function is served now. */
import type { DocumentReader } from '../base/index.ts';
import type { Registry } from '../hub-agent/types.ts';
import { locationId, type StackRef } from '../plan/index.ts';
import type { Observation } from '../protocol/index.ts';
import type { Bundles } from './bundles.ts';
import {
  bodies,
  collections,
  type LocationRecord,
  locationsOf,
  type RevisionRecord,
  type StackRecord,
  stackId,
} from './records.ts';
import type { ClusterCondition, FunctionView, LocationView, RevisionView, StackSummary } from './types.ts';

export interface ViewPorts {
  readonly documents: DocumentReader;
  readonly registry: Pick<Registry, 'cluster' | 'observations'>;
  readonly health: (cluster: string) => ClusterCondition | undefined;
  readonly bundles: Bundles;
}

/** @param coming locations that a transaction under way brings: shown beside those that are wanted already */
export function summaryOf(record: StackRecord, ports: ViewPorts, coming: readonly LocationRecord[] = []): StackSummary {
  const functions = functionsOf(record, ports, coming);
  const { project, name, labels, databases, revision, updatedAt } = record;
  const transaction = record.transactions.at(-1) ?? null;
  return {
    project,
    name,
    labels,
    revision,
    state: stateOf(record, functions),
    functions,
    databases,
    transaction,
    updatedAt,
  };
}

export function functionsOf(
  record: StackRecord,
  ports: ViewPorts,
  coming: readonly LocationRecord[] = [],
): readonly FunctionView[] {
  const committed = locationsOf(ports.documents, record);
  const known = new Set(committed.map(({ location }) => locationId(location)));
  const wanted = [...committed, ...coming.filter(({ location }) => !known.has(locationId(location)))];
  return record.functions.map(({ name, min, max }) => {
    const mine = wanted.filter(({ location }) => location.kind === 'function' && location.name === name);
    const locations = mine.map((each) => locationView(each, ports));
    const healthy = locations.filter(({ status }) => status === 'current').length;
    return { project: record.project, stack: record.name, function: name, min, max, healthy, locations };
  });
}

const MISSING = 'not there since this hub was restored from a backup: the next apply brings it back';

/** The agent's last word on a location; silence of its cluster makes it unknown, whatever was seen before. */
export function locationView({ location, revision, bundle, missing }: LocationRecord, ports: ViewPorts): LocationView {
  const { cluster } = location;
  const region = ports.registry.cluster(cluster)?.labels.region ?? null;
  const shared = { cluster, region, revision, bundle, replicas: ports.bundles.replicas(bundle) };
  const health = ports.health(cluster)?.health;
  if (health === 'suspect' || health === 'lost') {
    return { ...shared, status: 'unknown', message: `cluster ${cluster} is ${health}`, reasons: [] };
  }
  if (missing === true) return { ...shared, status: 'notFound', message: MISSING, reasons: [] };
  const seen = ports.registry.observations(cluster).find((observation) => isOf(observation, location));
  if (seen === undefined) return { ...shared, status: 'unknown', message: 'not observed yet', reasons: [] };
  const { status, message, reason, reasons = [] } = seen;
  return { ...shared, status, message, reasons, ...(reason === undefined ? {} : { reason }) };
}

export function revisionsOf(documents: DocumentReader, stack: StackRef): readonly RevisionView[] {
  return bodies<RevisionRecord>(documents, collections.revision, `${stackId(stack)}/`)
    .map(({ revision, resolved, createdAt, actor, transaction, state }) => {
      return { revision, digest: resolved, createdAt, actor, transaction, state };
    })
    .toReversed();
}

function stateOf(record: StackRecord, functions: readonly FunctionView[]): StackSummary['state'] {
  if (record.state !== 'live') return record.state;
  if (functions.every(({ healthy, min }) => healthy >= min)) return 'available';
  return functions.some(({ healthy }) => healthy === 0) ? 'down' : 'degraded';
}

function isOf(observation: Observation, location: LocationRecord['location']): boolean {
  const { kind, name, stack } = observation.location;
  return kind === location.kind && name === location.name && stackId(stack) === stackId(location.stack);
}
