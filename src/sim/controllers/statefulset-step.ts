/** What a StatefulSet does next, as kube-controller-manager decides it; pure. */

export interface Replica {
  readonly ordinal: number;
  readonly revision: string;
  readonly ready: boolean;
  readonly available: boolean;
  /** Failed or Succeeded: it is deleted and made again. */
  readonly finished: boolean;
  readonly terminating: boolean;
}

export interface Wanted {
  readonly replicas: number;
  /** The lowest ordinal. */
  readonly start: number;
  readonly parallel: boolean;
  /** updateStrategy OnDelete: pods are never replaced by themselves. */
  readonly onDelete: boolean;
  /** Ordinals below it stay at the current revision. */
  readonly partition: number;
  readonly currentRevision: string;
  readonly updateRevision: string;
}

export type Step =
  | { readonly kind: 'create'; readonly ordinal: number; readonly revision: string }
  | { readonly kind: 'delete'; readonly ordinal: number };

/**
 * With OrderedReady at most one step at a time: replicas come up in order, each waiting for the one before to be
 * available, and go down from the highest ordinal. An update waits behind a replica that is not ready, *whatever its
 * revision*: that is why a template that was set back never replaces a broken pod by itself.
 */
export function nextStep(replicas: readonly Replica[], wanted: Wanted): readonly Step[] {
  const byOrdinal = new Map(replicas.map((replica) => [replica.ordinal, replica]));
  const end = wanted.start + wanted.replicas;
  const steps: Step[] = [];
  const scaling = [...bringUp(byOrdinal, wanted, end), ...bringDown(replicas, wanted, end)];
  for (const step of scaling) {
    if (step !== 'wait') steps.push(step);
    if (!wanted.parallel) return steps;
  }
  if (steps.length > 0 || wanted.onDelete) return steps;
  return updates(byOrdinal, wanted, end);
}

/** Missing replicas are made, finished ones replaced, in order; `wait` where a replica has to become available first. */
function* bringUp(replicas: ReadonlyMap<number, Replica>, wanted: Wanted, end: number): Generator<Step | 'wait'> {
  for (let ordinal = wanted.start; ordinal < end; ordinal++) {
    const replica = replicas.get(ordinal);
    if (replica === undefined) yield { kind: 'create', ordinal, revision: revisionFor(ordinal, wanted) };
    else if (replica.finished && !replica.terminating) yield { kind: 'delete', ordinal };
    else if (replica.terminating || !replica.available) yield 'wait';
  }
}

/** Which revision a new pod gets: below the partition the current one, so that a half-done update can be held. */
function revisionFor(ordinal: number, { start, partition, currentRevision, updateRevision, onDelete }: Wanted): string {
  if (onDelete) return updateRevision;
  return ordinal < start + partition ? currentRevision : updateRevision;
}

function* bringDown(replicas: readonly Replica[], wanted: Wanted, end: number): Generator<Step | 'wait'> {
  const surplus = replicas.filter(({ ordinal }) => ordinal >= end || ordinal < wanted.start);
  for (const replica of surplus.sort((a, b) => b.ordinal - a.ordinal)) {
    yield replica.terminating ? 'wait' : { kind: 'delete', ordinal: replica.ordinal };
  }
}

/** From the highest ordinal down: replace one of the wrong revision; wait for one of the right revision that is not ready. */
function updates(replicas: ReadonlyMap<number, Replica>, wanted: Wanted, end: number): readonly Step[] {
  for (let ordinal = end - 1; ordinal >= wanted.start + wanted.partition; ordinal--) {
    const replica = replicas.get(ordinal);
    if (replica === undefined) return [];
    if (replica.revision !== wanted.updateRevision && !replica.terminating) return [{ kind: 'delete', ordinal }];
    if (!replica.available) return [];
  }
  return [];
}
