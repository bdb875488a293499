/** Rules about Services and what stands behind them. */
import type { Json, KubeObject } from '../../../base/index.ts';
import { checkAddress, checkRange, checkReachable } from './addresses.ts';
import { checkLabels } from './metadata.ts';
import { label, subdomain } from './names.ts';
import { checkPortReference } from './pod.ts';
import { list, part, text } from './read.ts';
import type { Report } from './report.ts';

const SERVICE_TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

export function service(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const type = text(spec, 'type');
  const ports = list(spec, 'ports');
  const isHeadless = text(spec, 'clusterIP') === 'None';
  if (ports.length === 0 && !isHeadless && type !== 'ExternalName') report.required('spec.ports');
  if (type === 'ExternalName') checkExternalName(report, text(spec, 'externalName'));
  checkServicePorts(report, ports, isHeadless);
  checkLabels(report, 'spec.selector', part(spec, 'selector'));
  report.oneOf('spec.sessionAffinity', part(spec, 'sessionAffinity'), ['ClientIP', 'None']);
  checkAffinity(report, spec);
  checkAddresses(report, spec, type);
  for (const [index, ip] of list(spec, 'externalIPs').entries()) {
    const field = `spec.externalIPs[${index}]`;
    if (checkAddress(report, field, ip)) checkReachable(report, field, String(ip));
  }
  report.oneOf('spec.type', type, SERVICE_TYPES);
  for (const [index, port] of ports.entries()) {
    const nodePort = part(port, 'nodePort');
    if (type !== 'ClusterIP' || nodePort === undefined || nodePort === 0) continue;
    report.forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'");
  }
  checkSamePorts(report, ports);
  checkTraffic(report, spec, type);
}

const AFFINITY_SECONDS_MAX = 86_400;

function checkAffinity(report: Report, spec: Json | undefined): void {
  const seconds = part(spec, 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds');
  if (part(spec, 'sessionAffinity') !== 'ClientIP' || typeof seconds !== 'number') return;
  if (seconds > 0 && seconds <= AFFINITY_SECONDS_MAX) return;
  const why = `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`;
  report.invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, why);
}

/** The cluster's own addresses of the Service. These clusters have IPv4 alone. */
function checkAddresses(report: Report, spec: Json | undefined, type: string): void {
  const given = list(spec, 'clusterIPs');
  const single = text(spec, 'clusterIP');
  const addresses = given.length === 0 && single !== '' ? [single] : given;
  if (type === 'ExternalName') {
    if (addresses.length > 0) report.forbidden('spec.clusterIPs', 'may not be set for ExternalName services');
    return;
  }
  for (const [index, address] of addresses.entries()) {
    const field = `spec.clusterIPs[${index}]`;
    if (address !== 'None') checkAddress(report, field, address);
    else if (type !== 'ClusterIP') report.invalid(field, address, `may not be set to 'None' for ${type} services`);
  }
  for (const [index, family] of list(spec, 'ipFamilies').entries()) {
    if (family === 'IPv6') report.invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster');
  }
  if (text(spec, 'ipFamilyPolicy') === 'RequireDualStack') {
    const why = 'this cluster is not configured for dual-stack services';
    report.invalid('spec.ipFamilyPolicy', 'RequireDualStack', why);
  }
}

const TRAFFIC_POLICIES = ['Cluster', 'Local'];

function checkTraffic(report: Report, spec: Json | undefined, type: string): void {
  for (const [index, range] of list(spec, 'loadBalancerSourceRanges').entries()) {
    checkRange(report, `spec.LoadBalancerSourceRanges[${index}]`, range);
  }
  const outside = text(spec, 'externalTrafficPolicy');
  const isOutside = type === 'LoadBalancer' || type === 'NodePort' || list(spec, 'externalIPs').length > 0;
  if (outside !== '' && !isOutside) {
    report.invalid('spec.externalTrafficPolicy', outside, 'may only be set for externally-accessible services');
  } else if (outside !== '') report.oneOf('spec.externalTrafficPolicy', outside, TRAFFIC_POLICIES);
  const inside = text(spec, 'internalTrafficPolicy');
  if (inside !== '') report.oneOf('spec.internalTrafficPolicy', inside, TRAFFIC_POLICIES);
  const port = healthPort(spec);
  if (port !== 0 && (type !== 'LoadBalancer' || outside !== 'Local')) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    report.invalid('spec.healthCheckNodePort', port, why);
  }
}

function healthPort(spec: Json | undefined): Json {
  return part(spec, 'healthCheckNodePort') ?? 0;
}

function checkExternalName(report: Report, name: string): void {
  if (name === '') report.required('spec.externalName');
  else report.each('spec.externalName', name, subdomain(name.replace(/\.$/, '')));
}

function checkServicePorts(report: Report, ports: readonly Json[], isHeadless: boolean): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const name = text(port, 'name');
    if (name === '' && ports.length > 1) report.required(`${at}.name`);
    if (name !== '') {
      report.each(`${at}.name`, name, label(name));
      if (names.has(name)) report.duplicate(`${at}.name`, name);
      names.add(name);
    }
    report.port(`${at}.port`, part(port, 'port'));
    report.oneOf(`${at}.protocol`, part(port, 'protocol'), ['SCTP', 'TCP', 'UDP']);
    checkPortReference(report, `${at}.targetPort`, part(port, 'targetPort'));
    if (isHeadless && part(port, 'targetPort') !== part(port, 'port')) continue;
  }
}

function checkSamePorts(report: Report, ports: readonly Json[]): void {
  const seen = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const protocol = text(port, 'protocol');
    const number = part(port, 'port') ?? 0;
    const key = `${protocol} ${number}`;
    if (seen.has(key)) {
      const shape = { Name: '', Protocol: protocol, AppProtocol: null, Port: number, TargetPort: 0, NodePort: 0 };
      report.duplicate(`spec.ports[${index}]`, shape);
    }
    seen.add(key);
  }
}

/** The address of a Service stays as long as it has one. */
function fixedService(report: Report, object: KubeObject, before: KubeObject): void {
  const old = text(before.spec as Json, 'clusterIP');
  const now = text(object.spec as Json, 'clusterIP');
  const types = [text(before.spec as Json, 'type'), text(object.spec as Json, 'type')];
  if (old === '' || old === now || types.includes('ExternalName')) return;
  const addresses = list(object.spec as Json, 'clusterIPs');
  const why = now === '' ? 'primary clusterIP can not be unset' : 'may not change once set';
  report.invalid('spec.clusterIPs[0]', addresses.length === 0 && now !== '' ? [now] : (addresses as Json), why);
}

/** What may not change, and what only an update can set: status. */
export function changedService(report: Report, object: KubeObject, before: KubeObject): void {
  fixedService(report, object, before);
  const [old, now] = [healthPort(before.spec as Json), healthPort(object.spec as Json)];
  if (old !== 0 && now !== 0 && old !== now) report.forbidden('spec.healthCheckNodePort', 'field is immutable');
  serviceStatus(report, object);
}

/** A balancer's addresses belong to a Service that has one. */
function serviceStatus(report: Report, object: KubeObject): void {
  const given = list(object.status as Json | undefined, 'loadBalancer', 'ingress');
  if (given.length === 0 || part(object.spec as Json | undefined, 'type') === 'LoadBalancer') return;
  report.forbidden('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'");
}

const ENDPOINT_PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

export function endpoints(report: Report, object: KubeObject): void {
  for (const [index, subset] of list(object as unknown as Json, 'subsets').entries()) {
    const at = `subsets[${index}]`;
    const ready = list(subset, 'addresses');
    const waiting = list(subset, 'notReadyAddresses');
    if (ready.length + waiting.length === 0) {
      report.required(at, 'must specify `addresses` or `notReadyAddresses`');
    }
    for (const [key, addresses] of [['addresses', ready] as const, ['notReadyAddresses', waiting] as const]) {
      for (const [each, address] of addresses.entries()) {
        const field = `${at}.${key}[${each}].ip`;
        const ip = text(address, 'ip');
        if (checkAddress(report, field, ip)) checkReachable(report, field, ip);
        else report.invalid(field, ip, 'must be a valid IP address');
      }
    }
    for (const [each, port] of list(subset, 'ports').entries()) {
      report.port(`${at}.ports[${each}].port`, part(port, 'port'));
      report.oneOf(`${at}.ports[${each}].protocol`, part(port, 'protocol'), ENDPOINT_PROTOCOLS);
    }
  }
}

export function endpointSlice(report: Report, object: KubeObject): void {
  const slice = object as unknown as Json;
  const type = text(slice, 'addressType');
  if (type === '') report.required('addressType');
  else report.oneOf('addressType', type, ['FQDN', 'IPv4', 'IPv6']);
  for (const [index, endpoint] of list(slice, 'endpoints').entries()) {
    const addresses = list(endpoint, 'addresses');
    const at = `endpoints[${index}].addresses`;
    if (addresses.length === 0) report.required(at, 'must contain at least 1 address');
    for (const [each, address] of addresses.entries()) {
      if (type !== 'IPv4' && type !== 'IPv6') continue;
      if (checkAddress(report, `${at}[${each}]`, address)) checkReachable(report, `${at}[${each}]`, String(address));
    }
  }
  const names = new Set<string>();
  for (const [index, port] of list(slice, 'ports').entries()) {
    const name = text(port, 'name');
    if (names.has(name)) report.duplicate(`ports[${index}].name`, name);
    names.add(name);
    report.oneOf(`ports[${index}].protocol`, part(port, 'protocol'), ENDPOINT_PROTOCOLS);
  }
}

export function fixedEndpointSlice(report: Report, object: KubeObject, before: KubeObject): void {
  const type = object.addressType as Json;
  if (type !== before.addressType) report.invalid('addressType', type, 'field is immutable');
}
