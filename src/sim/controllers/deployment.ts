import { digestOf, type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  byAge,
  controllerReference,
  isFinished,
  isTerminating,
  keyOf,
  type Pod,
  type PodTemplate,
  splitKey,
} from '../kinds/index.ts';
import {
  ApiFailure,
  type Context,
  claim,
  enqueueOwners,
  enqueueSelf,
  MANAGER,
  queueOf,
  record,
  remove,
  safeEncode,
  writeStatus,
  written,
} from './controller.ts';
import { deploymentStatus, isComplete, type Observed } from './deployment-status.ts';
import { DESIRED, type Deployment, generationOf, HASH, MAX, REVISION, revisionOf } from './deployment-types.ts';
import type { ReplicaSet } from './replicaset.ts';
import { newReplicas, oldReplicas, proportional, resolveBounds, type Sizes } from './rolling-update.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'deployment-controller';
const SETS = 'replicasets.apps';

export function startDeployments(context: Context): WorkQueue {
  const deployments = context.informers.of<Deployment>('deployments.apps');
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const deployment = deployments.get(namespace, name);
    return deployment === undefined ? undefined : new Rollout(context, deployment).run();
  });
  enqueueSelf(deployments, queue);
  const sets = context.informers.of<ReplicaSet>(SETS);
  enqueueOwners(sets, 'Deployment', queue);
  // Recreate waits for the last old pod to go
  context.informers.of<Pod>('pods').onChange((pod) => {
    const owner = (pod.metadata.ownerReferences as readonly { kind: string; name: string }[] | undefined)?.[0];
    if (owner?.kind !== 'ReplicaSet') return;
    const set = sets.get(pod.metadata.namespace, owner.name);
    const parent = set && deploymentOf(set);
    const deployment = parent === undefined ? undefined : deployments.get(pod.metadata.namespace, parent);
    if (deployment?.spec.strategy?.type === 'Recreate') queue.add(keyOf(deployment));
  });
  return queue;
}

function deploymentOf(set: ReplicaSet): string | undefined {
  const owners = (set.metadata.ownerReferences ?? []) as readonly { kind: string; name: string }[];
  return owners.find(({ kind }) => kind === 'Deployment')?.name;
}

/** One pass over one Deployment: observe, move one step, write what was seen. */
class Rollout {
  readonly #context: Context;
  readonly #deployment: Deployment;
  #sets: ReplicaSet[];
  #progress: Observed['progress'];
  #collisions: number | undefined;

  constructor(context: Context, deployment: Deployment) {
    this.#context = context;
    this.#deployment = deployment;
    this.#collisions = deployment.status?.collisionCount;
    const sets = context.informers.of<ReplicaSet>(SETS);
    this.#sets = [...claim(context, sets, SETS, deployment, deployment.spec.selector)].sort(byAge);
  }

  run(): number | undefined {
    const { spec } = this.#deployment;
    if (isTerminating(this.#deployment)) return this.#finish();
    this.#notePause();
    if (spec.paused) {
      this.#followScale(this.#fresh());
    } else if (this.#isScaling()) {
      this.#followScale(this.#fresh());
    } else if (spec.strategy?.type === 'Recreate') {
      this.#recreate();
    } else {
      this.#roll();
    }
    return this.#finish();
  }

  /** The set of the present template, if there is one. */
  #fresh(): ReplicaSet | undefined {
    return this.#sets.find((set) => sameTemplate(set.spec.template, this.#deployment.spec.template));
  }

  #old(fresh: ReplicaSet | undefined): ReplicaSet[] {
    return this.#sets.filter((set) => set.metadata.uid !== fresh?.metadata.uid);
  }

  #desired(): number {
    return this.#deployment.spec.replicas ?? 1;
  }

  #bounds() {
    const { rollingUpdate, type } = this.#deployment.spec.strategy ?? {};
    if (type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
    return resolveBounds(this.#desired(), rollingUpdate?.maxSurge, rollingUpdate?.maxUnavailable);
  }

  #roll(): void {
    const fresh = this.#ensureFresh();
    if (fresh === undefined) return;
    const old = this.#old(fresh);
    const bounds = this.#bounds();
    const size = newReplicas(generationOf(fresh), old.map(generationOf), this.#desired(), bounds);
    if (size !== fresh.spec.replicas) {
      this.#resize(new Map([[fresh.metadata.name, size]]));
      return;
    }
    this.#resize(oldReplicas(generationOf(fresh), old.map(generationOf), this.#desired(), bounds));
  }

  #recreate(): void {
    const known = this.#fresh();
    const old = this.#old(known);
    const running = old.filter((set) => (set.spec.replicas ?? 0) > 0);
    if (running.length > 0) {
      this.#resize(new Map(running.map((set) => [set.metadata.name, 0])));
      return;
    }
    const pods = this.#context.informers.of<Pod>('pods');
    if (old.some((set) => pods.ownedBy(set.metadata.uid).some((pod) => !isFinished(pod)))) return;
    const fresh = this.#ensureFresh();
    if (fresh === undefined) return;
    this.#resize(new Map([[fresh.metadata.name, this.#desired()]]));
  }

  /** The wanted number changed in the middle of a rollout (or while paused): spread it over what is there. */
  #followScale(fresh: ReplicaSet | undefined): void {
    this.#resize(this.#scaled(fresh));
  }

  #scaled(fresh: ReplicaSet | undefined): Sizes {
    const active = this.#sets.filter((set) => (set.spec.replicas ?? 0) > 0);
    const newest = fresh ?? this.#sets.at(-1);
    const only = active.length === 0 ? newest : active.length === 1 ? active[0] : undefined;
    const desired = this.#desired();
    if (only !== undefined) return new Map([[only.metadata.name, desired]]);
    if (fresh !== undefined && fresh.spec.replicas === desired && (fresh.status?.availableReplicas ?? 0) === desired) {
      const old = this.#old(fresh).filter((set) => (set.spec.replicas ?? 0) > 0);
      return new Map(old.map((set) => [set.metadata.name, 0]));
    }
    if (active.length === 0 || this.#deployment.spec.strategy?.type === 'Recreate') return new Map();
    const allowed = desired > 0 ? desired + this.#bounds().maxSurge : 0;
    const previous = Math.max(...active.map((set) => Number(set.metadata.annotations?.[MAX] ?? 0)));
    const present = active.map((set): [string, number] => [set.metadata.name, set.spec.replicas ?? 0]);
    return new Map([...present, ...proportional(active.map(generationOf), allowed, previous)]);
  }

  #isScaling(): boolean {
    return this.#sets.some((set) => {
      const desired = set.metadata.annotations?.[DESIRED];
      return (set.spec.replicas ?? 0) > 0 && desired !== undefined && Number(desired) !== this.#desired();
    });
  }

  #ensureFresh(): ReplicaSet | undefined {
    const old = this.#old(this.#fresh());
    const revision = Math.max(0, ...old.map(revisionOf)) + 1;
    const fresh = this.#fresh() ?? this.#create(revision);
    if (fresh === undefined) return undefined;
    const kept = Math.max(revision, revisionOf(fresh));
    const annotations = this.#annotationsOf(fresh, kept);
    if (
      !jsonEqual(annotations, fresh.metadata.annotations) ||
      fresh.spec.minReadySeconds !== this.#deployment.spec.minReadySeconds
    ) {
      const spec = { ...fresh.spec, minReadySeconds: this.#deployment.spec.minReadySeconds };
      this.#replace(this.#write({ ...fresh, metadata: { ...fresh.metadata, annotations }, spec }));
    }
    this.#noteRevision(kept);
    return this.#fresh();
  }

  #create(revision: number): ReplicaSet | undefined {
    const { metadata, spec } = this.#deployment;
    const hash = templateHash(spec.template, this.#collisions);
    const name = `${metadata.name}-${hash}`;
    const labels = { ...spec.template.metadata?.labels, [HASH]: hash };
    const set = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name,
        namespace: metadata.namespace ?? '',
        labels,
        ownerReferences: [controllerReference(this.#deployment)],
      },
      spec: {
        replicas: 0,
        ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
        selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [HASH]: hash } },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    } as unknown as ReplicaSet;
    const bounds = this.#bounds();
    const recreate = spec.strategy?.type === 'Recreate';
    const replicas = recreate
      ? this.#desired()
      : newReplicas(generationOf(set), this.#sets.map(generationOf), this.#desired(), bounds);
    const annotations = this.#annotationsOf(set, revision);
    const sized = { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } };
    const result = this.#context.door.create(SETS, sized as unknown as KubeObject, MANAGER);
    if (result.status === 409) {
      // another template has this hash, or this one was made and not seen yet: count on only for the former
      const other = this.#context.door.get(SETS, metadata.namespace, name) as ReplicaSet | undefined;
      if (other === undefined || sameTemplate(other.spec.template, spec.template))
        throw new ApiFailure(409, 'AlreadyExists', name);
      this.#collisions = (this.#collisions ?? 0) + 1;
      throw this.#saveCollision(name);
    }
    const created = written(result) as ReplicaSet;
    this.#sets.push(created);
    this.#progress = { status: 'True', reason: 'NewReplicaSetCreated', message: `Created new replica set "${name}"` };
    if (replicas > 0) this.#noteScaled(created, 0, replicas);
    return created;
  }

  #saveCollision(name: string): ApiFailure {
    const status = { ...this.#deployment.status, collisionCount: this.#collisions };
    writeStatus(this.#context, 'deployments.apps', this.#deployment, status);
    return new ApiFailure(409, 'AlreadyExists', name);
  }

  #annotationsOf(set: ReplicaSet, revision: number): { readonly [key: string]: string } {
    const own = Object.entries(this.#deployment.metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key));
    const desired = this.#desired();
    return {
      ...set.metadata.annotations,
      ...Object.fromEntries(own),
      [REVISION]: String(revision),
      [DESIRED]: String(desired),
      [MAX]: String(desired + this.#bounds().maxSurge),
    };
  }

  #resize(sizes: Sizes): void {
    const desired = String(this.#desired());
    const max = String(this.#desired() + this.#bounds().maxSurge);
    for (const set of [...this.#sets]) {
      const replicas = sizes.get(set.metadata.name);
      if (replicas === undefined) continue;
      const before = set.spec.replicas ?? 0;
      const { annotations } = set.metadata;
      if (replicas === before && annotations?.[DESIRED] === desired && annotations[MAX] === max) continue;
      const metadata = { ...set.metadata, annotations: { ...annotations, [DESIRED]: desired, [MAX]: max } };
      this.#replace(this.#write({ ...set, metadata, spec: { ...set.spec, replicas } }));
      if (replicas !== before) this.#noteScaled(set, before, replicas);
    }
  }

  #write(set: ReplicaSet): ReplicaSet {
    return written(this.#context.door.update(SETS, set, MANAGER)) as ReplicaSet;
  }

  #replace(set: ReplicaSet): void {
    this.#sets = this.#sets.map((other) => (other.metadata.uid === set.metadata.uid ? set : other));
  }

  #noteScaled(set: ReplicaSet, from: number, to: number): void {
    const direction = to > from ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${from} to ${to}`;
    record(this.#context, COMPONENT, { about: this.#deployment, type: 'Normal', reason: 'ScalingReplicaSet', message });
  }

  #noteRevision(revision: number): void {
    if (revisionOf(this.#deployment) === revision) return;
    const { door } = this.#context;
    const { namespace, name } = this.#deployment.metadata;
    const live = door.get('deployments.apps', namespace, name);
    if (live === undefined) return;
    const annotations = { ...live.metadata.annotations, [REVISION]: String(revision) };
    // through /status, as the real controller does: an annotation written through the object would move its generation
    const numbered = { ...live, metadata: { ...live.metadata, annotations } };
    written(door.update('deployments.apps', numbered, MANAGER, 'status'));
  }

  #notePause(): void {
    const reason = this.#deployment.status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
    if (this.#deployment.spec.paused && reason !== 'DeploymentPaused') {
      this.#progress = { status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' };
    } else if (!this.#deployment.spec.paused && reason === 'DeploymentPaused') {
      this.#progress = { status: 'Unknown', reason: 'DeploymentResumed', message: 'Deployment is resumed' };
    }
  }

  /** Old sets without pods are kept for `kubectl rollout undo`, but not without end. */
  #forgetOld(fresh: ReplicaSet): void {
    const empty = this.#old(fresh).filter((set) => !set.spec.replicas && !set.status?.replicas && !isTerminating(set));
    const surplus = empty.length - (this.#deployment.spec.revisionHistoryLimit ?? 10);
    for (const set of empty.sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, surplus))) {
      remove(this.#context, SETS, set);
    }
  }

  #finish(): number | undefined {
    const fresh = this.#fresh();
    const { status, againMs } = deploymentStatus({
      deployment: this.#deployment,
      fresh,
      sets: this.#sets,
      nowMs: this.#context.clock.now(),
      progress: this.#progress,
      collisionCount: this.#collisions,
    });
    if (fresh !== undefined && isComplete(this.#deployment, status)) this.#forgetOld(fresh);
    if (!jsonEqual(status, this.#deployment.status)) {
      const { namespace, name } = this.#deployment.metadata;
      const live = this.#context.door.get('deployments.apps', namespace, name);
      if (live !== undefined) writeStatus(this.#context, 'deployments.apps', live, status);
    }
    return againMs;
  }
}

const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  'deployment.kubernetes.io/revision-history',
  DESIRED,
  MAX,
  'deprecated.deployment.rollback.to',
]);

/** Whether two templates make the same pods; the hash label is no part of that. */
export function sameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return jsonEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplate): Json {
  const { [HASH]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The hash that names a template's ReplicaSet; `collisions` moves it away from a taken name. */
export function templateHash(template: PodTemplate, collisions: number | undefined): string {
  const digest = digestOf([template, collisions ?? 0]);
  return safeEncode(String(Number.parseInt(digest.slice(7, 15), 16)));
}
