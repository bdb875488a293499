/** May they? Asked of RBAC, refused in the real server's words. */
import type { Call, Cluster, User } from './cluster.ts';
import { type Attributes, allowed } from './rbac.ts';
import type { RequestTarget, Verb } from './request.ts';
import { ApiError, qualified } from './status.ts';

export function attributesOf(target: RequestTarget, verb: Verb): Attributes {
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
  const { group, plural, name, subresource } = target;
  const shownResource = subresource === '' ? plural : `${plural}/${subresource}`;
  const scope =
    target.namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(target.namespace)}`;
  const why = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(shownResource)} in API group ${JSON.stringify(group)} ${scope}`;
  const subject =
    name === '' ? qualified({ group, plural }) : `${qualified({ group, plural })} ${JSON.stringify(name)}`;
  throw new ApiError(403, 'Forbidden', `${subject} is forbidden: ${why}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind: plural,
  });
}

/** @throws ApiError 403. */
export function authorizePath(cluster: Cluster, user: User, path: string, method: string): void {
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  if (allowed(cluster, user, { kind: 'path', verb, path })) return;
  const message = `forbidden: User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}`;
  throw new ApiError(403, 'Forbidden', message, {});
}

/** Acting for another needs the right to impersonate the user and each group named. @throws ApiError 403. */
export function authorizeImpersonation(cluster: Cluster, user: User, target: User, groups: readonly string[]): void {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(target.name);
  const check = (resource: string, name: string, namespace = '') => {
    if (
      allowed(cluster, user, {
        kind: 'resource',
        verb: 'impersonate',
        group: '',
        resource,
        subresource: '',
        namespace,
        name,
      })
    )
      return;
    const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
    const why = `User ${JSON.stringify(user.name)} cannot impersonate resource ${JSON.stringify(resource)} in API group "" ${scope}`;
    throw new ApiError(403, 'Forbidden', `${resource} ${JSON.stringify(name)} is forbidden: ${why}`, {
      name,
      kind: resource,
    });
  };
  if (account === null) check('users', target.name);
  else check('serviceaccounts', account[2] ?? '', account[1]);
  for (const group of groups) check('groups', group);
}
