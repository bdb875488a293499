/** May the clusters' agents do what a plan says? Asked of each before the plan is a transaction: what is missing refuses the plan. */
import {
  type Digest,
  isObject,
  type Json,
  type JsonObject,
  jsonEqual,
  type KubeObject,
  type ObjectRef,
  type Refusal,
  refOf,
} from '../base/index.ts';
import { type Bundle, locationId, type Plan, type ServiceAccountRef } from '../plan/index.ts';
import type { Command } from '../protocol/types.ts';
import type { Room } from './room.ts';

export interface RightsFound {
  readonly refusal: Refusal | undefined;
  /** Where it could not be asked, and why: said beside the plan, and left to the first step there. */
  readonly notes: readonly string[];
}

type Access = Extract<Command['body'], { kind: 'access' }>;
type Answer =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly cluster: string; readonly refusal: Refusal }
  | { readonly kind: 'silent'; readonly cluster: string; readonly why: string };

/** A plan waits so long for the slowest cluster. */
const WAIT_MS_MAX = 5_000;
/** What an agent says of rights; any other refusal is about the question. */
const REFUSALS = ['rightsMissing', 'noServiceAccount', 'mayNotActAs'];

/** @returns asks for one plan after another of one wish; what was answered for an earlier one is not asked again */
export function createRightsCheck(
  namespace: string,
  room: Room,
): (plan: Plan, bundles: ReadonlyMap<Digest, Bundle>) => Promise<RightsFound> {
  const answered: (Ask & { readonly answer: Answer })[] = [];
  const answerOf = async ({ cluster, body }: Ask): Promise<Answer> => {
    const known = answered.find((one) => one.cluster === cluster && jsonEqual(one.body as Json, body as Json));
    const answer = known?.answer ?? (await ask(cluster, body, room));
    if (known === undefined) answered.push({ cluster, body, answer });
    return answer;
  };
  return async (plan, bundles) => {
    const asks = asksOf(plan, (digest) => bundles.get(digest) ?? room.bundles.get(digest), namespace);
    const answers = await Promise.all(asks.map(answerOf));
    const refused = answers.filter((answer) => answer.kind === 'refused');
    const silent = answers.filter((answer) => answer.kind === 'silent');
    return {
      refusal: refused.length === 0 ? undefined : together(refused),
      notes: silent.length === 0 ? [] : [note(silent)],
    };
  };
}

async function ask(cluster: string, body: Access, room: Room): Promise<Answer> {
  if (!room.link.connected(cluster)) return { kind: 'silent', cluster, why: 'its agent is not connected' };
  const command = { id: room.ids.next('access'), epoch: room.store.epoch, body };
  const outcome = await room.link.execute(cluster, command, { timeoutMs: WAIT_MS_MAX });
  switch (outcome.kind) {
    case 'refused':
      if (REFUSALS.includes(outcome.refusal.kind)) return { kind: 'refused', cluster, refusal: outcome.refusal };
      return { kind: 'silent', cluster, why: outcome.refusal.message };
    case 'retry':
    case 'unknown':
      return { kind: 'silent', cluster, why: outcome.reason };
    case 'done': {
      const { value } = outcome;
      if (value.kind !== 'access') return { kind: 'silent', cluster, why: `it answered ${value.kind}` };
      if (value.refusal !== null) return { kind: 'refused', cluster, refusal: value.refusal as Refusal };
      return value.unknown === undefined ? { kind: 'allowed' } : { kind: 'silent', cluster, why: value.unknown };
    }
  }
}

interface Ask {
  readonly cluster: string;
  readonly body: Access;
}

/** One question for each cluster and each identity that acts there. */
function asksOf(plan: Plan, bundleOf: (digest: Digest) => Bundle | undefined, namespace: string): readonly Ask[] {
  const changed = new Map(plan.changes.filter(({ change }) => change !== 'none').map((one) => [one.location, one]));
  const asks = new Map<
    string,
    { cluster: string; as: ServiceAccountRef | undefined; objects: KubeObject[]; gone: ObjectRef[] }
  >();
  const askFor = (cluster: string, as: ServiceAccountRef | undefined) => {
    const key = JSON.stringify([cluster, as]);
    const known = asks.get(key) ?? { cluster, as, objects: [], gone: [] };
    asks.set(key, known);
    return known;
  };
  for (const { location, bundle: digest } of plan.locations) {
    const bundle = bundleOf(digest);
    const change = changed.get(locationId(location));
    if (bundle === undefined || change === undefined) continue;
    const one = askFor(location.cluster, bundle.serviceAccount);
    one.objects.push(...bundle.objects.map(bare));
    one.gone.push(...change.objects.filter(({ change: what }) => what === 'delete').map(({ ref }) => ref));
  }
  for (const { work } of plan.steps) {
    if (work.action !== 'remove') continue;
    const before = bundleOf(work.previous.bundle);
    askFor(work.location.cluster, before?.serviceAccount).gone.push(...(before?.objects.map(refOf) ?? []));
  }
  return [...asks.values()].map(({ cluster, as, objects, gone }) => {
    // who is in it needs no right to make it
    const isMade = as === undefined && objects.some(({ metadata }) => metadata.namespace === namespace);
    const needed = isMade && !objects.some((one) => one.kind === 'Namespace' && one.metadata.name === namespace);
    const account = as === undefined ? {} : { serviceAccount: { ...as } };
    return { cluster, body: { kind: 'access', ...account, objects, needed: needed ? [space(namespace)] : [], gone } };
  });
}

function space(name: string): ObjectRef {
  return { apiVersion: 'v1', kind: 'Namespace', name };
}

/** Of an object what rights depend on, and no field that could be large or hold a secret. */
function bare(object: KubeObject): KubeObject {
  const { apiVersion, kind, rules, roleRef } = object;
  const spec: JsonObject = kind === 'CustomResourceDefinition' && isObject(object.spec) ? object.spec : {};
  const { group, scope, names } = spec;
  const { name, namespace } = object.metadata;
  return {
    apiVersion,
    kind,
    metadata: namespace === undefined ? { name } : { name, namespace },
    ...(rules === undefined ? {} : { rules }),
    ...(roleRef === undefined ? {} : { roleRef }),
    ...(group === undefined || scope === undefined || names === undefined ? {} : { spec: { group, scope, names } }),
  };
}

const SHOWN_MAX = 3;

function together(refused: readonly Extract<Answer, { kind: 'refused' }>[]): Refusal {
  const [first] = refused as [(typeof refused)[number]];
  // what is missing everywhere is said once
  const byText = [...Map.groupBy(refused, ({ refusal }) => refusal.message)];
  const texts = byText.map(([message, own]) => `${few(own.map(({ cluster }) => cluster))}: ${message}`);
  const { kind, hint } = first.refusal;
  return {
    kind,
    message:
      texts.slice(0, SHOWN_MAX).join('. ') + (texts.length > SHOWN_MAX ? `. And ${texts.length - SHOWN_MAX} more` : ''),
    where: first.cluster,
    hint,
    details: refused
      .slice(0, 100)
      .map(({ cluster, refusal }): Json => ({ cluster, ...(refusal as unknown as JsonObject) })),
  };
}

function note(silent: readonly Extract<Answer, { kind: 'silent' }>[]): string {
  const clusters = few(silent.map(({ cluster }) => cluster));
  return `Whether it may be done there could not be asked of ${clusters} (${silent[0]?.why}): the first step there will say.`;
}

function few(names: readonly string[]): string {
  const more = names.length > SHOWN_MAX ? ` and ${names.length - SHOWN_MAX} more` : '';
  return `${names.slice(0, SHOWN_MAX).join(', ')}${more}`;
}
