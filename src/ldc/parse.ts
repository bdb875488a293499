import type { Problem } from '../base/index.ts';
import { checkDefinition } from './check.ts';
import { readDocuments } from './document.ts';
import { stackJsonSchema } from './json-schema.ts';
import { problemAt, problemsOfIssues } from './problems.ts';
import { stackSchema } from './schema/stack.ts';
import type { SourceDocument, Stack } from './types.ts';

export interface ParsedStack {
  /** Present only when nothing is wrong. */
  readonly stack?: Stack;
  /** Present when the text is YAML with one document: gives `resolve` its positions. */
  readonly source?: SourceDocument;
  readonly problems: readonly Problem[];
}

/** Reads a stack definition and finds every problem in it at once. Never throws. `path` is for messages. */
export function parseStack(input: { readonly path: string; readonly text: string }): ParsedStack {
  const { documents, problems } = readDocuments(input.path, input.text);
  const [source, second] = documents;
  if (source === undefined) {
    if (problems.length > 0) return { problems };
    const message = 'the file is empty; it must hold one document of kind Stack';
    return { problems: [{ file: input.path, line: 1, column: 1, path: '', message, hint: 'ldc init writes one' }] };
  }
  if (second !== undefined) {
    const hint = 'manifests belong into files of their own, named by spec.functions[].manifests';
    return { problems: [...problems, problemAt(second, [], 'the file must hold one document only', hint)] };
  }
  const result = stackSchema.safeParse(source.value);
  const found = [
    ...problems,
    ...(result.success ? [] : problemsOfIssues(result.error.issues, source, stackJsonSchema())),
    ...checkDefinition(source),
  ];
  if (!result.success || found.length > 0) return { source, problems: sortedProblems(found) };
  return { stack: result.data, source, problems: [] };
}

/** By file, line and column; what is said twice of one place stands once. */
export function sortedProblems(problems: readonly Problem[]): readonly Problem[] {
  const unique = new Map(
    problems.map((one) => [`${one.file} ${one.line} ${one.column} ${one.path} ${one.message}`, one]),
  );
  return [...unique.values()].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}
