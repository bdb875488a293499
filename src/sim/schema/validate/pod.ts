/** Rules about pod specs. */
import { isObject, type Json, type JsonObject } from '../../../base/index.ts';
import { canonicalQuantity, parseQuantity } from '../quantity.ts';
import { checkAddress } from './addresses.ts';
import { checkLabels } from './metadata.ts';
import { environmentName, label, portName, subdomain } from './names.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';
import { checkScheduling } from './scheduling.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const TERMINATION_POLICIES = ['File', 'FallbackToLogsOnError'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

/** A port by number or name, as probes and services point to it. */
export function checkPortReference(report: Report, field: string, value: Json | undefined): void {
  if (typeof value === 'string') report.each(field, value, portName(value));
  else report.port(field, value);
}

function checkVolumes(report: Report, field: string, volumes: readonly Json[]): Set<string> {
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const at = `${field}[${index}]`;
    const name = text(volume, 'name');
    const before = report.errors.length;
    checkVolumeSource(report, at, fields(volume));
    const isSound = report.errors.length === before;
    const complaints = name === '' ? [] : label(name);
    if (name === '') report.required(`${at}.name`);
    report.each(`${at}.name`, name, complaints);
    if (names.has(name)) report.duplicate(`${at}.name`, name);
    if (name !== '' && complaints.length === 0 && isSound) names.add(name);
  }
  return names;
}

const VOLUME_REFERENCES: { readonly [source: string]: string } = {
  configMap: 'name',
  secret: 'secretName',
  persistentVolumeClaim: 'claimName',
  hostPath: 'path',
};

/** In the order in which a server looks at them: the first is the volume, any other one too many. */
const VOLUME_ORDER = [
  'emptyDir',
  'hostPath',
  'secret',
  'persistentVolumeClaim',
  'configMap',
  'projected',
  'downwardAPI',
];

function checkVolumeSource(report: Report, at: string, volume: JsonObject): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name' && isObject(volume[key]));
  sources.sort((a, b) => VOLUME_ORDER.indexOf(a) - VOLUME_ORDER.indexOf(b));
  for (const [index, source] of sources.entries()) {
    if (index > 0) {
      report.forbidden(`${at}.${source}`, 'may not specify more than 1 volume type');
      continue;
    }
    const key = VOLUME_REFERENCES[source];
    if (key !== undefined && text(volume[source], key) === '') report.required(`${at}.${source}.${key}`);
    checkFiles(report, `${at}.${source}`, volume[source]);
  }
}

const FILE_MODE_MAX = 0o777;

/** The files that a ConfigMap or Secret becomes. */
function checkFiles(report: Report, at: string, source: Json | undefined): void {
  const mode = part(source, 'defaultMode');
  if (typeof mode === 'number' && (mode < 0 || mode > FILE_MODE_MAX)) {
    report.invalid(`${at}.defaultMode`, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
  }
  for (const [index, item] of list(source, 'items').entries()) {
    for (const key of ['key', 'path']) {
      if (text(item, key) === '') report.required(`${at}.items[${index}].${key}`);
    }
  }
}

function checkPorts(report: Report, field: string, ports: readonly Json[]): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `${field}[${index}]`;
    const name = text(port, 'name');
    if (name !== '') {
      const complaints = portName(name);
      report.each(`${at}.name`, name, complaints);
      if (complaints.length === 0 && names.has(name)) report.duplicate(`${at}.name`, name);
      names.add(name);
    }
    const number = part(port, 'containerPort');
    if (number === 0 || number === undefined) report.required(`${at}.containerPort`);
    else report.port(`${at}.containerPort`, number);
    const host = part(port, 'hostPort');
    if (host !== undefined && host !== 0) report.port(`${at}.hostPort`, host);
    report.oneOf(`${at}.protocol`, part(port, 'protocol'), PROTOCOLS);
  }
}

/** What the downward API can tell a container in a variable. */
const FIELD_PATHS =
  /^(?:metadata\.(?:name|namespace|uid|(?:labels|annotations)\['.+'\])|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIPs?|podIPs?))$/;
const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];

function checkEnvironment(report: Report, field: string, container: Json): void {
  for (const [index, variable] of list(container, 'env').entries()) {
    const at = `${field}.env[${index}]`;
    const name = text(variable, 'name');
    if (name === '') report.required(`${at}.name`);
    else report.each(`${at}.name`, name, environmentName(name));
    const from = part(variable, 'valueFrom');
    if (from === undefined) continue;
    const given = SOURCES.filter((source) => part(from, source) !== undefined);
    for (const source of ['configMapKeyRef', 'secretKeyRef']) {
      if (!given.includes(source)) continue;
      const reference = text(from, source, 'name');
      report.each(`${at}.valueFrom.${source}.name`, reference, subdomain(reference));
      if (text(from, source, 'key') === '') report.required(`${at}.valueFrom.${source}.key`);
    }
    const path = text(from, 'fieldRef', 'fieldPath');
    if (given.includes('fieldRef') && !FIELD_PATHS.test(path)) {
      const why = `error converting fieldPath: field label not supported: ${path}`;
      report.invalid(`${at}.valueFrom.fieldRef.fieldPath`, path, why);
    }
    if (given.length === 0) {
      const choices = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`';
      report.invalid(`${at}.valueFrom`, '', `must specify one of: ${choices}`);
    } else if (text(variable, 'value') !== '') {
      report.invalid(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty');
    } else if (given.length > 1) {
      report.invalid(`${at}.valueFrom`, '', 'may not have more than one field specified at a time');
    }
  }
  for (const from of list(container, 'envFrom')) {
    const given = ['configMapRef', 'secretRef'].filter((source) => part(from, source) !== undefined);
    if (given.length === 0)
      report.invalid(`${field}.envFrom`, '', 'must specify one of: `configMapRef` or `secretRef`');
  }
}

function checkMounts(report: Report, field: string, container: Json, volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  for (const [index, mount] of list(container, 'volumeMounts').entries()) {
    const at = `${field}.volumeMounts[${index}]`;
    const name = text(mount, 'name');
    const path = text(mount, 'mountPath');
    if (name === '') report.required(`${at}.name`);
    if (!volumes.has(name)) report.notFound(`${at}.name`, name);
    if (path === '') report.required(`${at}.mountPath`);
    else if (paths.has(path)) report.invalid(`${at}.mountPath`, path, 'must be unique');
    paths.add(path);
    const inner = text(mount, 'subPath');
    if (inner.split('/').includes('..'))
      report.invalid(`${field}.volumeMounts.subPath`, inner, "must not contain '..'");
  }
}

function checkHandler(report: Report, field: string, handler: JsonObject): void {
  const given = HANDLERS.filter((name) => isObject(handler[name]));
  for (const [index, name] of given.entries()) {
    const at = `${field}.${name}`;
    if (index > 0) {
      report.forbidden(at, 'may not specify more than 1 handler type');
      continue;
    }
    if (name === 'httpGet' || name === 'tcpSocket')
      checkPortReference(report, `${at}.port`, part(handler, name, 'port'));
    if (name === 'httpGet' && text(handler, name, 'path') === '') report.required(`${at}.path`);
    if (name === 'httpGet') report.oneOf(`${at}.scheme`, part(handler, name, 'scheme'), ['HTTP', 'HTTPS']);
    if (name === 'exec' && list(handler, name, 'command').length === 0) report.required(`${at}.command`);
    if (name === 'grpc') report.port(`${at}.port`, part(handler, name, 'port'));
  }
  if (given.length === 0) report.required(field, 'must specify a handler type');
}

function checkProbes(report: Report, field: string, container: Json): void {
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = part(container, name);
    if (!isObject(probe)) continue;
    const at = `${field}.${name}`;
    checkHandler(report, at, probe);
    for (const key of [
      'initialDelaySeconds',
      'timeoutSeconds',
      'periodSeconds',
      'successThreshold',
      'failureThreshold',
    ]) {
      report.notNegative(`${at}.${key}`, probe[key]);
    }
    if (name !== 'readinessProbe' && probe.successThreshold !== 1) {
      report.invalid(`${at}.successThreshold`, probe.successThreshold, 'must be 1');
    }
  }
  for (const name of ['postStart', 'preStop']) {
    const handler = part(container, 'lifecycle', name);
    if (isObject(handler)) checkHandler(report, `${field}.lifecycle.${name}`, handler);
  }
}

function checkResources(report: Report, field: string, container: Json): void {
  const limits = fields(container, 'resources', 'limits');
  const requests = fields(container, 'resources', 'requests');
  const quantity = (value: Json | undefined) => parseQuantity(String(value ?? ''));
  for (const [kind, amounts] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const name of Object.keys(amounts).sort()) {
      const amount = quantity(amounts[name]);
      const at = `${field}.resources.${kind}`;
      if (amount !== undefined && amount.nano < 0n) {
        report.invalid(
          `${at}[${name}]`,
          canonicalQuantity(String(amounts[name])),
          'must be greater than or equal to 0',
        );
      }
      if (!isStandardResource(name)) {
        report.invalid(`${at}[${name}]`, name, 'must be a standard resource type or fully qualified');
        report.invalid(`${at}[${name}]`, name, 'must be a standard resource for containers');
      }
      if (kind === 'requests' && name.includes('/') && limits[name] === undefined) {
        report.required(`${field}.resources.limits`, 'Limit must be set for non overcommitable resources');
      }
      const limit = quantity(limits[name]);
      if (kind === 'requests' && amount !== undefined && limit !== undefined && amount.nano > limit.nano) {
        const most = canonicalQuantity(String(limits[name]));
        const asked = canonicalQuantity(String(amounts[name]));
        report.invalid(at, asked, `must be less than or equal to ${name} limit of ${most}`);
      }
    }
  }
}

const SECURITY_FIELDS = [
  'capabilities',
  'privileged',
  'seLinuxOptions',
  'windowsOptions',
  'runAsUser',
  'runAsGroup',
  'runAsNonRoot',
  'readOnlyRootFilesystem',
  'allowPrivilegeEscalation',
  'procMount',
  'seccompProfile',
  'appArmorProfile',
];

function checkSecurity(report: Report, at: string, context: Json | undefined): void {
  if (part(context, 'privileged') !== true || part(context, 'allowPrivilegeEscalation') !== false) return;
  const goName = (key: string) =>
    key === 'seLinuxOptions' ? 'SELinuxOptions' : `${key[0]?.toUpperCase()}${key.slice(1)}`;
  const shape = Object.fromEntries(SECURITY_FIELDS.map((key) => [goName(key), part(context, key) ?? null]));
  report.invalid(at, shape, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
}

const STANDARD_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage']);

function isStandardResource(name: string): boolean {
  return name.includes('/') || name.startsWith('hugepages-') || STANDARD_RESOURCES.has(name);
}

function checkContainer(report: Report, at: string, container: Json, volumes: ReadonlySet<string>): void {
  const image = text(container, 'image');
  if (image === '') report.required(`${at}.image`);
  report.oneOf(`${at}.terminationMessagePolicy`, part(container, 'terminationMessagePolicy'), TERMINATION_POLICIES);
  checkPorts(report, `${at}.ports`, list(container, 'ports'));
  checkEnvironment(report, at, container);
  checkMounts(report, at, container, volumes);
  checkSecurity(report, `${at}.securityContext`, part(container, 'securityContext'));
  report.oneOf(`${at}.imagePullPolicy`, part(container, 'imagePullPolicy'), PULL_POLICIES);
  checkResources(report, at, container);
  checkProbes(report, at, container);
}

function checkName(report: Report, at: string, container: Json, names: Set<string>): void {
  const name = text(container, 'name');
  if (name === '') report.required(`${at}.name`);
  else report.each(`${at}.name`, name, label(name));
  if (name !== '' && names.has(name)) report.duplicate(`${at}.name`, name);
  names.add(name);
}

function checkInitContainers(
  report: Report,
  field: string,
  spec: Json,
  names: Set<string>,
  volumes: ReadonlySet<string>,
): void {
  for (const [index, container] of list(spec, 'initContainers').entries()) {
    const at = `${field}.initContainers[${index}]`;
    const isSidecar = text(container, 'restartPolicy') === 'Always';
    checkName(report, at, container, names);
    checkContainer(report, at, isSidecar ? container : withoutProbes(container), volumes);
    if (isSidecar) continue;
    for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
      if (part(container, name) === undefined) continue;
      report.forbidden(`${at}.${name}`, 'may not be set for init containers without restartPolicy=Always');
    }
  }
}

function withoutProbes(container: Json): Json {
  const { lifecycle: _l, livenessProbe: _v, readinessProbe: _r, startupProbe: _s, ...rest } = fields(container);
  return rest;
}

/** The spec of a pod or of a template. */
export function checkPodSpec(report: Report, field: string, spec: Json | undefined): void {
  const volumes = checkVolumes(report, `${field}.volumes`, list(spec, 'volumes'));
  const containers = list(spec, 'containers');
  const names = new Set<string>();
  if (containers.length === 0) report.required(`${field}.containers`);
  for (const [index, container] of containers.entries()) {
    const at = `${field}.containers[${index}]`;
    checkName(report, at, container, names);
    checkContainer(report, at, container, volumes);
  }
  checkInitContainers(report, field, spec ?? null, names, volumes);
  report.oneOf(`${field}.restartPolicy`, part(spec, 'restartPolicy'), ['Always', 'OnFailure', 'Never']);
  report.oneOf(`${field}.dnsPolicy`, part(spec, 'dnsPolicy'), DNS_POLICIES);
  checkLabels(report, `${field}.nodeSelector`, part(spec, 'nodeSelector'));
  const account = text(spec, 'serviceAccountName');
  if (account !== '') report.each(`${field}.serviceAccountName`, account, subdomain(account));
  checkScheduling(report, field, spec);
  checkRunning(report, field, spec);
}

const SECONDS_MAX = 2_147_483_647;

function checkRunning(report: Report, field: string, spec: Json | undefined): void {
  const deadline = part(spec, 'activeDeadlineSeconds');
  if (typeof deadline === 'number' && (deadline < 1 || deadline > SECONDS_MAX)) {
    report.invalid(`${field}.activeDeadlineSeconds`, deadline, `must be between 1 and ${SECONDS_MAX}, inclusive`);
  }
  const user = part(spec, 'securityContext', 'runAsUser');
  if (typeof user === 'number' && (user < 0 || user > SECONDS_MAX)) {
    report.invalid(`${field}.securityContext.runAsUser`, user, `must be between 0 and ${SECONDS_MAX}, inclusive`);
  }
  if (part(spec, 'dnsPolicy') === 'None' && part(spec, 'dnsConfig') === undefined) {
    report.required(`${field}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None');
  }
  const node = text(spec, 'nodeName');
  if (node !== '') report.each(`${field}.nodeName`, node, subdomain(node));
  for (const key of ['hostname', 'subdomain']) {
    const name = text(spec, key);
    if (name !== '') report.each(`${field}.${key}`, name, label(name));
  }
  for (const [index, alias] of list(spec, 'hostAliases').entries()) {
    checkAddress(report, `${field}.hostAliases[${index}].ip`, part(alias, 'ip'));
  }
  if (part(spec, 'hostNetwork') === true) checkHostPorts(report, field, spec);
}

/** On the node's own network a container's port is the node's. */
function checkHostPorts(report: Report, field: string, spec: Json | undefined): void {
  for (const [index, container] of list(spec, 'containers').entries()) {
    for (const [each, port] of list(container, 'ports').entries()) {
      const [own, host] = [part(port, 'containerPort'), part(port, 'hostPort')];
      if (host === undefined || host === own) continue;
      const at = `${field}.containers[${index}].ports[${each}].hostPort`;
      report.invalid(at, host, 'must match `containerPort` when `hostNetwork` is true');
    }
  }
}
