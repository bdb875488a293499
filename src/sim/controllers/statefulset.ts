import { jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  availableAt,
  isFinished,
  isReady,
  isTerminating,
  type LabelSelector,
  type Pod,
  type PodTemplate,
  splitKey,
  withoutZeros,
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
  writeStatus,
  written,
} from './controller.ts';
import { createPod, deletePod } from './pod-factory.ts';
import { ensureRevision, forgetRevisions, REVISIONS, revisionsOf, templateOf } from './revisions.ts';
import { nextStep, type Replica, type Step } from './statefulset-step.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'statefulset-controller';
const SETS = 'statefulsets.apps';
const CLAIMS = 'persistentvolumeclaims';
export const REVISION_HASH = 'controller-revision-hash';
const POD_NAME = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX = 'apps.kubernetes.io/pod-index';

export interface StatefulSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly podManagementPolicy?: string;
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
    readonly volumeClaimTemplates?: readonly KubeObject[];
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit?: number;
    readonly ordinals?: { readonly start?: number };
    readonly persistentVolumeClaimRetentionPolicy?: { readonly whenDeleted?: string; readonly whenScaled?: string };
  };
  readonly status?: {
    readonly currentRevision?: string;
    readonly updateRevision?: string;
    readonly collisionCount?: number;
    readonly [field: string]: number | string | undefined;
  };
}

export function startStatefulSets(context: Context): WorkQueue {
  const sets = context.informers.of<StatefulSet>(SETS);
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const set = sets.get(namespace, name);
    return set === undefined || isTerminating(set) ? undefined : new Pass(context, set).run();
  });
  enqueueSelf(sets, queue);
  enqueueOwners(context.informers.of<Pod>('pods'), 'StatefulSet', queue);
  context.informers.of(REVISIONS);
  context.informers.of(CLAIMS);
  return queue;
}

/** One pass over one StatefulSet. */
class Pass {
  readonly #context: Context;
  readonly #set: StatefulSet;
  readonly #pods: readonly Pod[];
  readonly #start: number;

  constructor(context: Context, set: StatefulSet) {
    this.#context = context;
    this.#set = set;
    this.#start = set.spec.ordinals?.start ?? 0;
    this.#pods = claim(context, context.informers.of<Pod>('pods'), 'pods', set, set.spec.selector).filter(
      (pod) => ordinalOf(set, pod) !== undefined,
    );
  }

  run(): number | undefined {
    const revisions = revisionsOf(this.#context, this.#set);
    const update = ensureRevision(this.#context, this.#set, revisions, 'controller.kubernetes.io/hash');
    const known = this.#set.status?.currentRevision;
    const current = revisions.find(({ metadata }) => metadata.name === known) ?? update;
    const steps = nextStep(
      this.#pods.map((pod) => this.#replicaOf(pod)),
      {
        replicas: this.#set.spec.replicas ?? 1,
        start: this.#start,
        parallel: this.#set.spec.podManagementPolicy === 'Parallel',
        onDelete: this.#set.spec.updateStrategy?.type === 'OnDelete',
        partition: this.#set.spec.updateStrategy?.rollingUpdate?.partition ?? 0,
        currentRevision: current.metadata.name,
        updateRevision: update.metadata.name,
      },
    );
    const failures: unknown[] = [];
    for (const step of steps) {
      try {
        this.#take(step, current, update);
      } catch (error) {
        failures.push(error);
      }
    }
    const againMs = this.#report(current, update);
    this.#forget(revisions, current, update);
    if (failures.length > 0) throw failures[0];
    return againMs;
  }

  #replicaOf(pod: Pod): Replica {
    const nowMs = this.#context.clock.now();
    const availableMs = availableAt(pod, this.#set.spec.minReadySeconds ?? 0);
    return {
      ordinal: ordinalOf(this.#set, pod) as number,
      revision: pod.metadata.labels?.[REVISION_HASH] ?? '',
      ready: isReady(pod),
      available: availableMs !== undefined && availableMs <= nowMs,
      finished: isFinished(pod),
      terminating: isTerminating(pod),
    };
  }

  #take(step: Step, current: KubeObject, update: KubeObject): void {
    const pod = this.#pods.find((other) => ordinalOf(this.#set, other) === step.ordinal);
    if (step.kind === 'delete') {
      if (pod !== undefined) deletePod(this.#context, COMPONENT, this.#set, pod);
      return;
    }
    const revision = step.revision === current.metadata.name ? current : update;
    this.#create(step.ordinal, revision);
  }

  #create(ordinal: number, revision: KubeObject): void {
    const { metadata, spec } = this.#set;
    const name = `${metadata.name}-${ordinal}`;
    const template = templateOf(revision) ?? spec.template;
    const claims = (spec.volumeClaimTemplates ?? []).map((claimTemplate) => this.#ensureClaim(claimTemplate, name));
    const taken = new Set(claims.map(({ volume }) => volume));
    const volumes = [
      ...claims.map(({ volume, claimName }) => ({ name: volume, persistentVolumeClaim: { claimName } })),
      ...(template.spec.volumes ?? []).filter((volume) => !taken.has(volume.name)),
    ];
    const labels = { [REVISION_HASH]: revision.metadata.name, [POD_NAME]: name, [POD_INDEX]: String(ordinal) };
    const identity = { hostname: name, ...(spec.serviceName ? { subdomain: spec.serviceName } : {}) };
    const podSpec = { ...identity, ...(volumes.length > 0 ? { volumes } : {}) };
    try {
      createPod(this.#context, COMPONENT, { owner: this.#set, template, name, labels, spec: podSpec as never });
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.reason !== 'AlreadyExists') throw error;
    }
  }

  #ensureClaim(template: KubeObject, podName: string): { volume: string; claimName: string } {
    const { namespace = '' } = this.#set.metadata;
    const volume = template.metadata.name;
    const name = `${volume}-${podName}`;
    if (this.#context.door.get(CLAIMS, namespace, name) === undefined) {
      const labels = { ...template.metadata.labels, ...this.#set.spec.selector.matchLabels };
      const object = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace, labels },
        spec: template.spec,
      };
      written(this.#context.door.create(CLAIMS, object as KubeObject, MANAGER));
      const message = `create Claim ${name} Pod ${podName} in StatefulSet ${this.#set.metadata.name} success`;
      record(this.#context, COMPONENT, { about: this.#set, type: 'Normal', reason: 'SuccessfulCreate', message });
    }
    return { volume, claimName: name };
  }

  #report(current: KubeObject, update: KubeObject): number | undefined {
    const nowMs = this.#context.clock.now();
    const minReady = this.#set.spec.minReadySeconds ?? 0;
    const living = this.#pods.filter((pod) => !isTerminating(pod));
    const times = living.map((pod) => availableAt(pod, minReady)).filter((time) => time !== undefined);
    const later = times.filter((time) => time > nowMs);
    const ofRevision = (name: string) => living.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === name).length;
    const updated = ofRevision(update.metadata.name);
    const replicas = this.#pods.length;
    const ready = living.filter(isReady).length;
    // the update is complete when every replica is of it and ready: then it is what "current" means
    const wanted = this.#set.spec.replicas ?? 1;
    const complete = updated === wanted && replicas === wanted && ready === wanted;
    const currentRevision = complete ? update.metadata.name : current.metadata.name;
    const status = withoutZeros(
      {
        observedGeneration: this.#set.metadata.generation,
        replicas,
        readyReplicas: ready,
        currentReplicas: ofRevision(currentRevision),
        updatedReplicas: updated,
        currentRevision,
        updateRevision: update.metadata.name,
        collisionCount: this.#set.status?.collisionCount ?? 0,
        availableReplicas: times.length - later.length,
      },
      ['replicas', 'collisionCount', 'availableReplicas'],
    );
    if (!jsonEqual(status, this.#set.status)) writeStatus(this.#context, SETS, this.#set, status);
    return later.length === 0 ? undefined : Math.min(...later) - nowMs;
  }

  #forget(revisions: readonly KubeObject[], current: KubeObject, update: KubeObject): void {
    const used = new Set(this.#pods.map((pod) => pod.metadata.labels?.[REVISION_HASH]));
    used.add(current.metadata.name).add(update.metadata.name);
    forgetRevisions(this.#context, this.#set, revisions, ({ metadata }) => used.has(metadata.name));
  }
}

function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const { name } = set.metadata;
  if (!pod.metadata.name.startsWith(`${name}-`)) return undefined;
  const rest = pod.metadata.name.slice(name.length + 1);
  return /^\d+$/.test(rest) ? Number(rest) : undefined;
}
