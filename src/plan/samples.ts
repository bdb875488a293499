/** Builders shared by the tests of this room. */
import { type ResolvedStack, readStack } from '../ldc/index.ts';
import { type ClusterView, explain, place } from '../placement/index.ts';
import type { CommittedLocation } from './difference.ts';
import { currentLocations, makePlan, type PlanOutcome, type PlanRequest } from './make.ts';
import type { Bundle, Plan } from './types.ts';

/** A stack from its YAML below `functions:` and its files. */
export function stack(functions: string, files: { readonly [path: string]: string }): ResolvedStack {
  const text = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: shop }
spec:
  namespace: shop
  functions:
${functions}`;
  const { resolved, problems } = readStack({ path: 'stack.yaml', text, files: new Map(Object.entries(files)) });
  if (resolved === undefined) throw new Error(JSON.stringify(problems));
  return resolved;
}

export function deployment(name: string, image = 'i:1', replicas = 2): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [ { name: c, image: "${image}", resources: { requests: { cpu: 100m, memory: 64Mi } } } ] }
`;
}

export function clusters(...names: readonly string[]): readonly ClusterView[] {
  return names.map((name) => ({
    name,
    labels: { region: name.split('-')[0] ?? name, env: 'prod' },
    taints: [],
    intent: 'open',
    health: 'ready',
    apis: [
      'apps/v1/Deployment',
      'apps/v1/StatefulSet',
      'v1/ConfigMap',
      'v1/Secret',
      'v1/Service',
      'v1/Namespace',
      'batch/v1/Job',
      'rbac.authorization.k8s.io/v1/Role',
      'apiextensions.k8s.io/v1/CustomResourceDefinition',
      'example.com/v1/Widget',
      'example.com/v2/Widget',
    ],
    allocatable: { cpuMilli: 8_000, memoryBytes: 2 ** 34, pods: 110 },
    used: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
    reserved: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
    locations: [],
  }));
}

export interface Planned {
  readonly plan: Plan;
  readonly bundles: ReadonlyMap<string, Bundle>;
  /** What would be committed once the plan has run. */
  readonly committed: readonly CommittedLocation[];
}

/** Places and plans a deploy; what was committed before keeps running where it is. */
export function tryDeploy(
  wanted: ResolvedStack,
  fleet: readonly ClusterView[],
  before: readonly CommittedLocation[] = [],
  more: Partial<PlanRequest> = {},
): PlanOutcome {
  const current = currentLocations(before);
  const request = { stack: wanted, snapshot: { clusters: fleet }, current };
  const baseRevision = Math.max(0, ...before.map((one) => one.revision));
  return makePlan({
    kind: 'deploy',
    stack: wanted,
    revision: baseRevision + 1,
    baseRevision,
    committed: before,
    placement: place(request),
    reasons: explain(request),
    clusters: fleet,
    ...more,
  });
}

export function deploy(...input: Parameters<typeof tryDeploy>): Planned {
  const outcome = tryDeploy(...input);
  if (outcome.kind === 'refused') throw new Error(outcome.refusal.message);
  const { plan, bundles } = outcome.value;
  const committed = plan.locations.map((one) => ({
    revision: one.revision,
    digest: one.bundle,
    bundle: bundles.get(one.bundle) as Bundle,
  }));
  return { plan, bundles, committed };
}
