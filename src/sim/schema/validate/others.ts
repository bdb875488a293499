/** Rules about the kinds that own no pods, and what of them may not change. */
import { isIP } from 'node:net';
import { isObject, type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { canonicalQuantity, parseQuantity } from '../quantity.ts';
import { checkLabels, checkSelector } from './metadata.ts';
import { configKey, label, percent, subdomain } from './names.ts';
import { checkPortReference } from './pod.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

const DATA_BYTES_MAX = 1024 * 1024;

function checkKeys(report: Report, field: string, data: Json | undefined): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(fields(data))) {
    report.each(`${field}[${key}]`, key, configKey(key));
    if (typeof value === 'string') bytes += field === 'data' ? Buffer.byteLength(value) : (value.length * 3) / 4;
  }
  return bytes;
}

export function configMap(report: Report, object: KubeObject): void {
  const bytes =
    checkKeys(report, 'data', object.data as Json) + checkKeys(report, 'binaryData', object.binaryData as Json);
  for (const key of Object.keys(fields(object.data as Json))) {
    if (part(object.binaryData as Json, key) === undefined) continue;
    report.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
  }
  if (bytes > DATA_BYTES_MAX)
    report.add('FieldValueTooLong', '[]', `Too long: may not be more than ${DATA_BYTES_MAX} bytes`);
}

const SECRET_KEYS: { readonly [type: string]: readonly string[] } = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export function secret(report: Report, object: KubeObject): void {
  const bytes = checkKeys(report, 'data', object.data as Json);
  if (bytes > DATA_BYTES_MAX)
    report.add('FieldValueTooLong', 'data', `Too long: may not be more than ${DATA_BYTES_MAX} bytes`);
  for (const key of SECRET_KEYS[text(object.type as Json)] ?? []) {
    if (part(object.data as Json, key) === undefined) report.required(`data[${key}]`);
  }
}

const SEALED = 'field is immutable when `immutable` is set';

/** A ConfigMap or Secret that was declared immutable. */
export function fixedData(report: Report, object: KubeObject, before: KubeObject): void {
  if (object.kind === 'Secret' && object.type !== before.type) {
    report.invalid('type', object.type as Json, 'field is immutable');
  }
  if (before.immutable !== true) return;
  if (object.immutable !== true) report.forbidden('immutable', SEALED);
  for (const key of ['data', 'binaryData']) {
    if (!jsonEqual(object[key] as Json, before[key] as Json)) report.forbidden(key, SEALED);
  }
}

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
  for (const [index, ip] of list(spec, 'externalIPs').entries()) {
    if (typeof ip === 'string' && isIP(ip) !== 0) continue;
    report.invalid(`spec.externalIPs[${index}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  }
  report.oneOf('spec.type', type, SERVICE_TYPES);
  for (const [index, port] of ports.entries()) {
    const nodePort = part(port, 'nodePort');
    if (type !== 'ClusterIP' || nodePort === undefined || nodePort === 0) continue;
    report.forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'");
  }
  checkSamePorts(report, ports);
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
export function fixedService(report: Report, object: KubeObject, before: KubeObject): void {
  const old = text(before.spec as Json, 'clusterIP');
  const now = text(object.spec as Json, 'clusterIP');
  const types = [text(before.spec as Json, 'type'), text(object.spec as Json, 'type')];
  if (old === '' || old === now || types.includes('ExternalName')) return;
  const addresses = list(object.spec as Json, 'clusterIPs');
  const why = now === '' ? 'primary clusterIP can not be unset' : 'may not change once set';
  report.invalid('spec.clusterIPs[0]', addresses.length === 0 && now !== '' ? [now] : (addresses as Json), why);
}

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

export function persistentVolumeClaim(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const modes = list(spec, 'accessModes');
  if (modes.length === 0) report.required('spec.accessModes', 'at least 1 access mode is required');
  for (const mode of modes) report.oneOf('spec.accessModes', mode, ACCESS_MODES);
  const storage = part(spec, 'resources', 'requests', 'storage');
  if (storage === undefined) report.required('spec.resources[storage]');
  else if ((parseQuantity(String(storage))?.nano ?? 1n) <= 0n) {
    report.invalid('spec.resources[storage]', canonicalQuantity(String(storage)), 'must be greater than zero');
  }
}

const CLAIM_FIXED =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** A claim keeps its spec, but for its size and the volume that it is bound to. */
export function fixedClaim(report: Report, object: KubeObject, before: KubeObject): void {
  const rest = (claim: KubeObject): Json => {
    const { resources: _r, volumeName: _v, volumeAttributesClassName: _a, ...spec } = fields(claim.spec as Json);
    return spec;
  };
  const bound = text(before.spec as Json, 'volumeName');
  const isRebound = bound !== '' && text(object.spec as Json, 'volumeName') !== bound;
  if (isRebound || !jsonEqual(rest(object), rest(before))) report.forbidden('spec', CLAIM_FIXED);
}

export function persistentVolume(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  if (list(spec, 'accessModes').length === 0) report.required('spec.accessModes');
  const capacity = part(spec, 'capacity');
  if (!isObject(capacity)) report.required('spec.capacity');
  if (part(capacity, 'storage') === undefined) report.notSupported('spec.capacity', capacity, ['storage']);
}

function checkBackend(report: Report, field: string, backend: Json | undefined): void {
  const target = part(backend, 'service');
  const resource = part(backend, 'resource');
  if (resource !== undefined && target !== undefined) {
    report.invalid(field, '', 'cannot set both resource and service backends');
    return;
  }
  if (target === undefined) {
    if (resource === undefined) report.required(field, 'either service or resource must be specified');
    return;
  }
  const name = text(target, 'port', 'name');
  const number = part(target, 'port', 'number') ?? 0;
  if (name !== '' && number !== 0) report.invalid(field, '', 'cannot set both port name & port number');
  else if (name === '' && number === 0) report.required(field, 'port name or number is required');
  else if (text(target, 'name') === '') report.required(`${field}.service.name`);
}

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];

export function ingress(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const rules = list(spec, 'rules');
  const fallback = part(spec, 'defaultBackend');
  if (rules.length === 0 && fallback === undefined) {
    report.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified');
  }
  if (fallback !== undefined) checkBackend(report, 'spec.defaultBackend', fallback);
  for (const [index, rule] of rules.entries()) checkIngressRule(report, `spec.rules[${index}]`, rule);
}

function checkIngressRule(report: Report, at: string, rule: Json): void {
  const host = text(rule, 'host');
  if (host !== '') report.each(`${at}.host`, host, subdomain(host.replace(/^\*\./, '')));
  const http = part(rule, 'http');
  if (http !== undefined && list(http, 'paths').length === 0) report.required(`${at}.http.paths`);
  for (const [index, path] of list(http, 'paths').entries()) {
    const field = `${at}.http.paths[${index}]`;
    const type = part(path, 'pathType') ?? undefined;
    const place = text(path, 'path');
    if (type === undefined) {
      report.required(`${field}.pathType`, 'pathType must be specified');
    } else if (typeof type !== 'string' || !PATH_TYPES.includes(type)) {
      report.notSupported(`${field}.pathType`, type, PATH_TYPES);
    } else if (type !== 'ImplementationSpecific' && !place.startsWith('/')) {
      report.invalid(`${field}.path`, place, 'must be an absolute path');
    }
    if (type !== undefined) checkBackend(report, `${field}.backend`, part(path, 'backend'));
  }
}

export function networkPolicy(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  checkSelector(report, 'spec.podSelector', part(spec, 'podSelector'));
  for (const [direction, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [index, rule] of list(spec, direction).entries()) {
      const at = `spec.${direction}[${index}]`;
      for (const [each, port] of list(rule, 'ports').entries()) {
        report.oneOf(`${at}.ports[${each}].protocol`, part(port, 'protocol'), ['TCP', 'UDP', 'SCTP']);
        const number = part(port, 'port');
        if (number !== undefined) checkPortReference(report, `${at}.ports[${each}].port`, number);
      }
      for (const [each, peer] of list(rule, peers).entries()) {
        if (Object.keys(fields(peer)).length === 0) report.required(`${at}.${peers}[${each}]`, 'must specify a peer');
      }
    }
  }
  for (const [index, type] of list(spec, 'policyTypes').entries()) {
    report.oneOf(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']);
  }
}

export function podDisruptionBudget(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const least = part(spec, 'minAvailable');
  const most = part(spec, 'maxUnavailable');
  if (least !== undefined && most !== undefined) {
    const shape = { MinAvailable: least, Selector: part(spec, 'selector') ?? null, MaxUnavailable: most };
    const why = 'minAvailable and maxUnavailable cannot be both set';
    report.invalid(
      'spec',
      { ...shape, UnhealthyPodEvictionPolicy: part(spec, 'unhealthyPodEvictionPolicy') ?? null },
      why,
    );
  }
  for (const [key, value] of [
    ['minAvailable', least],
    ['maxUnavailable', most],
  ] as const) {
    if (typeof value === 'string') report.each(`spec.${key}`, value, percent(value));
    else report.notNegative(`spec.${key}`, value);
  }
  checkSelector(report, 'spec.selector', part(spec, 'selector'));
}

export function horizontalPodAutoscaler(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const least = part(spec, 'minReplicas');
  const most = part(spec, 'maxReplicas');
  if (typeof least === 'number' && least < 1)
    report.invalid('spec.minReplicas', least, 'must be greater than or equal to 1');
  if (typeof most === 'number' && most < 1) report.invalid('spec.maxReplicas', most, 'must be greater than 0');
  if (typeof least === 'number' && typeof most === 'number' && most > 0 && most < least) {
    report.invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`');
  }
  for (const key of ['kind', 'name'])
    if (text(spec, 'scaleTargetRef', key) === '') report.required(`spec.scaleTargetRef.${key}`);
  if (text(spec, 'scaleTargetRef', 'apiVersion') === '') {
    report.invalid('spec.scaleTargetRef.apiVersion', '', 'apiVersion must specify API group');
  }
}

export function lease(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const duration = part(spec, 'leaseDurationSeconds');
  if (typeof duration === 'number' && duration <= 0) {
    report.invalid('spec.leaseDurationSeconds', duration, 'must be greater than 0');
  }
  report.notNegative('spec.leaseTransitions', part(spec, 'leaseTransitions'));
}

/** The role that a binding grants is part of its identity. */
export function fixedRoleRef(report: Report, object: KubeObject, before: KubeObject): void {
  const role = object.roleRef as Json | undefined;
  if (!jsonEqual(role, before.roleRef as Json | undefined)) report.invalid('roleRef', role, 'cannot change roleRef');
}

export function fixedStorageClass(report: Report, object: KubeObject, before: KubeObject): void {
  if (!jsonEqual(object.parameters as Json, before.parameters as Json)) {
    report.forbidden('parameters', 'updates to parameters are forbidden.');
  }
  if (object.provisioner !== before.provisioner)
    report.forbidden('provisioner', 'updates to provisioner are forbidden.');
}
