import { isObject, type Json, type KubeObject, limits, type Problem, refOf, refText } from '../base/index.ts';
import { readDemand } from './demand.ts';
import { readDocuments } from './document.ts';
import { filesOf } from './files.ts';
import { checkHealthKinds } from './health-check.ts';
import { isScalable } from './kinds.ts';
import {
  clusterScopedKind,
  type ManifestContext,
  normalized,
  objectsOfDocument,
  placeText,
  type RawObject,
} from './manifest.ts';
import { outlineOf, type PartOutline } from './outline.ts';
import { checkOverrides } from './override-check.ts';
import { type ParsedStack, parseStack, sortedProblems } from './parse.ts';
import { problemAt, valueAt } from './problems.ts';
import { didYouMean } from './suggest.ts';
import type { Files, ResolvedPart, ResolvedStack, SourceDocument, Stack } from './types.ts';

export interface Resolution {
  /** Present only when nothing is wrong. */
  readonly resolved?: ResolvedStack;
  readonly problems: readonly Problem[];
}

/**
 * Reads the manifests that a stack names and puts them into the form in which ldc works with them; every problem at once.
 * `source` gives problems of the definition itself their place. Never throws.
 */
export function resolve(stack: Stack, files: Files, source?: SourceDocument): Resolution {
  const { parts, problems } = resolveParts(source ?? withoutPlaces(stack), files);
  if (problems.length > 0) return { problems };
  return { resolved: joined(stack, parts), problems: [] };
}

/** Definition and manifests in one: the problems of both, whichever is broken. */
export function readStack(input: {
  readonly path: string;
  readonly text: string;
  readonly files: Files;
}): Resolution & ParsedStack {
  const parsed = parseStack(input);
  if (parsed.source === undefined) return parsed;
  const { parts, problems } = resolveParts(parsed.source, input.files);
  if (parsed.stack === undefined || problems.length > 0) {
    return { ...parsed, problems: sortedProblems([...parsed.problems, ...problems]) };
  }
  return { ...parsed, resolved: joined(parsed.stack, parts), problems: [] };
}

function joined(stack: Stack, parts: readonly ResolvedPart[]): ResolvedStack {
  const { name, project, labels } = stack.metadata;
  const { functions, databases, namespace } = stack.spec;
  return {
    project,
    name,
    labels,
    namespace,
    stack,
    functions: functions.map((spec, index) => ({ ...(parts[index] as ResolvedPart), spec })),
    databases: databases.map((spec, index) => ({ ...(parts[functions.length + index] as ResolvedPart), spec })),
  };
}

function withoutPlaces(stack: Stack): SourceDocument {
  return { file: 'stack.yaml', value: stack as unknown as Json, at: () => ({ line: 1, column: 1 }) };
}

interface Resolving {
  readonly source: SourceDocument;
  readonly files: Files;
  readonly problems: Problem[];
  /** A file is read once, however many entries name it. */
  readonly read: Map<string, RawObjects>;
}

/** What could be read; not `complete` when something is missing that may be the very object that is looked for. */
interface RawObjects {
  readonly objects: readonly RawObject[];
  readonly complete: boolean;
}

function resolveParts(
  source: SourceDocument,
  files: Files,
): { readonly parts: readonly ResolvedPart[]; readonly problems: readonly Problem[] } {
  const outline = outlineOf(source.value);
  const state: Resolving = { source, files, problems: [], read: new Map() };
  const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > limits.stackUploadBytesMax) {
    const message = `the files of the stack have ${bytes} bytes; at most ${limits.stackUploadBytesMax} are read`;
    return { parts: [], problems: [problemAt(source, ['spec'], message, 'split it into several stacks')] };
  }
  const raws = outline.parts.map((part) => ({ part, ...objectsOfPart(part, state) }));
  const count = raws.reduce((sum, { objects }) => sum + objects.length, 0);
  if (count > limits.stackObjectsMax) {
    const message = `the stack has ${count} objects; at most ${limits.stackObjectsMax} are allowed`;
    state.problems.push(problemAt(source, ['spec'], message, 'split it into several stacks'));
    return { parts: [], problems: sortedProblems(state.problems) };
  }
  const scopes = raws.flatMap(({ objects }) => objects.map(clusterScopedKind));
  const clusterScoped = new Set(scopes.filter((kind) => kind !== undefined));
  const context: ManifestContext =
    outline.namespace === undefined ? { clusterScoped } : { namespace: outline.namespace, clusterScoped };
  const seen: Seen = new Map();
  const parts = raws.map(({ part, objects, complete }) => {
    const name = part.name?.text ?? '';
    const kept = objects.flatMap((raw) => {
      const object = normalized(raw, context, state.problems);
      return object !== undefined && isFirst(object, raw, name, seen, state.problems) ? [object] : [];
    });
    if (complete) checkPart(part, { present: objects.flatMap(presence), usable: kept }, state);
    return { name, objects: kept, demand: readDemand(kept) };
  });
  return { parts, problems: sortedProblems(state.problems) };
}

function objectsOfPart(part: PartOutline, state: Resolving): RawObjects {
  const paths = new Set<string>();
  let complete = true;
  for (const entry of part.manifests) {
    const found = filesOf(entry.text, state.files);
    if (found.kind === 'found') for (const path of found.paths) paths.add(path);
    else {
      complete = false;
      state.problems.push(problemAt(state.source, entry.path, found.message, found.hint));
    }
  }
  const read = [...paths].map((path) => objectsOfFile(path, state));
  const objects = read.flatMap((one) => one.objects);
  complete &&= read.every((one) => one.complete);
  if (objects.length === 0 && paths.size > 0 && complete) {
    state.problems.push(problemAt(state.source, [...part.path, 'manifests'], 'these files hold no object'));
  }
  return { objects, complete };
}

function objectsOfFile(path: string, state: Resolving): RawObjects {
  const known = state.read.get(path);
  if (known !== undefined) return known;
  const { documents, problems, complete } = readDocuments(path, state.files.get(path) ?? '');
  state.problems.push(...problems);
  // the stack file may lie in a folder that it names itself: it is no manifest of its own
  const manifests = documents.filter(
    ({ value }) => !(isObject(value) && value.kind === 'Stack' && value.apiVersion === 'ldc.dev/v1'),
  );
  const objects = manifests.flatMap((document) => objectsOfDocument(document, state.problems));
  state.read.set(path, { objects, complete });
  return { objects, complete };
}

/** An object as far as it says what it is: enough to be looked for. */
function presence({ value }: RawObject): KubeObject[] {
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || !isObject(metadata)) return [];
  return typeof metadata.name === 'string' ? [{ apiVersion, kind, metadata: { name: metadata.name } }] : [];
}

/** What stands where: by identity without version, then by apiVersion. */
type Seen = Map<string, { readonly part: string; readonly versions: Map<string, RawObject> }>;

/** Whether an object is new; several versions of one object may stand in one part (API skew), nothing else twice. */
function isFirst(object: KubeObject, raw: RawObject, part: string, seen: Seen, problems: Problem[]): boolean {
  const identity = refText(refOf(object));
  const earlier = seen.get(identity);
  if (earlier === undefined) {
    seen.set(identity, { part, versions: new Map([[object.apiVersion, raw]]) });
    return true;
  }
  const same = earlier.versions.get(object.apiVersion);
  if (same === undefined && earlier.part === part) {
    earlier.versions.set(object.apiVersion, raw);
    return true;
  }
  const first = same ?? ([...earlier.versions.values()][0] as RawObject);
  const owner = earlier.part === part ? '' : ` of ${earlier.part}`;
  const hint =
    earlier.part === part
      ? 'remove one of them'
      : 'an object belongs to one function; put shared ones into a function of their own';
  const message = `${identity} stands twice, first${owner} in ${placeText(first)}`;
  problems.push(problemAt(raw.source, [...raw.path, 'metadata', 'name'], message, hint));
  return false;
}

/** The objects of a part: all that say what they are, and those without a problem. */
interface PartObjects {
  readonly present: readonly KubeObject[];
  readonly usable: readonly KubeObject[];
}

/** An identity that a stack made itself would be taken away under its own hands when it is retired or undone. */
function checkIdentity(part: PartOutline, usable: readonly KubeObject[], source: SourceDocument, problems: Problem[]) {
  const account = valueAt(source.value, ['spec', 'serviceAccount']);
  const own = usable.find(
    ({ apiVersion, kind, metadata }) => apiVersion === 'v1' && kind === 'ServiceAccount' && metadata.name === account,
  );
  if (typeof account !== 'string' || own === undefined) return;
  const message = `the stack is applied as ServiceAccount ${account}, which is an object of ${part.name?.text ?? 'the stack'} itself`;
  const hint =
    'it has to be there before the stack, with its Role: take it out of the manifests, or give it another name';
  problems.push(problemAt(source, ['spec', 'serviceAccount'], message, hint));
}

/** What a definition says about the objects of a part must fit them. */
function checkPart(part: PartOutline, objects: PartObjects, state: Resolving): void {
  const { source, problems } = state;
  const { present, usable } = objects;
  checkIdentity(part, usable, source, problems);
  if (part.kind !== 'function' || present.length === 0) return;
  problems.push(...checkOverrides(part, present, usable, source), ...checkHealthKinds(part, present, source));
  const service = valueAt(part.raw, ['health', 'http', 'service']);
  const services = present.filter((object) => object.kind === 'Service' && object.apiVersion === 'v1');
  const names = services.map((one) => one.metadata.name);
  if (typeof service === 'string' && !names.includes(service)) {
    const path = [...part.path, 'health', 'http', 'service'];
    problems.push(problemAt(source, path, `the function has no Service "${service}"`, didYouMean(service, names)));
  }
  if (part.raw.replicas === undefined) return;
  const workloads = new Set(present.filter(isScalable).map((object) => refText(refOf(object))));
  if (workloads.size !== 1) {
    const message = `replicas needs exactly one Deployment, StatefulSet or ReplicaSet; the function has ${workloads.size}`;
    const hint = 'give each a function of its own, or set spec.replicas in the manifests';
    problems.push(problemAt(source, [...part.path, 'replicas'], message, hint, 'key'));
  }
}
