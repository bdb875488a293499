/** Kinds that are asked and answered, not stored: who am I, may they, whose token. */
import type { Json, KubeObject } from '../../base/index.ts';
import { trackUpdate } from '../apply/index.ts';
import { kubeTime } from '../objects/index.ts';
import { throughWire } from '../schema/index.ts';
import { fromToken } from './authenticate.ts';
import { type Call, type Fields, part, type User } from './cluster.ts';
import type { Serving } from './handler.ts';
import { type Attributes, grantOf, type Rule, rulesOf } from './rbac.ts';
import { badRequest, invalid } from './status.ts';
import { fields } from './strategy.ts';
import { ISSUER, verifyToken } from './tokens.ts';

/** The answered review, or undefined when the kind is an ordinary one. */
export function review(serving: Serving, call: Call, object: KubeObject): KubeObject | undefined {
  const { group, kind } = call.resource;
  if (group === 'authentication.k8s.io' && kind === 'SelfSubjectReview') return whoAmI(serving, call, object);
  if (group === 'authentication.k8s.io' && kind === 'TokenReview') {
    if (part(object, 'spec').token === undefined)
      throw badRequest('token is required for TokenReview in authentication');
    return tracked(serving, call, object, tokenStatus(serving, part(object, 'spec')));
  }
  if (group !== 'authorization.k8s.io') return undefined;
  if (kind === 'SelfSubjectRulesReview') return rulesReview(serving, call, object);
  const spec = part(object, 'spec');
  checkAccessReview(kind, spec);
  const user = kind === 'SelfSubjectAccessReview' ? call.user : userOf(spec);
  const grant = grantOf(serving.cluster, user, attributesOf(spec, call.namespace));
  return tracked(serving, call, object, { allowed: grant !== undefined, ...grant });
}

/** @throws ApiError 422 for a review that names nobody, or not exactly one thing to be allowed. */
function checkAccessReview(kind: string, spec: Fields): void {
  const refuse = (field: string, value: string, why: string) =>
    invalid({ group: 'authorization.k8s.io', kind: '' }, '', [
      { reason: 'FieldValueInvalid', field, message: `Invalid value: ${value}: ${why}` },
    ]);
  const { user, groups, resourceAttributes, nonResourceAttributes } = spec;
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw refuse('spec.resourceAttributes', 'null', why);
  }
  if (kind === 'SelfSubjectAccessReview' || (typeof user === 'string' && user !== '')) return;
  if (Array.isArray(groups) && groups.length > 0) return;
  throw refuse('spec.user', '""', 'at least one of user or group must be specified');
}

function tracked(serving: Serving, call: Call, object: KubeObject, status: Fields): KubeObject {
  const { resource, manager } = call;
  const time = kubeTime(serving.cluster.clock.now());
  const next =
    resource.schema === undefined
      ? object
      : (throughWire(object as unknown as { readonly [key: string]: Json }, resource.schema) as unknown as KubeObject);
  const { status: _status, ...asked } = next;
  const { managedFields } = trackUpdate({
    live: undefined,
    next: asked as KubeObject,
    manager,
    subresource: '',
    time,
    resource,
  }).metadata;
  const metadata = { ...object.metadata, ...(managedFields === undefined ? {} : { managedFields }) };
  return { ...(asked as KubeObject), metadata, status };
}

function whoAmI({ cluster }: Serving, call: Call, object: KubeObject): KubeObject {
  const { apiVersion, kind } = object;
  const metadata = { creationTimestamp: kubeTime(cluster.clock.now()) };
  return { apiVersion, kind, metadata, status: { userInfo: userInfo(call.user) } } as unknown as KubeObject;
}

function userInfo({ name, uid, groups, extra }: User): Fields {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) };
}

function tokenStatus(serving: Serving, spec: Fields): Fields {
  const token = typeof spec.token === 'string' ? spec.token : '';
  const audiences = Array.isArray(spec.audiences) && spec.audiences.length > 0 ? spec.audiences.map(String) : [ISSUER];
  const fixed = [...serving.tokens.keys()].includes(token)
    ? fromToken(serving.cluster, serving.pki.tokenPublicKey, serving.tokens, token)
    : undefined;
  if (fixed !== undefined) return { authenticated: true, user: userInfo(fixed), audiences };
  const verified = verifyToken(serving.cluster, serving.pki.tokenPublicKey, token, audiences);
  switch (verified.kind) {
    case 'user':
      return { authenticated: true, user: userInfo(verified.user), audiences: verified.audiences };
    case 'audience': {
      const shown = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
      return {
        user: {},
        error: `[invalid bearer token, token audiences ${shown(verified.has)} is invalid for the target audiences ${shown(audiences)}]`,
      };
    }
    case 'unknown':
      return { user: {}, error: 'invalid bearer token' };
  }
}

function userOf(spec: Fields): User {
  const groups = Array.isArray(spec.groups) ? spec.groups.map(String) : [];
  return { name: String(spec.user ?? ''), groups };
}

function attributesOf(spec: Fields, reviewNamespace: string | undefined): Attributes {
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : '');
  const path = fields(spec.nonResourceAttributes);
  if (spec.nonResourceAttributes !== undefined) return { kind: 'path', verb: text(path.verb), path: text(path.path) };
  const resource = fields(spec.resourceAttributes);
  return {
    kind: 'resource',
    verb: text(resource.verb),
    group: text(resource.group),
    resource: text(resource.resource),
    subresource: text(resource.subresource),
    namespace: text(resource.namespace) || (reviewNamespace ?? ''),
    name: text(resource.name),
  };
}

function rulesReview({ cluster }: Serving, call: Call, object: KubeObject): KubeObject {
  const namespace = String(part(object, 'spec').namespace ?? '');
  const rules = rulesOf(cluster, call.user, namespace);
  const masters: readonly Rule[] =
    call.user.groups.includes('system:masters') && rules.length === 0 ? [ALL_RESOURCES, ALL_PATHS] : [];
  const all = [...masters, ...rules];
  const resourceRules = all
    .filter((rule) => rule.resources.length > 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({
      verbs,
      apiGroups,
      resources,
      ...(resourceNames.length === 0 ? {} : { resourceNames }),
    }));
  const nonResourceRules = all
    .filter((rule) => rule.nonResourceURLs.length > 0)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  const { apiVersion, kind } = object;
  const status = { resourceRules, nonResourceRules, incomplete: false };
  return { apiVersion, kind, metadata: {}, spec: {}, status } as unknown as KubeObject;
}

const ALL_RESOURCES: Rule = {
  verbs: ['*'],
  apiGroups: ['*'],
  resources: ['*'],
  resourceNames: [],
  nonResourceURLs: [],
};
const ALL_PATHS: Rule = { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] };
