/** Lists as Tables: what `kubectl get` prints is decided here, as on a real server. */
import type { Json, JsonObject, KubeObject, ObjectMeta } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { Cluster } from './cluster.ts';
import { type Column, columnsOf, SCALE_COLUMNS } from './columns.ts';
import { customColumns } from './custom-columns.ts';
import { TEMPLATE_GENERATION } from './strategy.ts';

/** @param includeObject `Object`, `Metadata` (default) or `None`: what each row carries beside its cells. */
export function tableOf(
  cluster: Cluster,
  resource: ResourceInfo,
  version: string,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  includeObject: string,
): JsonObject {
  const crd = cluster.registry.crdOf(resource);
  const columns = crd === undefined ? columnsOf(resource) : customColumns(crd, resource.version);
  const nowMs = cluster.clock.now();
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: columns.map(definition),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, nowMs)),
      object: rowObject(object, version, includeObject),
    })),
  };
}

/** One Scale as a Table. */
export function scaleTable(cluster: Cluster, version: string, scale: KubeObject, includeObject: string): JsonObject {
  const nowMs = cluster.clock.now();
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: { resourceVersion: scale.metadata.resourceVersion },
    columnDefinitions: SCALE_COLUMNS.map(definition),
    rows: [
      {
        cells: SCALE_COLUMNS.map((column) => column.cell(scale, nowMs)),
        object: rowObject(scale, version, includeObject),
      },
    ],
  };
}

function definition({ name, type, format, description, priority }: Column): JsonObject {
  return { name, type, format, description, priority };
}

function rowObject(object: KubeObject, version: string, includeObject: string): Json {
  switch (includeObject) {
    case 'None':
      return null;
    case 'Object':
      return object as unknown as Json;
    default:
      return {
        kind: 'PartialObjectMetadata',
        apiVersion: `meta.k8s.io/${version}`,
        metadata: withoutTemplateGeneration(object.metadata),
      };
  }
}

/** The count of a DaemonSet's templates is no part of its metadata before it is turned into the version that was asked for. */
function withoutTemplateGeneration(metadata: ObjectMeta): Json {
  const { annotations, ...rest } = metadata;
  if (annotations?.[TEMPLATE_GENERATION] === undefined) return metadata as unknown as Json;
  const { [TEMPLATE_GENERATION]: _count, ...others } = annotations;
  return (Object.keys(others).length === 0 ? rest : { ...metadata, annotations: others }) as unknown as Json;
}
