import type { Candidates } from './candidates.ts';
import { cpuText, memoryText } from './filters/capacity.ts';
import { filters } from './filters/index.ts';
import type { Fleet } from './fleet.ts';
import { domainValue } from './fleet.ts';
import type { Subject } from './subject.ts';

/** What is missing for `min` locations: how many, and what each filter keeps away. */
export function missingText(subject: Subject, candidates: Candidates, have: number, fleet: Fleet): string {
  const missing = subject.min - have;
  const head = `needs ${missing} more ${missing === 1 ? 'location' : 'locations'}`;
  if (fleet.clusters.length === 0) return `${head}: there is no cluster`;
  const refused = filters.flatMap((filter, position) => {
    const clusters = fleet.clusters.filter((_, index) => candidates.refusedBy[index] === position + 1);
    if (clusters.length === 0) return [];
    if (filter.name === 'capacity') return [roomText(subject, clusters)];
    const first = clusters[0]?.name ?? '';
    const why = candidates.checks[position]?.why(fleet.numberOf.get(first) ?? 0) ?? '';
    return [
      clusters.length === 1
        ? `${first} ${why}`
        : `${first} ${why} (so ${clusters.length} clusters, filter ${filter.name})`,
    ];
  });
  return refused.length === 0
    ? `${head}: the fleet has ${fleet.clusters.length} clusters`
    : `${head}: ${refused.join('; ')}`;
}

/** `needs 3 CPU and 2Gi of memory free in region eu or us (eu-1, us-1 are too full)` */
function roomText(subject: Subject, clusters: Fleet['clusters']): string {
  const { cpuMilli, memoryBytes, pods } = subject.need;
  const regions = [...new Set(clusters.map((cluster) => domainValue(cluster, 'region')))].filter((name) => name !== '');
  const where = regions.length === 0 ? '' : ` in region ${regions.slice(0, 5).join(' or ')}`;
  const names = clusters.slice(0, 5).map((cluster) => cluster.name);
  const more = clusters.length > names.length ? ` and ${clusters.length - names.length} more` : '';
  const room = `needs ${cpuText(cpuMilli)}, ${memoryText(memoryBytes)} of memory and ${pods} pods free${where}`;
  return `${room} (${names.join(', ')}${more} ${clusters.length === 1 ? 'is' : 'are'} too full)`;
}

/** What is missing to keep `min` after the loss that must be survived, or undefined. */
export function surviveText(subject: Subject, chosen: readonly number[], fleet: Fleet): string | undefined {
  const { survive, min } = subject;
  if (survive === undefined) return undefined;
  const counts = new Map<string, number>();
  for (const index of chosen) {
    const name = domainValue(fleet.clusters[index] as Fleet['clusters'][number], survive.lose);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const largest = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, survive.count);
  const left = chosen.length - largest.reduce((sum, [, count]) => sum + count, 0);
  if (left >= min) return undefined;
  const lost = largest.map(([name]) => `${survive.lose} ${name || '(none)'}`).join(' and ');
  if (chosen.length === 0) return `needs ${min} locations that survive the loss of any ${survive.lose}; there are none`;
  const more = min - left;
  return `needs ${more} more ${more === 1 ? 'location' : 'locations'} outside ${lost}: without it ${left} of ${min} are left`;
}
