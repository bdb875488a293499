/** Where a real server keeps an object in etcd: its refusals of another uid name the place. */
import type { ResourceInfo } from '../types.ts';

/** Kinds whose place is not their plural. */
const PLACES: { readonly [resource: string]: string } = {
  '/endpoints': 'services/endpoints',
  '/nodes': 'minions',
  '/replicationcontrollers': 'controllers',
  '/services': 'services/specs',
  'events.k8s.io/events': 'events',
  'networking.k8s.io/ingresses': 'ingress',
};
/** Groups that keep their kinds under their own name, as custom resources do. */
const BY_GROUP = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

export function storageKey(
  resource: ResourceInfo,
  custom: boolean,
  namespace: string | undefined,
  name: string,
): string {
  const { group, plural } = resource;
  const place = PLACES[`${group}/${plural}`] ?? (custom || BY_GROUP.has(group) ? `${group}/${plural}` : plural);
  return ['/registry', place, ...(namespace === undefined ? [] : [namespace]), name].join('/');
}
