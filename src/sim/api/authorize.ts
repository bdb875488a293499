/** May they? Asked of RBAC, refused in the real server's words. */

import type { Impersonation } from './authenticate.ts';
import type { Call, Cluster, User } from './cluster.ts';
import { type Attributes, allowed } from './rbac.ts';
import type { RequestTarget, Verb } from './request.ts';
import { ApiError, qualified } from './status.ts';

type ResourceAttributes = Attributes & { readonly kind: 'resource' };

export function attributesOf(target: RequestTarget, verb: Verb): ResourceAttributes {
  const { group, plural: resource, name } = target;
  // what follows `proxy` is the proxied path, and no part of the right
  const [subresource = ''] = target.subresource.split('/');
  const namespace = target.namespace ?? (group === '' && resource === 'namespaces' ? name : '');
  return { kind: 'resource', verb, group, resource, subresource, namespace, name };
}

/** What a call is about: for asking of a right that it turns out to need. */
export function targetOf({ resource, namespace, name, subresource }: Call): RequestTarget {
  const { group, version, plural } = resource;
  return { group, version, plural, name, subresource, ...(namespace === undefined ? {} : { namespace }) };
}

/** @throws ApiError 403. */
export function authorizeResource(cluster: Cluster, user: User, target: RequestTarget, verb: Verb): void {
  const attributes = attributesOf(target, verb);
  if (allowed(cluster, user, attributes)) return;
  throw denied(user, attributes, scopeOf(attributes.namespace));
}

/**
 * A list or watch of one object by name is judged as a request for that name.
 * @param fieldSelector as sent.
 */
export function namedBySelector(target: RequestTarget, verb: Verb, fieldSelector: string | null): RequestTarget {
  const name = /(?:^|,)metadata\.name==?([^,]+)/.exec(fieldSelector ?? '')?.[1];
  return name === undefined || target.name !== '' || (verb !== 'list' && verb !== 'watch')
    ? target
    : { ...target, name };
}

function scopeOf(namespace: string): string {
  return namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
}

function denied(user: User, { verb, group, resource, subresource, name }: ResourceAttributes, scope: string): ApiError {
  const shown = subresource === '' ? resource : `${resource}/${subresource}`;
  const why = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(shown)} in API group ${JSON.stringify(group)} ${scope}`;
  const plain = qualified({ group, plural: resource });
  const subject = name === '' ? plain : `${plain} ${JSON.stringify(name)}`;
  return new ApiError(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: resource,
  });
}

/** @throws ApiError 403. */
export function authorizePath(cluster: Cluster, user: User, path: string, method: string): void {
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  if (allowed(cluster, user, { kind: 'path', verb, path })) return;
  const message = `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}`;
  throw new ApiError(403, 'Forbidden', message, {});
}

/**
 * Acting for another needs the right to impersonate the user, and each group, uid and extra value that is named.
 * @throws ApiError 403.
 */
export function authorizeImpersonation(cluster: Cluster, user: User, { target, groups }: Impersonation): void {
  const check = (resource: string, name: string, more: Partial<ResourceAttributes> = {}) => {
    const right = {
      kind: 'resource',
      verb: 'impersonate',
      group: '',
      resource,
      subresource: '',
      namespace: '',
    } as const;
    const attributes = { ...right, name, ...more };
    if (!allowed(cluster, user, attributes)) throw denied(user, attributes, scopeOf(attributes.namespace));
  };
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(target.name);
  if (account === null) check('users', target.name);
  else check('serviceaccounts', account[2] ?? '', { namespace: account[1] ?? '' });
  for (const group of groups) check('groups', group);
  const group = 'authentication.k8s.io';
  for (const [subresource, values] of Object.entries(target.extra ?? {}))
    for (const value of values) check('userextras', value, { group, subresource });
  if (target.uid !== undefined) check('uids', target.uid, { group });
}
