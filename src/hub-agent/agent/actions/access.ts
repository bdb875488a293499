/** Whether whoever acts may do what is wanted, asked before anything is done: a missing right is a refused plan, not a failed step. */
import type { Json, KubeObject, ObjectRef, Refusal } from '../../../base/index.ts';
import type { Right } from '../../../kubernetes/index.ts';
import { refuse, retryLater } from '../halted.ts';
import { accountText, type Identity } from '../identities.ts';
import { type Deed, type Need, needsOf } from '../rights.ts';
import type { Done, Work } from './work.ts';

export async function access(
  work: Work,
  body: { objects: readonly KubeObject[]; needed: readonly ObjectRef[]; gone: readonly ObjectRef[] },
): Promise<Done> {
  const found = await missing(work, { wanted: body.objects, needed: body.needed, gone: body.gone });
  if (found.kind === 'unknown') return { output: { kind: 'access', refusal: null, unknown: found.reason } };
  return { output: { kind: 'access', refusal: found.refusal } };
}

/** Halts as refused when a right is missing; one that the API server says nothing of is left to the dry run. */
export async function requireAccess(work: Work, deed: Deed): Promise<void> {
  const found = await missing(work, deed);
  if (found.kind === 'found' && found.refusal !== null) return refuse(found.refusal);
  if (work.signal.aborted) return retryLater('stopped');
}

type Found =
  | { readonly kind: 'found'; readonly refusal: Refusal | null }
  | { readonly kind: 'unknown'; readonly reason: string };

async function missing(work: Work, deed: Deed): Promise<Found> {
  // whoever may make what has to exist need not look whether it does
  const found = await missingOf(work, await needsOf(work.objects, deed, false));
  return found.kind === 'found' && found.refusal !== null
    ? missingOf(work, await needsOf(work.objects, deed, true))
    : found;
}

async function missingOf({ identity }: Work, needs: readonly Need[]): Promise<Found> {
  const answer = await identity.access.missing(needs.map(({ right }) => right));
  if (answer.kind === 'unknown') return answer;
  const absent = new Set(answer.value.map(keyOf));
  const left = needs.filter(({ right }) => absent.has(keyOf(right)));
  if (left.length === 0) return { kind: 'found', refusal: null };
  const exempting = left.flatMap(({ unless }) => (unless === undefined ? [] : [unless]));
  const notExempt = await identity.access.missing(exempting);
  if (notExempt.kind === 'unknown') return notExempt;
  const bound = new Set(notExempt.value.map(keyOf));
  const real = left.filter(({ unless }) => unless === undefined || bound.has(keyOf(unless)));
  return { kind: 'found', refusal: real.length === 0 ? null : refusalOf(identity, real) };
}

const SHOWN_MAX = 8;
const DETAILS_MAX = 100;

function refusalOf({ serviceAccount }: Identity, needs: readonly Need[]): Refusal {
  const who = serviceAccount === undefined ? 'the agent' : `ServiceAccount ${accountText(serviceAccount)}`;
  const gaps = gapsOf(needs);
  const texts = gaps.map(textOf);
  const more = texts.length > SHOWN_MAX ? `; and ${texts.length - SHOWN_MAX} more` : '';
  const details = needs.slice(0, DETAILS_MAX).map(({ right, object, unless }) => ({
    ...right,
    object,
    ...(serviceAccount === undefined ? {} : { serviceAccount: accountText(serviceAccount) }),
    ...(unless === undefined ? {} : { granted: true }),
  }));
  return {
    kind: 'rightsMissing',
    message: `${who} ${texts.slice(0, SHOWN_MAX).join('; ')}${more}`,
    where: needs[0]?.object ?? '',
    hint: hintOf(serviceAccount === undefined, gaps),
    details: details as unknown as Json,
  };
}

/** The same verbs missing on several kinds of one place. */
interface Gap {
  readonly verbs: readonly string[];
  readonly rights: readonly Right[];
  /** The first need of it: an object, and whether it would grant. */
  readonly need: Need;
}

function gapsOf(needs: readonly Need[]): readonly Gap[] {
  const byKind = [...Map.groupBy(needs, ({ right, unless }) => `${unless?.verb ?? ''} ${scopeOf(right)}`).values()];
  const rows = byKind.map((own) => ({ need: own[0] as Need, verbs: [...new Set(own.map(({ right }) => right.verb))] }));
  const alike = Map.groupBy(rows, ({ need: { right, unless }, verbs }) =>
    JSON.stringify([right.namespace, isNamespace(right), unless, verbs]),
  );
  return [...alike.values()].map((own) => {
    const [{ need, verbs }] = own as [(typeof own)[number]];
    return { need, verbs, rights: own.map((one) => one.need.right) };
  });
}

function textOf({ verbs, rights, need: { right, unless, object } }: Gap): string {
  const kinds = rights.map(qualified).join(', ');
  const { namespace } = right;
  const place = namespace === undefined ? 'of the whole cluster' : `in namespace ${namespace}`;
  const what = `${verbs.join(', ')} ${isNamespace(right) ? `the namespace ${namespace}` : `${kinds} ${place}`}`;
  if (unless === undefined) return `may not ${what}`;
  return `may not grant what it does not hold itself (${what}), as ${object} would`;
}

function hintOf(isAgent: boolean, gaps: readonly Gap[]): string {
  const own = gaps.filter(({ need }) => need.unless === undefined);
  if (own.length === 0) {
    const unless = gaps[0]?.need.unless as Right;
    return isAgent
      ? 'name a ServiceAccount that may, in spec.serviceAccount: agents are never given escalate or bind'
      : `give it those rights, or ${unless.verb} on ${qualified(unless)}`;
  }
  const add = `add to its Role: ${own.flatMap(rulesOf).slice(0, SHOWN_MAX).join(', ')}`;
  return isAgent ? `${add}${printed(own)}; or name a ServiceAccount that may, in spec.serviceAccount` : add;
}

/** Kinds that are not of Kubernetes itself are given to agents by their names. */
function printed(gaps: readonly Gap[]): string {
  const custom = gaps
    .flatMap(({ rights }) => rights)
    .filter(({ group }) => group.includes('.') && !group.endsWith('.k8s.io'))
    .map(({ group, resource }) => `${group}/${resource}`);
  if (custom.length === 0) return '';
  return `, as \`ldc agent manifests\` prints it with --kinds ${[...new Set(custom)].slice(0, SHOWN_MAX).join(',')} beside its other flags`;
}

function rulesOf({ verbs, rights }: Gap): readonly string[] {
  return [...Map.groupBy(rights, ({ group }) => group)].map(([group, own]) => {
    const resources = [...new Set(own.map(({ resource }) => resource))].join(', ');
    return `{apiGroups: [${JSON.stringify(group)}], resources: [${resources}], verbs: [${verbs.join(', ')}]}`;
  });
}

/** As RBAC's own messages have it: `deployments.apps`. */
function qualified({ group, resource }: Right): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** One namespace itself: it is judged within itself. */
function isNamespace({ group, resource, namespace }: Right): boolean {
  return group === '' && resource === 'namespaces' && namespace !== undefined;
}

function scopeOf({ group, resource, namespace }: Right): string {
  return JSON.stringify([group, resource, namespace]);
}

function keyOf({ verb, name, ...right }: Right): string {
  return `${verb} ${scopeOf({ verb, ...right })} ${name ?? ''}`;
}
