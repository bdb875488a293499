import {
  cpuMilli,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  memoryBytes,
  refOf,
  refText,
} from '../base/index.ts';
import { isScalable } from './kinds.ts';
import type { Amounts, Demand, StackFunction } from './types.ts';

const NONE: Amounts = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

export function addAmounts(a: Amounts, b: Amounts, times = 1): Amounts {
  return {
    cpuMilli: a.cpuMilli + times * b.cpuMilli,
    memoryBytes: a.memoryBytes + times * b.memoryBytes,
    pods: a.pods + times * b.pods,
  };
}

/** What one location needs with so many replicas; `requires` of the definition wins over the sum of the pods' requests. */
export function demandOf(demand: Demand, replicas: number, requires?: StackFunction['requires']): Amounts {
  const sum = addAmounts(demand.fixed, demand.perReplica, replicas);
  return {
    cpuMilli: requires?.cpu === undefined ? sum.cpuMilli : cpuMilli(requires.cpu),
    memoryBytes: requires?.memory === undefined ? sum.memoryBytes : memoryBytes(requires.memory),
    pods: sum.pods,
  };
}

/** Reads the demand of one location from its manifests. A DaemonSet counts as one pod: how many nodes there are is not known here. */
export function readDemand(objects: readonly KubeObject[]): Demand {
  let fixed = NONE;
  let perReplica = NONE;
  let replicas = 0;
  const seen = new Set<string>(); // of several versions of one object only one will run
  for (const object of objects) {
    const identity = refText(refOf(object));
    const pod = podOf(object);
    if (pod === undefined || seen.has(identity)) continue;
    seen.add(identity);
    const requests = requestsOf(pod.spec);
    if (isScalable(object) && replicas === 0) {
      perReplica = requests;
      replicas = pod.count;
    } else fixed = addAmounts(fixed, requests, pod.count);
  }
  return { fixed, perReplica, replicas };
}

/** The pod spec that an object runs, and how often. */
export function podOf(object: KubeObject): { readonly spec: JsonObject; readonly count: number } | undefined {
  const spec = asObject(object.spec);
  if (object.kind === 'Pod' && object.apiVersion === 'v1') return { spec, count: 1 };
  if (object.kind === 'CronJob') return { spec: podSpec(asObject(asObject(spec.jobTemplate).spec)), count: 1 };
  if (object.kind === 'Job') return { spec: podSpec(spec), count: wholeNumber(spec.parallelism) };
  if (object.kind === 'DaemonSet') return { spec: podSpec(spec), count: 1 };
  if (isScalable(object)) return { spec: podSpec(spec), count: wholeNumber(spec.replicas) };
  return undefined;
}

function podSpec(owner: JsonObject): JsonObject {
  return asObject(asObject(owner.template).spec);
}

/** As the scheduler counts: the sum of the containers (sidecars included), or the largest init container, plus overhead. */
function requestsOf(spec: JsonObject): Amounts {
  const overhead = amountsOf(asObject(spec.overhead));
  const running = containers(spec.containers).reduce((sum, each) => addAmounts(sum, containerRequests(each)), NONE);
  let sidecars = NONE;
  let largest = NONE;
  for (const init of containers(spec.initContainers)) {
    const requests = containerRequests(init);
    if (init.restartPolicy === 'Always') sidecars = addAmounts(sidecars, requests);
    else largest = maxAmounts(largest, addAmounts(sidecars, requests));
  }
  return { ...addAmounts(maxAmounts(addAmounts(running, sidecars), largest), overhead), pods: 1 };
}

/** A container that states a limit only requests that much. */
function containerRequests(container: JsonObject): Amounts {
  const resources = asObject(container.resources);
  return amountsOf({ ...asObject(resources.limits), ...asObject(resources.requests) });
}

function amountsOf(resources: JsonObject): Amounts {
  return { cpuMilli: cpuMilli(resources.cpu), memoryBytes: memoryBytes(resources.memory), pods: 0 };
}

function maxAmounts(a: Amounts, b: Amounts): Amounts {
  return { cpuMilli: Math.max(a.cpuMilli, b.cpuMilli), memoryBytes: Math.max(a.memoryBytes, b.memoryBytes), pods: 0 };
}

function containers(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function wholeNumber(value: Json | undefined): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : 1;
}
