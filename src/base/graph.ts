/** A directed graph as `node → the nodes it comes after`. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** One cycle as a path that ends where it began, or undefined. Deterministic: nodes are tried in the map's order. */
export function findCycle(graph: Graph): readonly string[] | undefined {
  const finished = new Set<string>();
  for (const start of graph.keys()) {
    const path: string[] = [];
    const pending: { node: string; next: number }[] = [{ node: start, next: 0 }];
    if (finished.has(start)) continue;
    path.push(start);
    while (pending.length > 0) {
      const top = pending[pending.length - 1] as { node: string; next: number };
      const target = (graph.get(top.node) ?? [])[top.next++];
      if (target === undefined) {
        finished.add(top.node);
        pending.pop();
        path.pop();
      } else if (path.includes(target)) {
        return [...path.slice(path.indexOf(target)), target];
      } else if (!finished.has(target) && graph.has(target)) {
        path.push(target);
        pending.push({ node: target, next: 0 });
      }
    }
  }
  return undefined;
}

/** Nodes in layers: each node comes in a later layer than all that it comes after. Nodes of a layer keep the map's order. */
export function levels(graph: Graph): readonly (readonly string[])[] {
  const level = new Map<string, number>();
  const remaining = new Set(graph.keys());
  const result: string[][] = [];
  while (remaining.size > 0) {
    const layer = [...remaining].filter((node) =>
      (graph.get(node) ?? []).every((earlier) => !graph.has(earlier) || level.has(earlier)),
    );
    if (layer.length === 0) throw new Error(`graph has a cycle: ${findCycle(graph)?.join(' → ')}`);
    for (const node of layer) {
      level.set(node, result.length);
      remaining.delete(node);
    }
    result.push(layer);
  }
  return result;
}
