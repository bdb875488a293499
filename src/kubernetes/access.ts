/** What whoever a client acts as may do in its cluster: SelfSubjectRulesReview first, SelfSubjectAccessReview where that does not say. */
import { type Clock, isObject, type Json, type JsonObject } from '../base/index.ts';
import type { ApiAnswer, Client } from './types.ts';

/** One verb on one resource. `namespace` absent: the whole cluster. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  /** With its subresource, such as `deployments/scale`. */
  readonly resource: string;
  readonly namespace?: string;
  /** Absent: any object, or one that has no name yet. */
  readonly name?: string;
}

/** A rule of a Role, as RBAC has it. */
export interface RoleRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  /** Empty: every object. */
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

/** `unknown`: the API server did not say; nobody is to be refused for that. */
export type AccessAnswer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface Access {
  /** Those of the rights that are not there. */
  missing(rights: readonly Right[]): Promise<AccessAnswer<readonly Right[]>>;
}

interface KnownRules {
  readonly rules: readonly RoleRule[];
  /** An authorizer could not list its rules: a right that is not in them may be there all the same. */
  readonly incomplete: boolean;
}

const REVIEWS = '/apis/authorization.k8s.io/v1';
/** Rights that are there are believed so long; one that is not is asked for anew each time. */
const KNOWN_MS = 10_000;
const KNOWN_MAX = 10_000;

export function createAccess(client: Client, clock: Clock): Access {
  const known = new Map<string, { readonly value: KnownRules; readonly atMs: number }>();
  /** Single rights that are there, and when that was said. */
  const granted = new Map<string, number>();
  const isFresh = (atMs: number | undefined) => atMs !== undefined && clock.monotonic() - atMs < KNOWN_MS;

  async function readRules(namespace: string): Promise<AccessAnswer<KnownRules>> {
    const read = statusOf(await review(client, 'SelfSubjectRulesReview', { namespace }));
    if (read.kind === 'unknown') return read;
    const { resourceRules, nonResourceRules, incomplete } = read.value;
    const rules = [...objects(resourceRules), ...objects(nonResourceRules)].map(roleRuleOf);
    const value = { rules, incomplete: incomplete === true };
    known.set(namespace, { value, atMs: clock.monotonic() });
    return { kind: 'answered', value };
  }

  async function missingIn(namespace: string, rights: readonly Right[]): Promise<AccessAnswer<readonly Right[]>> {
    const before = known.get(namespace);
    if (before !== undefined && isFresh(before.atMs) && uncovered(before.value.rules, rights).length === 0)
      return { kind: 'answered', value: [] };
    const read = await readRules(namespace);
    if (read.kind === 'unknown') return read;
    const left = uncovered(read.value.rules, rights);
    return read.value.incomplete ? denied(left) : { kind: 'answered', value: left };
  }

  async function isMissing(right: Right): Promise<AccessAnswer<readonly Right[]>> {
    if (isFresh(granted.get(keyOf(right)))) return { kind: 'answered', value: [] };
    const { verb, group, namespace, name } = right;
    const [resource, subresource] = right.resource.split('/');
    const attributes = { verb, group, resource, subresource, namespace, name };
    const resourceAttributes = JSON.parse(JSON.stringify(attributes)) as JsonObject; // without what is undefined
    const read = statusOf(await review(client, 'SelfSubjectAccessReview', { resourceAttributes }));
    if (read.kind === 'unknown') return read;
    if (read.value.allowed !== true) return { kind: 'answered', value: [right] };
    if (granted.size >= KNOWN_MAX) granted.clear();
    granted.set(keyOf(right), clock.monotonic());
    return { kind: 'answered', value: [] };
  }
  /** Asks for each by itself. */
  const denied = async (rights: readonly Right[]) => together(await Promise.all(rights.map(isMissing)));

  return {
    async missing(rights) {
      const byNamespace = Map.groupBy(unique(rights), (right) => right.namespace);
      const answers = await Promise.all(
        [...byNamespace].map(([namespace, own]) =>
          // rules of a namespace say nothing of the whole cluster: a Role there may name its resources, too
          namespace === undefined ? denied(own) : missingIn(namespace, own),
        ),
      );
      return together(answers);
    },
  };
}

/** Those that no rule gives. */
function uncovered(rules: readonly RoleRule[], rights: readonly Right[]): readonly Right[] {
  return rights.filter((right) => !rules.some((rule) => gives(rule, right)));
}

/** Whether a rule gives a right. One that is limited to names gives nothing to what has none. */
export function gives(rule: RoleRule, { verb, group, resource, name }: Right): boolean {
  const subresource = resource.split('/')[1];
  return (
    has(rule.verbs, verb) &&
    has(rule.apiGroups, group) &&
    (has(rule.resources, resource) || (subresource !== undefined && rule.resources.includes(`*/${subresource}`))) &&
    (rule.resourceNames.length === 0 || (name !== undefined && rule.resourceNames.includes(name)))
  );
}

export function roleRuleOf(rule: JsonObject): RoleRule {
  const list = (value: Json | undefined) => (Array.isArray(value) ? value.map(String) : []);
  return {
    verbs: list(rule.verbs),
    apiGroups: list(rule.apiGroups),
    resources: list(rule.resources),
    resourceNames: list(rule.resourceNames),
    nonResourceURLs: list(rule.nonResourceURLs),
  };
}

function together(answers: readonly AccessAnswer<readonly Right[]>[]): AccessAnswer<readonly Right[]> {
  const silent = answers.find((answer) => answer.kind === 'unknown');
  if (silent !== undefined) return silent;
  return { kind: 'answered', value: answers.flatMap((answer) => (answer.kind === 'answered' ? answer.value : [])) };
}

function review(client: Client, kind: string, spec: JsonObject): Promise<ApiAnswer> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind, spec };
  return client.request({ method: 'POST', path: `${REVIEWS}/${kind.toLowerCase()}s`, body });
}

function statusOf(answer: ApiAnswer): AccessAnswer<JsonObject> {
  if (answer.kind === 'unreachable') return { kind: 'unknown', reason: answer.reason };
  if (answer.status < 300 && isObject(answer.body) && isObject(answer.body.status)) {
    return { kind: 'answered', value: answer.body.status };
  }
  const message = isObject(answer.body) && typeof answer.body.message === 'string' ? answer.body.message : '';
  return { kind: 'unknown', reason: `the API server answered ${answer.status} to a question about rights ${message}` };
}

function unique(rights: readonly Right[]): readonly Right[] {
  return [...new Map(rights.map((right) => [keyOf(right), right])).values()];
}

function keyOf({ verb, group, resource, namespace, name }: Right): string {
  return JSON.stringify([verb, group, resource, namespace, name]);
}

function has(values: readonly string[], wanted: string): boolean {
  return values.includes('*') || values.includes(wanted);
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
