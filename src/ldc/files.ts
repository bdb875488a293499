import { posix } from 'node:path';
import { compileGlob, isGlob } from './glob.ts';
import { nearest } from './suggest.ts';
import type { Files } from './types.ts';

const MANIFEST = /\.(ya?ml|json)$/;

/**
 * The files that an entry of `manifests` names: itself, the manifests directly in the folder, or what the glob matches;
 * sorted by path. A message when it names none.
 */
export function filesOf(
  entry: string,
  files: Files,
):
  | { readonly kind: 'found'; readonly paths: readonly string[] }
  | { readonly kind: 'none'; readonly message: string; readonly hint?: string } {
  const pattern = posix.normalize(entry).replace(/\/$/, '');
  if (pattern.startsWith('..') || posix.isAbsolute(pattern)) {
    const message = `"${entry}" leaves the folder of the stack file`;
    return { kind: 'none', message, hint: 'move the stack file up, or the manifests down' };
  }
  const paths = normalizedPaths(files);
  const exact = paths.find(([, path]) => path === pattern);
  if (exact !== undefined) return { kind: 'found', paths: [exact[0]] };
  const inFolder = paths.filter(([, path]) => posix.dirname(path) === pattern && MANIFEST.test(path));
  const glob = isGlob(pattern) ? compileGlob(pattern) : undefined;
  if (glob?.kind === 'invalid') return { kind: 'none', message: glob.message, hint: 'name fewer, or a folder' };
  const globbed = paths.filter(([, path]) => MANIFEST.test(path) && glob?.matches(path) === true);
  const matches = inFolder.length > 0 ? inFolder : globbed;
  if (matches.length > 0) return { kind: 'found', paths: matches.map(([path]) => path).sort() };
  const below = paths.some(([, path]) => path.startsWith(`${pattern}/`));
  if (below) {
    const message = `the folder "${entry}" has no *.yaml, *.yml or *.json directly in it`;
    return { kind: 'none', message, hint: `for the folders in it too: ${entry.replace(/\/$/, '')}/**` };
  }
  const known = new Set(paths.flatMap(([, path]) => [path, posix.dirname(path)]));
  const near = nearest(pattern, known);
  const message = `"${entry}" matches no file`;
  return near === undefined ? { kind: 'none', message } : { kind: 'none', message, hint: `did you mean "${near}"?` };
}

/** Whether a file (relative to the stack's folder) may be named by one of these entries: what a caller has to read from disk. */
export function isNamedBy(entries: readonly string[], path: string): boolean {
  return entries.some((entry) => filesOf(entry, new Map([[path, '']])).kind === 'found');
}

/** Kept with the files: every entry of a stack looks through them. */
const normalized = new WeakMap<Files, readonly (readonly [given: string, path: string])[]>();

function normalizedPaths(files: Files): readonly (readonly [given: string, path: string])[] {
  const known = normalized.get(files);
  if (known !== undefined && known.length === files.size) return known;
  const paths = [...files.keys()].map((path) => [path, posix.normalize(path)] as const);
  normalized.set(files, paths);
  return paths;
}
