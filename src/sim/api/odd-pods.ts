/** What is valid in a pod or a template of pods and still most likely a mistake: a real server warns of it. */
import type { Json, KubeObject } from '../../base/index.ts';
import { type Call, type Fields, part } from './cluster.ts';
import { qualified } from './status.ts';
import { fields } from './strategy.ts';

const TEMPLATES = new Set([
  'daemonsets.apps',
  'deployments.apps',
  'jobs.batch',
  'replicasets.apps',
  'replicationcontrollers',
  'statefulsets.apps',
]);

interface At {
  readonly path: string;
  readonly value: Fields;
}

/** Pods when they are created; templates also when what is wanted of the object has changed. */
export function warnOfOddPods(call: Call, object: KubeObject, before: KubeObject | undefined): void {
  const found = podSpecOf(call, object);
  const same = before !== undefined && (object.kind === 'Pod' || sameIntent(before, object));
  if (found === undefined || same || call.subresource !== '') return;
  const { path, value } = found;
  for (const warning of [...oddSecrets(path, value), ...oddVariables(path, value), ...oddPorts(path, value)])
    call.warn(warning);
}

function sameIntent(before: KubeObject, object: KubeObject): boolean {
  return JSON.stringify(before.spec) === JSON.stringify(object.spec);
}

function podSpecOf(call: Call, object: KubeObject): At | undefined {
  const resource = qualified(call.resource);
  const spec = part(object, 'spec');
  if (resource === 'pods') return { path: 'spec', value: spec };
  if (TEMPLATES.has(resource)) return { path: 'spec.template.spec', value: fields(fields(spec.template).spec) };
  if (resource !== 'cronjobs.batch') return undefined;
  const template = fields(fields(fields(spec.jobTemplate).spec).template);
  return { path: 'spec.jobTemplate.spec.template.spec', value: fields(template.spec) };
}

function each(value: Json | undefined): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Json[]).map(fields) : [];
}

function containersOf(path: string, spec: Fields): readonly At[] {
  return ['initContainers', 'containers'].flatMap((key) =>
    each(spec[key]).map((value, index) => ({ path: `${path}.${key}[${index}]`, value })),
  );
}

function oddSecrets(path: string, spec: Fields): string[] {
  const names = each(spec.imagePullSecrets).map(({ name }) => (typeof name === 'string' ? name : ''));
  const at = (index: number) => `${path}.imagePullSecrets[${index}].name`;
  const twice = names.flatMap((name, index) =>
    names.indexOf(name) < index ? [`${at(index)}: duplicate name ${JSON.stringify(name)}`] : [],
  );
  return [...twice, ...names.flatMap((name, index) => (name === '' ? [`${at(index)}: invalid empty name ""`] : []))];
}

/** A later variable of the same name hides the earlier one, unless it is made from it. */
function oddVariables(path: string, spec: Fields): string[] {
  return containersOf(path, spec).flatMap(({ path: container, value }) => {
    const variables = each(value.env);
    return variables.flatMap((variable, index) => {
      const { name, value: text, valueFrom } = variable;
      const isSecond = variables.slice(0, index).some((other) => other.name === name);
      const reference = `$(${String(name)})`;
      const builds = typeof text === 'string' && text.includes(reference) && text !== reference;
      if (!isSecond || (valueFrom === undefined && builds)) return [];
      const hides = `hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`;
      return [`${container}.env[${index}]: ${hides}`];
    });
  });
}

interface Port {
  readonly path: string;
  readonly key: string;
  readonly name: Json | undefined;
  readonly hostIP: Json;
  readonly hostPort: Json;
}

/** One port of the pod said twice, in one container or in two; and one name for two ports. */
function oddPorts(path: string, spec: Fields): string[] {
  const ports: readonly Port[] = containersOf(path, spec).flatMap(({ path: container, value }) =>
    each(value.ports).map(({ name, containerPort, protocol = 'TCP', hostIP = '', hostPort = 0 }, index) => {
      const key = `${String(containerPort)}/${String(protocol)}`;
      return { path: `${container}.ports[${index}]`, key, name, hostIP, hostPort };
    }),
  );
  const twice = ports.flatMap((port, index) =>
    ports
      .slice(0, index)
      .filter(({ key }) => key === port.key)
      .flatMap((other) => clash(port, other)),
  );
  const named = ports.flatMap((port, index) => {
    const other = ports.slice(0, index).find(({ name }) => name !== undefined && name !== '' && name === port.name);
    if (other === undefined) return [];
    const effect = `services and probes that select ports by name will use ${other.path}`;
    return [`${port.path}: duplicate port name ${JSON.stringify(port.name)} with ${other.path}, ${effect}`];
  });
  return [...twice, ...named];
}

function clash(port: Port, other: Port): string[] {
  const { hostIP, hostPort } = port;
  if (hostIP === other.hostIP && hostPort === other.hostPort)
    return [`${port.path}: duplicate port definition with ${other.path}`];
  if (hostPort === 0 || other.hostPort === 0) return [`${port.path}: overlapping port definition with ${other.path}`];
  const half = (hostIP === '') !== (other.hostIP === '');
  const says = `${port.path}: dangerously ambiguous port definition with ${other.path}`;
  return hostPort === other.hostPort && half ? [says] : [];
}
