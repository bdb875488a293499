import {
  groupOf,
  isCutReference,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  type Problem,
} from '../base/index.ts';
import { groupKind, isClusterScoped, nameProblem } from './kinds.ts';
import { problemAt, shown } from './problems.ts';
import { AGENT_NAMESPACE, LABEL_KEY, LABEL_VALUE } from './schema/basics.ts';
import type { Path, SourceDocument } from './types.ts';

/** One object as it stands in a file. */
export interface RawObject {
  readonly source: SourceDocument;
  readonly path: Path;
  readonly value: JsonObject;
}

export interface ManifestContext {
  /** The namespace of the stack; absent when the definition is broken there. */
  readonly namespace?: string;
  /** Cluster-scoped kinds of the stack's own CRDs, as `group/Kind`. */
  readonly clusterScoped: ReadonlySet<string>;
}

/** The objects of one document: itself, or the items of a List, of Lists too. */
export function objectsOfDocument(source: SourceDocument, problems: Problem[]): readonly RawObject[] {
  const flatten = (value: Json, path: Path): RawObject[] => {
    if (!isObject(value)) {
      problems.push(problemAt(source, path, `must be a Kubernetes object, not ${shown(value)}`));
      return [];
    }
    const isList = typeof value.kind === 'string' && value.kind.endsWith('List') && Array.isArray(value.items);
    if (!isList) return [{ source, path, value }];
    return (value.items as readonly Json[]).flatMap((item, index) => flatten(item, [...path, 'items', index]));
  };
  return flatten(source.value, []);
}

/** The cluster-scoped kind that an object defines, when it is a CRD. */
export function clusterScopedKind({ value }: RawObject): string | undefined {
  if (value.kind !== 'CustomResourceDefinition' || !isObject(value.spec) || value.spec.scope !== 'Cluster')
    return undefined;
  const names = value.spec.names;
  return isObject(names) && typeof names.kind === 'string' ? `${value.spec.group}/${names.kind}` : undefined;
}

const SERVER_SET = ['uid', 'resourceVersion', 'generation', 'managedFields', 'deletionTimestamp', 'selfLink'];

/** The object in the form in which ldc works with it, or undefined with every problem that it has. */
export function normalized(raw: RawObject, context: ManifestContext, problems: Problem[]): KubeObject | undefined {
  const before = problems.length;
  const report = (path: Path, message: string, hint?: string, part?: 'key' | 'value') =>
    problems.push(problemAt(raw.source, [...raw.path, ...path], message, hint, part));
  const { apiVersion, kind, metadata } = raw.value;
  if (typeof apiVersion !== 'string' || !/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?v\d+[a-z0-9]*$/.test(apiVersion)) {
    report(
      ['apiVersion'],
      apiVersion === undefined ? '"apiVersion" is missing' : 'apiVersion must be like v1 or apps/v1',
    );
  }
  if (typeof kind !== 'string' || !/^[A-Z][A-Za-z0-9]*$/.test(kind)) {
    report(['kind'], kind === undefined ? '"kind" is missing' : 'kind must be like Deployment');
  }
  if (!isObject(metadata))
    report(['metadata'], metadata === undefined ? '"metadata" is missing' : 'metadata must be a map');
  if (problems.length > before || !isObject(metadata)) return undefined;
  const identity = { apiVersion: String(apiVersion), kind: String(kind) };
  foreignKind(identity, report);
  checkName(groupKind(identity), metadata, report);
  checkWords(metadata, report);
  for (const field of SERVER_SET) {
    if (metadata[field] !== undefined)
      report(['metadata', field], `metadata.${field} is set by the server`, 'remove it', 'key');
  }
  const clusterWide =
    isClusterScoped(groupKind(identity), context.clusterScoped) ||
    annotationOf(metadata, 'ldc.dev/scope') === 'cluster';
  const namespace = namespaceOf(metadata, clusterWide, context, report);
  const data = secretData(raw.value, report);
  checkReplace(metadata, report);
  const forged = referenceIn(raw.value);
  if (forged !== undefined) report(forged, FORGED);
  if (problems.length > before) return undefined;
  const { creationTimestamp: _time, namespace: _namespace, ...meta } = metadata;
  const { status: _status, stringData: _strings, ...rest } = raw.value;
  return {
    ...rest,
    ...identity,
    metadata: {
      ...meta,
      name: String(metadata.name),
      ...(namespace === undefined ? {} : { namespace }),
    } as KubeObject['metadata'],
    ...(data === undefined ? {} : { data }),
  };
}

/** What an agent would take for the place of a Secret's value, perhaps another stack's, and fill in. */
export const FORGED = 'this text stands for a Secret value inside ldc and cannot be given';

/** Where the first such text stands. */
export function referenceIn(value: Json | undefined, path: Path = []): Path | undefined {
  if (typeof value === 'string') return isCutReference(value.trim()) ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const found = referenceIn(inner, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Report = (path: Path, message: string, hint?: string, part?: 'key' | 'value') => void;

function foreignKind({ apiVersion, kind }: { apiVersion: string; kind: string }, report: Report): void {
  const group = groupOf(apiVersion);
  if (group === 'ldc.dev')
    report(['kind'], `a ${kind} of ldc is no manifest`, 'name only Kubernetes objects in manifests');
  if (group === 'kustomize.config.k8s.io') {
    report(['kind'], 'ldc does not run kustomize yet', 'render it with "kubectl kustomize" into a file of its own');
  }
  if (kind.endsWith('List')) report(['items'], 'a List needs items, and they must be a list');
}

function checkName(kind: string, metadata: JsonObject, report: Report): void {
  if (metadata.generateName !== undefined && metadata.name === undefined) {
    report(['metadata', 'generateName'], 'generateName gives a new object each time', 'give it a name', 'key');
  } else if (metadata.name === undefined) report(['metadata', 'name'], '"name" is missing');
  else if (typeof metadata.name !== 'string')
    report(['metadata', 'name'], `name must be a text, not ${shown(metadata.name)}`);
  else {
    const problem =
      kind === '/Namespace' && metadata.name === AGENT_NAMESPACE
        ? 'is the agent’s own'
        : nameProblem(kind, metadata.name);
    if (problem !== undefined) report(['metadata', 'name'], `the name "${metadata.name}" ${problem}`);
  }
}

const OURS = new Set(['ldc.dev/stack', 'ldc.dev/project', 'ldc.dev/function', 'ldc.dev/revision']);

function checkWords(metadata: JsonObject, report: Report): void {
  for (const field of ['labels', 'annotations']) {
    const words = metadata[field];
    if (words === undefined || words === null) continue;
    if (!isObject(words)) {
      report(['metadata', field], `${field} must be a map`);
      continue;
    }
    for (const [key, value] of Object.entries(words)) {
      const path = ['metadata', field, key];
      if (OURS.has(key)) report(path, `${key} is written by ldc itself`, 'remove it', 'key');
      else if (!LABEL_KEY.test(key)) report(path, `"${key}" is no ${field.slice(0, -1)} key`, undefined, 'key');
      else if (typeof value !== 'string')
        report(path, `must be a text, not ${shown(value ?? null)}`, `put it in quotes: "${value}"`);
      else if (field === 'labels' && !LABEL_VALUE.test(value)) {
        report(path, `"${value}" is no label value`, 'at most 63 of A-Z, a-z, 0-9, "-", "_", "."');
      }
    }
  }
}

function namespaceOf(
  metadata: JsonObject,
  clusterWide: boolean,
  context: ManifestContext,
  report: Report,
): string | undefined {
  const given = metadata.namespace;
  if (given !== undefined && given !== null && typeof given !== 'string') {
    report(['metadata', 'namespace'], `namespace must be a text, not ${shown(given)}`);
  } else if (clusterWide && typeof given === 'string' && given !== '') {
    report(['metadata', 'namespace'], 'objects of this kind have no namespace', 'remove it');
  } else if (
    !clusterWide &&
    typeof given === 'string' &&
    context.namespace !== undefined &&
    given !== context.namespace
  ) {
    const hint = 'leave it out: the stack’s namespace is filled in';
    report(
      ['metadata', 'namespace'],
      `the namespace "${given}" is not that of the stack, "${context.namespace}"`,
      hint,
    );
  }
  return clusterWide ? undefined : (context.namespace ?? (typeof given === 'string' ? given : undefined));
}

/** The `data` of a Secret with `stringData` folded in, as the server does; undefined when the object is no Secret or has neither. */
function secretData(value: JsonObject, report: Report): JsonObject | undefined {
  if (value.apiVersion !== 'v1' || value.kind !== 'Secret') return undefined;
  const data: Record<string, Json | undefined> = {};
  for (const field of ['data', 'stringData']) {
    const words = value[field];
    if (words === undefined || words === null) continue;
    if (!isObject(words)) {
      report([field], `${field} must be a map`);
      continue;
    }
    for (const [key, text] of Object.entries(words)) {
      if (typeof text !== 'string') report([field, key], `must be a text, not ${typeof text}`, 'put it in quotes');
      else if (field === 'stringData') data[key] = Buffer.from(text).toString('base64');
      else if (isBase64(text)) data[key] = text.replaceAll(/\s/g, '');
      else report([field, key], 'is not base64', 'plain text belongs into stringData');
    }
  }
  return value.data === undefined && value.stringData === undefined ? undefined : data;
}

function isBase64(text: string): boolean {
  const packed = text.replaceAll(/\s/g, '');
  return packed.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(packed);
}

function annotationOf(metadata: JsonObject, key: string): Json | undefined {
  return isObject(metadata.annotations) ? metadata.annotations[key] : undefined;
}

function checkReplace(metadata: JsonObject, report: Report): void {
  const value = annotationOf(metadata, 'ldc.dev/replace');
  if (value !== undefined && value !== 'recreate') {
    report(['metadata', 'annotations', 'ldc.dev/replace'], `ldc.dev/replace must be recreate, not ${shown(value)}`);
  }
  const scope = annotationOf(metadata, 'ldc.dev/scope');
  if (scope !== undefined && scope !== 'cluster') {
    report(['metadata', 'annotations', 'ldc.dev/scope'], `ldc.dev/scope must be cluster, not ${shown(scope)}`);
  }
}

/** `deployment.yaml:12`, for a message that points to another place. */
export function placeText({ source, path }: RawObject): string {
  return `${source.file}:${source.at([...path, 'metadata', 'name']).line}`;
}
