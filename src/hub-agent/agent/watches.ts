/** One watch per kind that is held: over the whole cluster where the agent may, else namespace by namespace, as whoever acts there. */
import { type Clock, groupOf, type KubeObject, type ObjectRef, type Random } from '../../base/index.ts';
import { collectionPath, type KindInfo, watchLoop } from '../../kubernetes/index.ts';
import { accountText, type Identities, type Identity, type ServiceAccountRef } from './identities.ts';

export interface Watches {
  /** Begins to watch the kind of that object, if it is not yet. */
  watch(ref: ObjectRef, as: ServiceAccountRef | undefined): Promise<void>;
  /** Whether everything of that kind that is there has been seen. */
  isReady(ref: ObjectRef, as: ServiceAccountRef | undefined): boolean;
  /** Kinds have come or gone: watches over what is served no more end. */
  endUnserved(): Promise<void>;
}

export interface WatchesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly identities: Identities;
  /** All that is there now; `covers`: what else would have been among it. */
  onList(objects: readonly KubeObject[], covers: (ref: ObjectRef, as: ServiceAccountRef | undefined) => boolean): void;
  onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void;
}

/** What one watch is over. */
interface Scope {
  readonly apiVersion: string;
  readonly kind: string;
  /** undefined: the whole cluster. */
  readonly namespace: string | undefined;
  readonly as: ServiceAccountRef | undefined;
}

interface Begun {
  ready: boolean;
  readonly scope: Scope;
  readonly end: AbortController;
}

export function createWatches(options: WatchesOptions): Watches {
  const begun = new Map<string, Begun>();
  /** By kind: whether the agent itself may watch it everywhere. */
  const everywhere = new Map<string, Promise<boolean>>();

  function begin(scope: Scope, info: KindInfo, identity: Identity): void {
    const key = keyOf(scope);
    if (begun.has(key)) return;
    const entry: Begun = { ready: false, scope, end: new AbortController() };
    begun.set(key, entry);
    const { apiVersion, kind, namespace } = scope;
    const path = collectionPath(info, namespace);
    void watchLoop(
      identity.client,
      { path, apiVersion, kind, labelSelector: 'ldc.dev/stack' },
      {
        onList: (objects) => {
          entry.ready = true;
          options.onList(objects, (ref, as) => covers(scope, ref, as));
        },
        onEvent: (type, object) => options.onEvent(type, { ...object, apiVersion, kind } as KubeObject),
      },
      { ...options, signal: AbortSignal.any([options.signal, entry.end.signal]) },
    );
  }
  async function mayEverywhere(ref: ObjectRef, info: KindInfo): Promise<boolean> {
    const rights = ['list', 'watch'].map((verb) => ({ verb, group: groupOf(ref.apiVersion), resource: info.plural }));
    const answer = await options.identities.itself.access.missing(rights);
    // whoever may watch everywhere may watch each namespace, so that is the safe side of not knowing
    return answer.kind === 'answered' && answer.value.length === 0;
  }
  return {
    async watch(ref, as) {
      if (begunFor(begun, ref, as) !== undefined) return;
      const identity = options.identities.of(as);
      const info = await identity.objects.info(ref);
      if (info === undefined) return;
      const kind = kindOf(ref);
      const name = `${kind.apiVersion}/${kind.kind}`;
      if (as === undefined && info.namespaced && !everywhere.has(name)) everywhere.set(name, mayEverywhere(ref, info));
      const whole = !info.namespaced || (as === undefined && (await everywhere.get(name)) === true);
      begin({ ...kind, namespace: whole ? undefined : ref.namespace, as }, info, identity);
    },
    async endUnserved() {
      for (const [key, { scope, end }] of [...begun]) {
        if ((await options.identities.of(scope.as).objects.info(scope)) !== undefined) continue;
        end.abort();
        begun.delete(key);
      }
    },
    isReady: (ref, as) => begunFor(begun, ref, as)?.ready === true,
  };
}

function begunFor<T>(begun: ReadonlyMap<string, T>, ref: ObjectRef, as: ServiceAccountRef | undefined): T | undefined {
  const kind = kindOf(ref);
  return (
    begun.get(keyOf({ ...kind, namespace: undefined, as })) ??
    begun.get(keyOf({ ...kind, namespace: ref.namespace, as }))
  );
}

function covers(scope: Scope, ref: ObjectRef, as: ServiceAccountRef | undefined): boolean {
  if (ref.apiVersion !== scope.apiVersion || ref.kind !== scope.kind) return false;
  if (textOf(as) !== textOf(scope.as)) return false;
  return scope.namespace === undefined || scope.namespace === ref.namespace;
}

function kindOf({ apiVersion, kind }: ObjectRef) {
  return { apiVersion, kind };
}

function keyOf({ apiVersion, kind, namespace, as }: Scope): string {
  return `${textOf(as)} ${apiVersion}/${kind} ${namespace ?? ''}`;
}

function textOf(as: ServiceAccountRef | undefined): string {
  return as === undefined ? '' : accountText(as);
}
