/** Objects that the cases are about. */
import type { JsonObject, KubeObject } from '../../src/base/index.ts';

export function configMap(name: string, data: JsonObject = {}, metadata: JsonObject = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export function container(name: string, more: JsonObject = {}): JsonObject {
  return { name, image: `registry.invalid/${name}:1`, ...more };
}

export function pod(name: string, spec: JsonObject = {}, metadata: JsonObject = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name }, ...metadata },
    spec: { containers: [container('c')], ...spec },
  };
}

export function deployment(name: string, spec: JsonObject = {}, containers?: readonly JsonObject[]): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: containers ?? [container('c')] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas: 1, selector: { matchLabels: labels }, template, ...spec },
  };
}

export function job(name: string, spec: JsonObject = {}): KubeObject {
  const template = { spec: { restartPolicy: 'Never', containers: [container('c')] } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template, ...spec } };
}

export function service(name: string, spec: JsonObject = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
}

export function account(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
}

/** A reference to an owner, as dependents carry it. */
export function owner(object: KubeObject, more: JsonObject = {}): JsonObject {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', ...more };
}

export interface CrdShape {
  readonly scope?: 'Namespaced' | 'Cluster';
  readonly spec?: JsonObject;
  readonly root?: JsonObject;
  readonly subresources?: JsonObject;
  readonly names?: JsonObject;
  readonly versions?: readonly JsonObject[];
  readonly version?: JsonObject;
}

/** The CRD of `widgets.<group>`; `spec` is the schema of its `spec`. */
export function crd(group: string, shape: CrdShape = {}): KubeObject {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: shape.spec ?? ANYTHING, status: ANYTHING },
      ...shape.root,
    },
  };
  const subresources = shape.subresources === undefined ? {} : { subresources: shape.subresources };
  const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', ...shape.names };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${String(names.plural)}.${group}` },
    spec: {
      group,
      scope: shape.scope ?? 'Namespaced',
      names,
      versions: shape.versions ?? [
        { name: 'v1', served: true, storage: true, schema, ...subresources, ...shape.version },
      ],
    },
  };
}

export const ANYTHING: JsonObject = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export function widget(group: string, name: string, spec: JsonObject = {}, version = 'v1'): KubeObject {
  return { apiVersion: `${group}/${version}`, kind: 'Widget', metadata: { name }, spec };
}
