import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path';
import { isObject, type Json, limits, type Problem } from '../base/index.ts';
import type { StackSource } from '../stacks/types.ts';
import { exit, Failure, failureOf, usage } from './failure.ts';
import type { Io } from './io.ts';

type ReadIo = Pick<Io, 'cwd' | 'files' | 'input'>;

const STACK_FILES = ['stack.yaml', 'stack.yml', 'stack.json'];
const YAML = /\.(ya?ml|json)$/;
const WALK_MAX = 20_000;

/** The stacks that `-f` names, each with the files that its manifests name. Reads nothing outside of a stack's folder. */
export async function readSources(io: ReadIo, paths: readonly string[]): Promise<StackSource[]> {
  const sources: StackSource[] = [];
  for (const path of paths) {
    if (path === '-') sources.push(await sourceOf(io, '<stdin>', await io.input.readAll(), io.cwd));
    else for (const file of await stackFiles(io, path)) sources.push(await readSource(io, file));
  }
  return sources;
}

async function readSource(io: ReadIo, file: string): Promise<StackSource> {
  const absolute = resolve(io.cwd, file);
  return sourceOf(io, file, await readText(io, absolute), dirname(absolute));
}

async function sourceOf(io: ReadIo, path: string, stack: string, folder: string): Promise<StackSource> {
  const { parseStack } = await import('../ldc/index.ts');
  const entries = namedEntries(parseStack({ path, text: stack }).source?.value);
  const found = new Set<string>();
  for (const entry of entries) for (const file of await filesOfEntry(io, folder, entry)) found.add(file);
  const root = await io.files.realPath(folder);
  const files: Record<string, string> = {};
  let bytes = Buffer.byteLength(stack);
  for (const name of [...found].sort()) {
    const real = await io.files.realPath(join(folder, name));
    if (real !== root && !real.startsWith(root + sep)) throw leaves(path, name);
    const text = await readText(io, real);
    files[name] = text;
    bytes += Buffer.byteLength(text);
    if (bytes > limits.stackUploadBytesMax) throw tooLarge(path);
  }
  return { path, stack, files };
}

/** Problems with the way to their file from here: in a source, paths of manifests are relative to the stack's folder. */
export function placed(source: StackSource, problems: readonly Problem[]): readonly Problem[] {
  const folder = source.path === '<stdin>' ? '' : dirname(source.path);
  return problems.map((one) => (one.file in source.files ? { ...one, file: join(folder, one.file) } : one));
}

/** Runs a call about a source; problems that the hub finds come with the way to their file. */
export async function aboutSource<T>(source: StackSource, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const failure = failureOf(error);
    if (failure.problems.length === 0) throw error;
    const { code, message, hint } = failure;
    throw new Failure(code, message, { hint, problems: placed(source, failure.problems) });
  }
}

/** The stack files of a path: itself, or those in the folder. */
async function stackFiles(io: ReadIo, path: string): Promise<string[]> {
  const absolute = resolve(io.cwd, path);
  const kind = await io.files.kind(absolute);
  if (kind === undefined) throw usage(`${path} does not exist`, 'name a stack file, a folder with one, or - for stdin');
  if (kind === 'file') return [path];
  const names = await io.files.list(absolute);
  const standard = STACK_FILES.find((name) => names.includes(name));
  if (standard !== undefined) return [join(path, standard)];
  const stacks: string[] = [];
  for (const name of names.filter((one) => YAML.test(one))) {
    if ((await io.files.kind(join(absolute, name))) !== 'file') continue;
    const text = await readText(io, join(absolute, name));
    if (/^["{\s]*kind["']?:\s*["']?Stack\b/m.test(text)) stacks.push(join(path, name));
  }
  if (stacks.length > 0) return stacks;
  throw usage(`${path} holds no stack file`, `looked for ${STACK_FILES.join(', ')} and for "kind: Stack" in its files`);
}

/** What a definition names: manifests of functions and databases, and migrations. Wrong ones are for the check to report. */
function namedEntries(definition: Json | undefined): string[] {
  const spec = isObject(definition) && isObject(definition.spec) ? definition.spec : {};
  const parts = [spec.functions, spec.databases].flatMap((list) => (Array.isArray(list) ? list : []));
  return parts.filter(isObject).flatMap((part) => {
    const manifests = Array.isArray(part.manifests) ? part.manifests : [];
    const migrations = isObject(part.schema) ? [part.schema.migrations] : [];
    return [...manifests, ...migrations].filter((entry) => typeof entry === 'string');
  });
}

/** Files of one entry, relative to the folder, with `/`. */
async function filesOfEntry(io: ReadIo, folder: string, entry: string): Promise<string[]> {
  const pattern = posix.normalize(entry).replace(/\/$/, '');
  if (pattern.startsWith('..') || posix.isAbsolute(pattern)) return [];
  const segments = pattern.split('/');
  const globAt = segments.findIndex((segment) => /[*?[\]{}]/.test(segment));
  const base = join(folder, ...(globAt < 0 ? segments : segments.slice(0, globAt)));
  const kind = await io.files.kind(base);
  if (kind === undefined) return [];
  const under = (path: string) => relative(folder, path).split(sep).join('/');
  if (kind === 'file') return [under(base)];
  const paths = (globAt < 0 ? await children(io, base) : await walk(io, base)).map(under);
  if (globAt >= 0) return paths.filter((path) => posix.matchesGlob(path, pattern) && YAML.test(path));
  return paths.filter((path) => YAML.test(path) || path.endsWith('.sql'));
}

async function children(io: ReadIo, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await io.files.list(folder)) {
    const path = join(folder, name);
    if ((await io.files.kind(path)) === 'file') files.push(path);
  }
  return files;
}

/** Every file below, without hidden folders and node_modules. */
async function walk(io: ReadIo, folder: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const name of await io.files.list(at)) {
      if (name.startsWith('.') || name === 'node_modules') continue;
      const path = join(at, name);
      const kind = await io.files.kind(path);
      if (kind === 'folder') folders.push(path);
      else if (kind === 'file') files.push(path);
      if (files.length + folders.length > WALK_MAX)
        throw usage(
          `${basename(folder)} holds more than ${WALK_MAX} files`,
          'name the folder of the manifests more closely',
        );
    }
  }
  return files.sort();
}

async function readText(io: ReadIo, path: string): Promise<string> {
  try {
    return await io.files.read(path);
  } catch (error) {
    if (error instanceof TypeError) throw usage(`${path} is not text in UTF-8`, 'name manifests only');
    throw error;
  }
}

function leaves(path: string, name: string): Failure {
  return new Failure(exit.usage, `${name} is a link that leaves the folder of the stack`, {
    where: path,
    hint: 'copy the file into the folder',
  });
}

function tooLarge(path: string): Failure {
  const megabytes = limits.stackUploadBytesMax / 1024 / 1024;
  return new Failure(exit.usage, `the stack with its manifests has more than ${megabytes} MiB`, {
    where: path,
    hint: 'name only the manifests that it needs',
  });
}
