/** The cluster's size from its nodes and pods, kept by one watch each; only the figures are remembered. */
import {
  type Clock,
  cpuMilli,
  isObject,
  type JsonObject,
  type KubeObject,
  memoryBytes,
  quantity,
  type Random,
} from '../../base/index.ts';
import { type Client, watchLoop } from '../../kubernetes/index.ts';
import type { Capacity } from '../../protocol/index.ts';

interface Figures {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly pods: number;
}
const NONE: Figures = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

export interface CapacityWatch {
  now(): Capacity;
  /** Resolves when nodes and pods were read once, or the signal is aborted. */
  readonly known: Promise<void>;
}

/** Watches until the signal is aborted; `onChange` after each change of the figures. */
export function watchCapacity(
  client: Client,
  options: { clock: Clock; random: Random; signal: AbortSignal },
  onChange: () => void,
): CapacityWatch {
  const nodes = new Map<string, Figures & { readonly ready: boolean }>();
  const pods = new Map<string, Figures>();
  let lists = 0;
  const known = Promise.withResolvers<void>();

  function follow<T>(
    path: string,
    kind: string,
    into: Map<string, T>,
    read: (object: KubeObject) => T | undefined,
  ): void {
    const put = (object: KubeObject) => {
      const value = read(object);
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
      if (value === undefined) into.delete(key);
      else into.set(key, value);
    };
    void watchLoop(
      client,
      { path, apiVersion: 'v1', kind },
      {
        onList(objects) {
          into.clear();
          for (const object of objects) put(object);
          if (++lists >= 2) known.resolve();
          onChange();
        },
        onEvent(type, object) {
          if (type === 'DELETED') into.delete(`${object.metadata.namespace ?? ''}/${object.metadata.name}`);
          else put(object);
          onChange();
        },
      },
      options,
    );
  }
  follow('/api/v1/nodes', 'Node', nodes, nodeFigures);
  follow('/api/v1/pods', 'Pod', pods, podFigures);
  return {
    known: known.promise,
    now() {
      const ready = [...nodes.values()].filter((node) => node.ready);
      return {
        nodes: nodes.size,
        readyNodes: ready.length,
        allocatable: sum(ready),
        requested: sum([...pods.values()]),
      };
    },
  };
}

function nodeFigures(node: KubeObject): Figures & { ready: boolean } {
  const status = isObject(node.status) ? node.status : {};
  const spec = isObject(node.spec) ? node.spec : {};
  const allocatable = isObject(status.allocatable) ? status.allocatable : {};
  const conditions = Array.isArray(status.conditions) ? status.conditions.filter(isObject) : [];
  const ready = conditions.some((one) => one.type === 'Ready' && one.status === 'True') && spec.unschedulable !== true;
  return { ...figures(allocatable), pods: quantity(allocatable.pods) ?? 0, ready };
}

/** What a pod requests; one that has ended, or has no node yet, takes no room. */
export function podFigures(pod: KubeObject): Figures | undefined {
  const spec = isObject(pod.spec) ? pod.spec : {};
  const phase = isObject(pod.status) ? pod.status.phase : undefined;
  if (phase === 'Succeeded' || phase === 'Failed' || typeof spec.nodeName !== 'string') return undefined;
  const requests = (list: unknown): Figures[] =>
    (Array.isArray(list) ? list.filter(isObject) : []).map((container) => {
      const resources = isObject(container.resources) ? container.resources : {};
      return figures(isObject(resources.requests) ? resources.requests : {});
    });
  const together = sum(requests(spec.containers));
  const before = requests(spec.initContainers);
  return {
    cpuMilli: Math.max(together.cpuMilli, ...before.map((one) => one.cpuMilli)),
    memoryBytes: Math.max(together.memoryBytes, ...before.map((one) => one.memoryBytes)),
    pods: 1,
  };
}

function figures(resources: JsonObject): Figures {
  return {
    cpuMilli: cpuMilli(resources.cpu),
    memoryBytes: memoryBytes(resources.memory),
    pods: 0,
  };
}

function sum(all: readonly Figures[]): Figures {
  return all.reduce(
    (a, b) => ({
      cpuMilli: a.cpuMilli + b.cpuMilli,
      memoryBytes: a.memoryBytes + b.memoryBytes,
      pods: a.pods + b.pods,
    }),
    NONE,
  );
}
