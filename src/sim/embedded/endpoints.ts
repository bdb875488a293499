import { isObject } from '../../base/index.ts';
import type { Endpoints, ServiceRequest, Target } from '../gateway/index.ts';
import type { ApiDoor } from '../types.ts';

type SlicePort = { readonly name?: string; readonly port?: number };
type SliceEndpoint = { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } };

/** Ready endpoints of a Service's port, read from its EndpointSlices at the moment of asking. */
export function endpointsOf(door: ApiDoor): Endpoints {
  return ({ namespace, service, port }) => {
    const name = portName(door, { namespace, service, ...(port === undefined ? {} : { port }), path: '' });
    if (name === undefined) return undefined;
    const labels = { 'kubernetes.io/service-name': service };
    return door.list('endpointslices.discovery.k8s.io', { namespace, labels }).flatMap((slice): readonly Target[] => {
      const ports = (slice.ports ?? []) as readonly SlicePort[];
      const number = ports.find((candidate) => (candidate.name ?? '') === name)?.port;
      const endpoints = (slice.endpoints ?? []) as readonly SliceEndpoint[];
      if (number === undefined) return [];
      return endpoints
        .filter(({ conditions }) => conditions?.ready === true)
        .map(({ addresses }) => ({ host: addresses[0] as string, port: number }));
    });
  };
}

/** The name under which slices list the wanted port; undefined when the Service does not have it. */
function portName(door: ApiDoor, { namespace, service, port }: ServiceRequest): string | undefined {
  const spec = door.get('services', namespace, service)?.spec;
  if (!isObject(spec) || !Array.isArray(spec.ports)) return undefined;
  const ports = spec.ports as readonly { readonly name?: string; readonly port: number }[];
  const found =
    port === undefined ? ports[0] : ports.find((other) => other.name === port || String(other.port) === port);
  return found === undefined ? undefined : (found.name ?? '');
}
