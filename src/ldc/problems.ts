import type { z } from 'zod';
import { isObject, type Json, type JsonObject, type Problem } from '../base/index.ts';
import { didYouMean, nearest } from './suggest.ts';
import type { Path, SourceDocument } from './types.ts';

type Issue = z.core.$ZodIssue;

/** `spec.functions[0].name` */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

/** The value at a path, or undefined. */
export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let here: Json | undefined = value;
  for (const step of path) {
    if (Array.isArray(here) && typeof step === 'number') here = here[step];
    else if (isObject(here) && Object.hasOwn(here, step)) here = here[step];
    else return undefined;
  }
  return here;
}

/** A problem at a place of a document. */
export function problemAt(
  source: SourceDocument,
  path: Path,
  message: string,
  hint?: string,
  part: 'key' | 'value' = 'value',
): Problem {
  const problem = { file: source.file, ...source.at(path, part), path: pathText(path), message };
  return hint === undefined ? problem : { ...problem, hint };
}

/** zod's issues as problems; `schema` is the JSON Schema of the input and serves the did-you-means. */
export function problemsOfIssues(issues: readonly Issue[], source: SourceDocument, schema: JsonObject): Problem[] {
  return issues.flatMap((issue) => problemsOfIssue(issue, [], source, schema));
}

function problemsOfIssue(issue: Issue, base: Path, source: SourceDocument, schema: JsonObject): Problem[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const hint = didYouMean(key, knownKeys(schema, path));
        return problemAt(source, [...path, key], `unknown field "${key}"`, hint, 'key');
      });
    case 'invalid_union':
      return problemsOfUnion(issue, path, source, schema);
    case 'invalid_type':
      return [typeProblem(issue, path, source)];
    case 'invalid_value': {
      const given = valueAt(source.value, path);
      if (given === undefined) return [missing(path, source)];
      const allowed = issue.values.map(String);
      const near = typeof given === 'string' ? nearest(given, allowed) : undefined;
      const hint = near === undefined ? undefined : `did you mean "${near}"?`;
      return [problemAt(source, path, `must be ${choice(allowed)}, not ${shown(given)}`, hint)];
    }
    case 'too_small':
      return [problemAt(source, path, `${bound(issue, 'at least', issue.minimum)}`)];
    case 'too_big':
      return [problemAt(source, path, customOr(issue, bound(issue, 'at most', issue.maximum)))];
    case 'invalid_key':
      return [problemAt(source, path, issue.issues.map((inner) => inner.message).join('; '), undefined, 'key')];
    default:
      return [problemAt(source, path, issue.message)];
  }
}

function typeProblem(issue: z.core.$ZodIssueInvalidType, path: Path, source: SourceDocument): Problem {
  const given = valueAt(source.value, path);
  if (given === undefined) return missing(path, source);
  const wanted: { readonly [type: string]: string } = {
    object: 'a map',
    record: 'a map',
    array: 'a list',
    string: 'a text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  const hint =
    issue.expected === 'string' && (typeof given === 'number' || typeof given === 'boolean')
      ? `put it in quotes: "${given}"`
      : issue.expected === 'array'
        ? 'start each item with "- "'
        : undefined;
  return problemAt(source, path, `must be ${wanted[issue.expected] ?? issue.expected}, not ${shown(given)}`, hint);
}

function missing(path: Path, source: SourceDocument): Problem {
  return problemAt(source, path, `"${path.at(-1)}" is missing`);
}

/** Of a union's branches the one that got furthest speaks; of several equal ones each says what it wants. */
function problemsOfUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  source: SourceDocument,
  schema: JsonObject,
): Problem[] {
  const given = valueAt(source.value, path);
  if (given === undefined) return [missing(path, source)];
  const branches = issue.errors.filter((branch) => !branch.some((inner) => wrongType(inner)));
  const best = branches.toSorted((a, b) => mistakes(a) - mistakes(b))[0];
  if (best !== undefined) return best.flatMap((inner) => problemsOfIssue(inner, path, source, schema));
  const wanted = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => problemsOfIssue(inner, path, source, schema).map((problem) => problem.message)),
  );
  const words = wanted.flatMap((text) =>
    text
      .replace(/^must be /, '')
      .replace(/, not .*$/, '')
      .split(/, | or /),
  );
  const unique = [...new Set(words)];
  return [problemAt(source, path, `must be ${choice(unique)}, not ${shown(given)}`)];
}

/** Whether a branch fails at its root already. */
function wrongType(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

/** An unknown field says most clearly that another branch was meant. */
function mistakes(branch: readonly Issue[]): number {
  return branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 2 * issue.keys.length : 1), 0);
}

function bound(issue: { readonly origin: string }, word: string, limit: number | bigint): string {
  if (issue.origin === 'array' || issue.origin === 'set')
    return `must have ${word} ${limit} ${limit === 1 ? 'item' : 'items'}`;
  if (issue.origin === 'string') return `must have ${word} ${limit} characters`;
  return `must be ${word} ${limit}`;
}

/** zod fills in a message of its own for what the schema gives none. */
function customOr(issue: Issue, text: string): string {
  return issue.message.startsWith('Too ') ? text : issue.message;
}

function choice(values: readonly string[]): string {
  if (values.length <= 1) return values[0] ?? 'something else';
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** A value for a message, cut short. */
export function shown(value: Json): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'a map';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The field names that the schema knows at a path, every branch of a union included. */
function knownKeys(schema: JsonObject, path: Path): string[] {
  let here: JsonObject[] = [schema];
  for (const step of path) here = here.flatMap(branches).flatMap((node) => child(node, step));
  return [
    ...new Set(
      here.flatMap(branches).flatMap((node) => (isObject(node.properties) ? Object.keys(node.properties) : [])),
    ),
  ];
}

function branches(node: JsonObject): JsonObject[] {
  const inner = ['anyOf', 'oneOf', 'allOf'].flatMap((word) =>
    Array.isArray(node[word]) ? (node[word] as Json[]) : [],
  );
  return [node, ...inner.filter(isObject).flatMap(branches)];
}

function child(node: JsonObject, step: string | number): JsonObject[] {
  const next = typeof step === 'number' ? node.items : isObject(node.properties) ? node.properties[step] : undefined;
  const found = next ?? (typeof step === 'string' ? node.additionalProperties : undefined);
  return isObject(found) ? [found] : [];
}
