import { isObject, type KubeObject } from '../../base/index.ts';
import type { Endpoints, ServiceRequest } from './service-proxy.ts';
import type { Target } from './tcp-proxy.ts';

/** What is known of a cluster's Services, at the moment of asking. */
export interface ServiceReader {
  service(namespace: string, name: string): KubeObject | undefined;
  /** The EndpointSlices of a Service. */
  slices(namespace: string, service: string): readonly KubeObject[];
}

type SlicePort = { readonly name?: string; readonly port?: number };
type SliceEndpoint = { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } };

/** Ready endpoints of a Service's port. `dialled` turns an address of a slice into the one to connect to. */
export function endpointsOf(
  reader: ServiceReader,
  dialled: (address: string) => string = (address) => address,
): Endpoints {
  return (wanted) => {
    const name = portName(reader, wanted);
    if (name === undefined) return undefined;
    return reader.slices(wanted.namespace, wanted.service).flatMap((slice): readonly Target[] => {
      const ports = (slice.ports ?? []) as readonly SlicePort[];
      const number = ports.find((candidate) => (candidate.name ?? '') === name)?.port;
      const endpoints = (slice.endpoints ?? []) as readonly SliceEndpoint[];
      if (number === undefined) return [];
      return endpoints
        .filter(({ conditions }) => conditions?.ready === true)
        .map(({ addresses }) => ({ host: dialled(addresses[0] as string), port: number }));
    });
  };
}

/** The name under which slices list the wanted port; undefined when the Service does not have it. */
function portName(reader: ServiceReader, { namespace, service, port }: ServiceRequest): string | undefined {
  const spec = reader.service(namespace, service)?.spec;
  if (!isObject(spec) || !Array.isArray(spec.ports)) return undefined;
  const ports = spec.ports as readonly { readonly name?: string; readonly port: number }[];
  const found =
    port === undefined ? ports[0] : ports.find((other) => other.name === port || String(other.port) === port);
  return found === undefined ? undefined : (found.name ?? '');
}
