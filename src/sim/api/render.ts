/** Objects and lists in the form that the client asked for. */
import type { JsonObject, KubeObject } from '../../base/index.ts';
import type { Call, Cluster } from './cluster.ts';
import type { Page } from './reader.ts';
import type { Representation } from './representation.ts';
import { groupVersionText } from './resources.ts';
import { tableOf } from './table.ts';
import type { EventEncoder } from './watcher.ts';

export function renderObject(
  cluster: Cluster,
  call: Call,
  form: Representation,
  object: KubeObject,
  includeObject: string,
): JsonObject {
  switch (form.kind) {
    case 'table':
      return tableOf(
        cluster,
        call.resource,
        form.version,
        [object],
        { resourceVersion: object.metadata.resourceVersion },
        includeObject,
      );
    case 'partial':
      return partial(object, form.version);
    default:
      return object as unknown as JsonObject;
  }
}

export function renderList(
  cluster: Cluster,
  call: Call,
  form: Representation,
  page: Page,
  includeObject: string,
): JsonObject {
  const { resource } = call;
  switch (form.kind) {
    case 'table':
      return tableOf(cluster, resource, form.version, page.items, page.metadata, includeObject);
    case 'partial':
      return {
        kind: 'PartialObjectMetadataList',
        apiVersion: `meta.k8s.io/${form.version}`,
        metadata: page.metadata,
        items: page.items.map((object) => partial(object, form.version)),
      };
    default: {
      const custom = cluster.registry.isCustom(resource);
      return {
        kind: resource.listKind,
        apiVersion: groupVersionText(resource),
        // a list of custom resources says that nothing follows, one of built-in kinds says nothing
        metadata: custom ? { continue: '', ...page.metadata } : page.metadata,
        items: page.items.map((object) => (custom ? object : withoutType(object)) as unknown as JsonObject),
      };
    }
  }
}

/** Items of a built-in list do not repeat their type. */
function withoutType(object: KubeObject): JsonObject {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = object;
  return rest as unknown as JsonObject;
}

export function partial(object: KubeObject, version: string): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

/** Watch events in the form of the request; a Table names its columns only once. */
export function eventEncoder(cluster: Cluster, call: Call, form: Representation, includeObject: string): EventEncoder {
  return (object, first) => {
    const rendered = renderObject(cluster, call, form, object, includeObject);
    return form.kind === 'table' && !first ? { ...rendered, columnDefinitions: null } : rendered;
  };
}
