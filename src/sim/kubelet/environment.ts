import type { KubeObject } from '../../base/index.ts';
import { isObject } from '../../base/index.ts';
import type { Container, EnvVar, Pod } from '../kinds/index.ts';
import { milliCpu, quantity } from '../kinds/index.ts';

/** The objects that a pod's variables and volumes name; undefined when it does not exist. */
export interface References {
  configMap(name: string): KubeObject | undefined;
  secret(name: string): KubeObject | undefined;
}

export type Environment =
  | { readonly kind: 'ready'; readonly env: { readonly [name: string]: string } }
  /** Something it names is missing: the container waits with CreateContainerConfigError. */
  | { readonly kind: 'missing'; readonly message: string };

export interface PodFacts {
  readonly podIp: string;
  readonly hostIp: string;
}

class Missing extends Error {}

/** A container's variables: envFrom, then env in order, `$(NAME)` replaced by what stands before. Pure. */
export function environmentOf(pod: Pod, container: Container, references: References, facts: PodFacts): Environment {
  const env: Record<string, string> = {};
  try {
    for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
      const from = (values: ReadonlyMap<string, string>) => {
        for (const [key, value] of values) env[prefix + key] = value;
      };
      if (configMapRef) from(configMapValues(references, configMapRef.name, configMapRef.optional));
      if (secretRef) from(secretValues(references, secretRef.name, secretRef.optional));
    }
    for (const variable of container.env ?? []) {
      const value = variableValue(pod, container, variable, references, facts);
      if (value !== undefined) env[variable.name] = expand(value, env);
    }
    return { kind: 'ready', env };
  } catch (error) {
    if (error instanceof Missing) return { kind: 'missing', message: error.message };
    throw error;
  }
}

function variableValue(pod: Pod, container: Container, variable: EnvVar, references: References, facts: PodFacts) {
  const source = variable.valueFrom;
  if (source === undefined) return variable.value ?? '';
  if (source.fieldRef) return fieldOf(pod, source.fieldRef.fieldPath, facts);
  if (source.resourceFieldRef) {
    const { containerName = container.name, resource, divisor } = source.resourceFieldRef;
    return resourceOf(pod, containerName, resource, divisor);
  }
  const { configMapKeyRef, secretKeyRef } = source;
  if (configMapKeyRef) {
    const { name, key, optional } = configMapKeyRef;
    return pick(configMapValues(references, name, optional), key, `configmap "${name}"`, optional);
  }
  if (secretKeyRef) {
    const { name, key, optional } = secretKeyRef;
    return pick(secretValues(references, name, optional), key, `secret "${name}"`, optional);
  }
  return '';
}

function pick(values: ReadonlyMap<string, string>, key: string, where: string, optional: boolean | undefined) {
  const value = values.get(key);
  if (value === undefined && !optional) throw new Missing(`couldn't find key ${key} in ${where}`);
  return value;
}

function configMapValues(references: References, name: string, optional?: boolean): ReadonlyMap<string, string> {
  const object = references.configMap(name);
  if (object === undefined && !optional) throw new Missing(`configmap "${name}" not found`);
  return stringsOf(object?.data);
}

function secretValues(references: References, name: string, optional?: boolean): ReadonlyMap<string, string> {
  const object = references.secret(name);
  if (object === undefined && !optional) throw new Missing(`secret "${name}" not found`);
  return new Map([...stringsOf(object?.data)].map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

function stringsOf(data: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(isObject(data) ? data : {}).map(([key, value]) => [key, String(value)]));
}

/** `$(NAME)` becomes the value of NAME, `$$(NAME)` stays as `$(NAME)`, an unknown name stays as it is. */
export function expand(text: string, env: { readonly [name: string]: string }): string {
  return text.replace(/\$(\$|\(([A-Za-z_.-][A-Za-z0-9_.-]*)\))/g, (whole, mark: string, name: string | undefined) => {
    if (mark === '$') return '$';
    return name === undefined ? whole : (env[name] ?? whole);
  });
}

/** A field of the downward API. */
export function fieldOf(pod: Pod, path: string, { podIp, hostIp }: PodFacts): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed !== null) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] as string] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
    case 'metadata.annotations':
      return Object.entries(metadata[path.slice(9) as 'labels' | 'annotations'] ?? {})
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .sort()
        .join('\n');
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return podIp;
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIp;
    default:
      throw new Missing(`unsupported field path ${path}`);
  }
}

function resourceOf(pod: Pod, containerName: string, resource: string, divisor: string | undefined): string {
  const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
    ({ name }) => name === containerName,
  );
  const [kind, name = ''] = resource.split('.');
  const amount = container?.resources?.[kind as 'limits' | 'requests']?.[name] ?? 0;
  const unit = divisor === undefined || divisor === '0' ? 1 : quantity(divisor);
  const value = name === 'cpu' ? milliCpu(amount) / 1000 : quantity(amount);
  return String(Math.ceil(value / unit));
}

/** A pod's own host name, as a container sees it in HOSTNAME. */
export function hostnameOf({ spec, metadata }: Pod): string {
  return spec.hostname ?? metadata.name.slice(0, 63);
}
