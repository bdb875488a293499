/**
 * What an undo has to bring back, told by nothing of ours: an object as an API server gives it, without what DESIGN §5 excepts
 * and no more, and how two such readings differ, owners included.
 */
import { isDeepStrictEqual } from 'node:util';

type Tree = { [key: string]: unknown };

/** Both are the deployment and daemon set controllers' own. */
const CONTROLLERS = ['deployment.kubernetes.io/revision', 'deprecated.daemonset.template.generation'];

export function imageOf(object: unknown): unknown {
  if (object === undefined || object === null) return null;
  const { status: _status, metadata, ...rest } = structuredClone(object) as Tree & { metadata: Tree };
  const { resourceVersion: _version, generation: _generation, managedFields, annotations, ...meta } = metadata;
  const notes = without(annotations as Tree | undefined, CONTROLLERS);
  return {
    ...rest,
    metadata: {
      ...meta,
      ...(notes === undefined ? {} : { annotations: notes }),
      owners: ((managedFields ?? []) as Tree[]).flatMap(ownerOf).sort(byText),
    },
  };
}

function ownerOf({ time: _time, fieldsV1, ...entry }: Tree): readonly Tree[] {
  if (entry.subresource === 'status') return [];
  const { 'f:status': _status, 'f:metadata': metadata, ...fields } = fieldsV1 as Tree;
  const { 'f:annotations': annotations, ...meta } = (metadata ?? {}) as Tree;
  const notes = without(annotations as Tree | undefined, CONTROLLERS.map((name) => `f:${name}`)); // biome-ignore format: one call
  const left = { ...meta, ...(notes === undefined ? {} : { 'f:annotations': notes }) };
  const all = { ...fields, ...(Object.keys(left).length === 0 ? {} : { 'f:metadata': left }) };
  return Object.keys(all).length === 0 ? [] : [{ ...entry, fieldsV1: all }];
}

function without(tree: Tree | undefined, names: readonly string[]): Tree | undefined {
  const left = Object.fromEntries(Object.entries(tree ?? {}).filter(([name]) => !names.includes(name)));
  return Object.keys(left).every((name) => name === '.') ? undefined : left;
}

function byText(a: Tree, b: Tree): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

/** `.spec.replicas: 2 → 3`, one for each leaf; empty: the same. */
export function imageDifferences(before: unknown, after: unknown, path = ''): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [a, b] = [before, after] as [Tree, Tree];
  if (!isTree(a) || !isTree(b)) return [`${path}: ${JSON.stringify(a)} → ${JSON.stringify(b)}`];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    imageDifferences(a[key], b[key], `${path}.${key}`),
  );
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}
