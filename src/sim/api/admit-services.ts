/** Addresses and node ports of Services: given on creation, kept on update, unique in the cluster. */
import { isIPv4 } from 'node:net';
import type { Json, KubeObject } from '../../base/index.ts';
import { type Cluster, type Fields, part } from './cluster.ts';
import { type ServiceNumbers, serviceNumbers, servicePorts } from './service-numbers.ts';
import { ApiError, invalid } from './status.ts';

/**
 * The Service with its addresses and ports.
 * @param dryRun nothing is taken: what is shown for a number that would be given is a placeholder.
 * @throws ApiError 422 when one that it asks for is taken or outside, 500 when none is left.
 */
export function admitService(
  cluster: Cluster,
  given: KubeObject,
  live: KubeObject | undefined,
  dryRun: boolean,
): KubeObject {
  const before = live === undefined ? undefined : part(live, 'spec');
  const spec = before === undefined ? part(given, 'spec') : withoutLeftovers(part(given, 'spec'), before);
  // Addresses that are asked for at once are for validation to refuse; those of a former type go with it.
  if (spec.type === 'ExternalName') {
    return { ...given, spec: before === undefined ? spec : withoutAddresses(spec) };
  }
  const numbers = serviceNumbers(cluster, given.metadata.uid, dryRun);
  const service = { ...given, spec };
  const addressed = withAddress(service, spec, before, numbers);
  const exposed = isExposed(spec) ? withNodePorts(service, addressed, before, numbers) : addressed;
  return { ...service, spec: withHealthPort(exposed, before, numbers) };
}

const isExposed = ({ type }: Fields) => type === 'NodePort' || type === 'LoadBalancer';
const givesNodePorts = (spec: Fields) =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
const needsHealthPort = (spec: Fields) => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

/** What only the former type needed goes with it, unless it was changed in the same request: that is for validation. */
function withoutLeftovers(spec: Fields, before: Fields): Fields {
  const dropped: string[] = [];
  const leavesNodes = isExposed(before) && !isExposed(spec);
  if (leavesNodes) dropped.push('externalTrafficPolicy');
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
    dropped.push('allocateLoadBalancerNodePorts', 'loadBalancerClass');
  if (needsHealthPort(before) && !needsHealthPort(spec)) dropped.push('healthCheckNodePort');
  if (before.type !== 'ExternalName' && spec.type === 'ExternalName') dropped.push('internalTrafficPolicy');
  const kept = Object.entries(spec).filter(([name, value]) => !dropped.includes(name) || value !== before[name]);
  const next: Fields = Object.fromEntries(kept);
  const known = new Set(nodePortsOf(before));
  if (!leavesNodes || nodePortsOf(spec).some((port) => !known.has(port))) return next;
  const ports = servicePorts(spec).map(({ nodePort: _former, ...port }) => port);
  return { ...next, ...(spec.ports === undefined ? {} : { ports }) };
}

function nodePortsOf(spec: Fields): readonly number[] {
  return servicePorts(spec).flatMap((port) => asked(port) ?? []);
}

function withoutAddresses(spec: Fields): Fields {
  const { clusterIP: _ip, clusterIPs: _ips, ipFamilies: _families, ipFamilyPolicy: _policy, ...rest } = spec;
  return rest;
}

function withAddress(service: KubeObject, spec: Fields, before: Fields | undefined, numbers: ServiceNumbers): Fields {
  const hadOne = before !== undefined && before.type !== 'ExternalName';
  const wanted = spec.clusterIP ?? (hadOne ? before.clusterIP : undefined);
  const clusterIP =
    typeof wanted === 'string' && wanted !== ''
      ? grantedAddress(service, wanted, hadOne, numbers)
      : (numbers.nextAddress() ?? full('a serviceIP'));
  return {
    ...spec,
    clusterIP,
    clusterIPs: [clusterIP],
    ipFamilies: spec.ipFamilies ?? before?.ipFamilies ?? ['IPv4'],
    ipFamilyPolicy: spec.ipFamilyPolicy ?? before?.ipFamilyPolicy ?? 'SingleStack',
  };
}

/** One that is no address, or takes the place of another, is for validation to refuse. */
function grantedAddress(service: KubeObject, wanted: string, hadOne: boolean, numbers: ServiceNumbers): string {
  if (hadOne || !isIPv4(wanted)) return wanted;
  const granted = numbers.askAddress(wanted);
  if ('value' in granted) return granted.value;
  throw refused(service, 'spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: ${granted.refused}`);
}

function withNodePorts(service: KubeObject, spec: Fields, before: Fields | undefined, numbers: ServiceNumbers): Fields {
  if (spec.ports === undefined) return spec;
  const hadSome = before !== undefined && givesNodePorts(before) && givesNodePorts(spec);
  const given = hadSome ? keptPorts(spec, before) : servicePorts(spec);
  const ports =
    before === undefined ? firstPorts(service, given, numbers) : laterPorts(service, given, before, numbers);
  return { ...spec, ports };
}

function asked({ nodePort }: Fields): number | undefined {
  return typeof nodePort === 'number' && nodePort !== 0 ? nodePort : undefined;
}

/** A port that names no node port keeps the one that it had, if no other one asks for that. */
function keptPorts(spec: Fields, before: Fields): readonly Fields[] {
  const used = new Set(nodePortsOf(spec));
  return servicePorts(spec).map((port) => {
    const old = servicePorts(before).find((one) => one.port === port.port && one.protocol === port.protocol);
    const nodePort = old === undefined ? undefined : asked(old);
    return asked(port) !== undefined || nodePort === undefined || used.has(nodePort) ? port : { ...port, nodePort };
  });
}

/** On creation ports of one number share a node port, whatever their protocols. */
function firstPorts(service: KubeObject, ports: readonly Fields[], numbers: ServiceNumbers): readonly Fields[] {
  const byPort = new Map<Json | undefined, number>();
  const gives = givesNodePorts(part(service, 'spec'));
  return ports.map((port, index) => {
    const own = asked(port);
    if (own === undefined && !gives) return port;
    const shared = byPort.get(port.port);
    if (shared !== undefined && (own ?? shared) === shared) return { ...port, nodePort: shared };
    const wanted = own ?? ports.find((other) => other.port === port.port && asked(other) !== undefined)?.nodePort;
    const nodePort =
      typeof wanted === 'number'
        ? grantedPort(service, index, wanted, numbers)
        : (numbers.nextPort() ?? full('a nodePort'));
    if (shared === undefined) byPort.set(port.port, nodePort);
    return { ...port, nodePort };
  });
}

/** On update each port is on its own; what the Service had already is its. */
function laterPorts(
  service: KubeObject,
  ports: readonly Fields[],
  before: Fields,
  numbers: ServiceNumbers,
): readonly Fields[] {
  const own = new Set(nodePortsOf(before));
  const gives = givesNodePorts(part(service, 'spec'));
  return ports.map((port, index) => {
    const wanted = asked(port);
    if (wanted === undefined) return gives ? { ...port, nodePort: numbers.nextPort() ?? full('a nodePort') } : port;
    if (!own.has(wanted)) own.add(grantedPort(service, index, wanted, numbers));
    return port;
  });
}

function grantedPort(service: KubeObject, index: number, wanted: number, numbers: ServiceNumbers): number {
  const granted = numbers.askPort(wanted);
  if ('value' in granted) return granted.value;
  throw refused(service, `spec.ports[${index}].nodePort`, wanted, granted.refused);
}

/** A balancer that keeps to local pods asks each node for its health. */
function withHealthPort(spec: Fields, before: Fields | undefined, numbers: ServiceNumbers): Fields {
  if (!needsHealthPort(spec)) return spec;
  const own = before !== undefined && needsHealthPort(before) ? before.healthCheckNodePort : undefined;
  const wanted = spec.healthCheckNodePort || own;
  if (typeof wanted !== 'number') {
    return { ...spec, healthCheckNodePort: numbers.nextPort() ?? full('a HealthCheck NodePort') };
  }
  const granted = own === undefined ? numbers.askPort(wanted) : { value: wanted };
  if ('value' in granted) return { ...spec, healthCheckNodePort: wanted };
  throw internal(`failed to allocate requested HealthCheck NodePort ${wanted}: ${granted.refused}`);
}

function full(what: string): never {
  throw internal(`failed to allocate ${what}: range is full`);
}

function internal(why: string): ApiError {
  return new ApiError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
}

function refused(service: KubeObject, field: string, value: Json, why: string) {
  return invalid({ group: '', kind: 'Service' }, service.metadata.name, [
    { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` },
  ]);
}
