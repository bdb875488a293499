/** What is known of a real cluster's Services, kept by two watches, for its gateway. */
import type { Clock, KubeObject, Random } from '../../base/index.ts';
import { type Client, watchLoop } from '../../kubernetes/index.ts';
import type { ServiceReader } from '../gateway/index.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';

/** Watches until the signal is aborted. */
export function watchServices(
  client: Client,
  options: { readonly clock: Clock; readonly random: Random; readonly signal: AbortSignal },
): ServiceReader {
  const services = new Map<string, KubeObject>();
  /** By Service, then by name. */
  const slices = new Map<string, Map<string, KubeObject>>();
  const put = (slice: KubeObject, present: boolean) => {
    const service = key(slice.metadata.namespace, slice.metadata.labels?.[SERVICE_NAME] ?? '');
    const known = slices.get(service) ?? new Map<string, KubeObject>();
    if (present) slices.set(service, known.set(slice.metadata.name, slice));
    else if (known.delete(slice.metadata.name) && known.size === 0) slices.delete(service);
  };
  void watchLoop(
    client,
    { path: '/api/v1/services', apiVersion: 'v1', kind: 'Service' },
    {
      onList(objects) {
        services.clear();
        for (const object of objects) services.set(key(object.metadata.namespace, object.metadata.name), object);
      },
      onEvent(type, object) {
        const { namespace, name } = object.metadata;
        if (type === 'DELETED') services.delete(key(namespace, name));
        else services.set(key(namespace, name), object);
      },
    },
    options,
  );
  void watchLoop(
    client,
    { path: '/apis/discovery.k8s.io/v1/endpointslices', apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    {
      onList(objects) {
        slices.clear();
        for (const object of objects) put(object, true);
      },
      onEvent: (type, object) => put(object, type !== 'DELETED'),
    },
    options,
  );
  return {
    service: (namespace, name) => services.get(key(namespace, name)),
    slices: (namespace, service) => [...(slices.get(key(namespace, service))?.values() ?? [])],
  };
}

function key(namespace: string | undefined, name: string): string {
  return `${namespace}/${name}`;
}
