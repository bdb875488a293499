/** Addresses and node ports of Services: given on creation, kept on update, unique in the cluster. */
import type { Json, KubeObject } from '../../base/index.ts';
import { type Cluster, type Fields, part } from './cluster.ts';
import { invalid } from './status.ts';
import { fields } from './strategy.ts';

/** 10.96.0.0/16: the first address is the API server's. */
const FIRST_ADDRESS = 2;
const LAST_ADDRESS = 65_534;
const NODE_PORT_FIRST = 30_000;
const NODE_PORT_LAST = 32_767;

const addressOf = (index: number) => `10.96.${index >> 8}.${index & 255}`;

/**
 * The Service with its addresses and ports.
 * @throws ApiError 422 when one that it asks for is taken or none is left.
 */
export function admitService(cluster: Cluster, given: KubeObject, live: KubeObject | undefined): KubeObject {
  const spec = live === undefined ? part(given, 'spec') : withoutLeftovers(part(given, 'spec'), part(live, 'spec'));
  const service = { ...given, spec };
  const type = String(spec.type ?? 'ClusterIP');
  // Addresses that are asked for at once are for validation to refuse; those of a former type go with it.
  if (type === 'ExternalName') return live === undefined ? service : { ...service, spec: withoutAddresses(spec) };
  const others = cluster.store.list('services').filter((other) => other.metadata.uid !== service.metadata.uid);
  const addressed = withAddress(service, spec, live, others);
  const exposed = type === 'ClusterIP' ? addressed : withNodePorts(service, addressed, live, others);
  return { ...service, spec: exposed };
}

const EXPOSED: readonly Json[] = ['NodePort', 'LoadBalancer'];

/** What only the former type needed goes with it, unless it was changed in the same request: that is for validation. */
function withoutLeftovers(spec: Fields, before: Fields): Fields {
  const dropped: string[] = [];
  const leaves = (needy: readonly Json[]) => needy.includes(before.type ?? '') && !needy.includes(spec.type ?? '');
  if (leaves(EXPOSED)) dropped.push('externalTrafficPolicy');
  if (leaves(['LoadBalancer'])) dropped.push('allocateLoadBalancerNodePorts', 'loadBalancerClass');
  const kept = Object.entries(spec).filter(([name, value]) => !dropped.includes(name) || value !== before[name]);
  const next: Fields = Object.fromEntries(kept);
  const known = new Set(nodePortsOf(before));
  if (!leaves(EXPOSED) || nodePortsOf(spec).some((port) => !known.has(port))) return next;
  const ports = portsIn(spec).map(({ nodePort: _former, ...port }) => port);
  return { ...next, ...(spec.ports === undefined ? {} : { ports }) };
}

function nodePortsOf(spec: Fields): readonly Json[] {
  return portsIn(spec).flatMap(({ nodePort }) => (nodePort === undefined || nodePort === 0 ? [] : [nodePort]));
}

function withoutAddresses(spec: Fields): Fields {
  const { clusterIP: _ip, clusterIPs: _ips, ipFamilies: _families, ipFamilyPolicy: _policy, ...rest } = spec;
  return rest;
}

function withAddress(
  service: KubeObject,
  spec: Fields,
  live: KubeObject | undefined,
  others: readonly KubeObject[],
): Fields {
  const before = live === undefined ? {} : part(live, 'spec');
  const wanted = spec.clusterIP ?? (before.type === 'ExternalName' ? undefined : before.clusterIP);
  const taken = new Set(others.map((other) => part(other, 'spec').clusterIP));
  const asked = typeof wanted === 'string' && wanted !== '' ? wanted : undefined;
  if (asked !== undefined && asked !== 'None' && taken.has(asked))
    throw refused(service, 'spec.clusterIP', asked, 'provided IP is already allocated');
  const clusterIP = asked ?? firstFree(FIRST_ADDRESS, LAST_ADDRESS, (index) => !taken.has(addressOf(index)), addressOf);
  if (clusterIP === undefined) throw refused(service, 'spec.clusterIP', '', 'failed to allocate an IP: range is full');
  return {
    ...spec,
    clusterIP,
    clusterIPs: [clusterIP],
    ipFamilies: spec.ipFamilies ?? before.ipFamilies ?? ['IPv4'],
    ipFamilyPolicy: spec.ipFamilyPolicy ?? before.ipFamilyPolicy ?? 'SingleStack',
  };
}

function firstFree<T>(
  first: number,
  last: number,
  free: (index: number) => boolean,
  make: (index: number) => T,
): T | undefined {
  for (let index = first; index <= last; index++) if (free(index)) return make(index);
  return undefined;
}

function portsOf(service: KubeObject | undefined): readonly Fields[] {
  return service === undefined ? [] : portsIn(part(service, 'spec'));
}

function portsIn({ ports }: Fields): readonly Fields[] {
  return Array.isArray(ports) ? (ports as readonly Json[]).map(fields) : [];
}

function withNodePorts(
  service: KubeObject,
  spec: Fields,
  live: KubeObject | undefined,
  others: readonly KubeObject[],
): Fields {
  const taken = new Set(others.flatMap(portsOf).map((port) => port.nodePort));
  const kept = portsOf(live);
  const ports = portsOf(service).map((port) => {
    const before = kept.find((one) => one.port === port.port && one.protocol === port.protocol)?.nodePort;
    const asked = port.nodePort ?? before;
    if (typeof asked === 'number' && asked !== 0 && taken.has(asked))
      throw refused(service, 'spec.ports[0].nodePort', asked, 'provided port is already allocated');
    const nodePort =
      typeof asked === 'number' && asked !== 0
        ? asked
        : firstFree(
            NODE_PORT_FIRST,
            NODE_PORT_LAST,
            (index) => !taken.has(index),
            (index) => index,
          );
    if (nodePort === undefined)
      throw refused(service, 'spec.ports[0].nodePort', 0, 'failed to allocate a nodePort: range is full');
    taken.add(nodePort);
    return { ...port, nodePort };
  });
  return { ...spec, ports };
}

function refused(service: KubeObject, field: string, value: Json, why: string) {
  return invalid({ group: '', kind: 'Service' }, service.metadata.name, [
    { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` },
  ]);
}
