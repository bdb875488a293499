/** A cluster that a rollout goes over, and the failure domains it stands in. */
export interface WaveCluster {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
}

/**
 * Divides clusters into waves. Each entry says how many clusters have the change at the end of its wave: a count or a
 * share (rounded up). Clusters are taken in turn from regions, and within a region from zones, so that a wave never
 * stands in one failure domain while others are left. Waves that would be empty are left out.
 */
export function wavesOf(
  clusters: readonly WaveCluster[],
  waves: readonly (number | string)[],
): readonly (readonly string[])[] {
  const order = inTurn(clusters);
  const result: (readonly string[])[] = [];
  let taken = 0;
  for (const wave of waves) {
    const until = Math.min(
      order.length,
      typeof wave === 'number' ? wave : Math.ceil((Number.parseInt(wave, 10) / 100) * order.length),
    );
    if (until <= taken) continue;
    result.push(order.slice(taken, until));
    taken = until;
  }
  if (taken < order.length) result.push(order.slice(taken));
  return result;
}

function inTurn(clusters: readonly WaveCluster[]): readonly string[] {
  const zoned = (group: readonly WaveCluster[]) =>
    roundRobin(group, 'zone', (zone) => zone.map((one) => one.name).sort());
  return roundRobin(clusters, 'region', zoned);
}

/** One of each group in turn; groups by name. */
function roundRobin(
  clusters: readonly WaveCluster[],
  label: string,
  order: (group: readonly WaveCluster[]) => readonly string[],
): readonly string[] {
  const groups = new Map<string, WaveCluster[]>();
  for (const cluster of clusters) {
    const name = cluster.labels[label] ?? '';
    groups.set(name, [...(groups.get(name) ?? []), cluster]);
  }
  const queues = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => order(group));
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  return Array.from({ length: longest }, (_, turn) => queues.flatMap((queue) => queue[turn] ?? [])).flat();
}
