/** DESIGN §3 as a test: who may import whom, what only `base` and `main` may touch, and how large a room may grow. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, it } from 'node:test';
import { type Node, parse } from 'acorn';
import { findCycle } from '../src/base/index.ts';

/** The import table: folder → folders of ours that it may import. A folder may always import itself. */
const TABLE: Record<string, readonly string[]> = {
  base: [],
  ldc: ['base'],
  placement: ['base', 'ldc'],
  plan: ['base', 'ldc', 'placement'],
  protocol: ['base'],
  saga: ['base', 'plan', 'ldc', 'protocol'],
  log: ['base'],
  kubernetes: ['base'],
  database: ['base', 'kubernetes'],
  'hub-agent': ['base', 'protocol', 'kubernetes', 'database', 'log'],
  availability: ['base', 'ldc', 'placement', 'plan'],
  stacks: ['base', 'ldc', 'placement', 'plan'],
  drill: ['base', 'plan', 'availability'],
  store: ['base'],
  api: ['base'],
  cli: ['base', 'ldc', 'placement', 'plan', 'log'],
  console: [],
  sim: ['base', 'kubernetes'],
};
/** What a folder may import from others as types only: the ports and views that it is handed. */
const TYPES_ONLY: Record<string, readonly string[]> = {
  availability: ['stacks', 'saga'],
  stacks: ['saga', 'log', 'hub-agent', 'protocol', 'availability'],
  drill: ['stacks'],
  store: ['*'],
  api: ['*'],
  cli: ['api', 'stacks', 'saga', 'hub-agent'],
  console: ['api'],
};
/** Single doors within a folder that another may open as values. */
const DOORS: Record<string, readonly string[]> = {
  cli: ['api/client'],
  console: ['api/client'],
};

const BANNED: readonly { pattern: RegExp; instead: string; allowed: RegExp }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\)/, instead: 'Clock.now()', allowed: /^(base|main)\// },
  { pattern: /\bperformance\.now\b/, instead: 'Clock.monotonic()', allowed: /^(base|main)\// },
  { pattern: /\b(setTimeout|setInterval|setImmediate)\(/, instead: 'Clock.after()', allowed: /^(base|main)\// },
  { pattern: /\bMath\.random\b|\brandomUUID\b/, instead: 'Random and Ids', allowed: /^(base|main)\// },
  { pattern: /\bprocess\.env\b/, instead: 'a parameter, read in main', allowed: /^main\// },
  { pattern: /\bconsole\.\w+\(/, instead: 'Logger', allowed: /^main\// },
  { pattern: /from 'xstate'/, instead: 'base/machine.ts', allowed: /^base\/machine\.ts$/ },
  { pattern: /from 'better-sqlite3'/, instead: 'the ports of base/storage.ts', allowed: /^store\// },
  { pattern: /@kubernetes\/client-node/, instead: 'kubernetes Client', allowed: /^kubernetes\// },
];

const FILE_LINES_MAX = 400;
const FILE_LINES_MEDIAN = 120;
const FUNCTION_LINES_MAX = 70;

interface SourceFile {
  /** Relative to src/. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly { readonly specifier: string; readonly typeOnly: boolean; readonly target?: string }[];
}

const root = join(import.meta.dirname, '..');
const sources: readonly SourceFile[] = globSync('src/**/*.ts', { cwd: root })
  .filter((path) => !path.endsWith('.test.ts'))
  .sort()
  .map(read);

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const own = relative('src', path);
  const imports = [...text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm)].map(
    (match) => ({
      specifier: match[2] as string,
      typeOnly: match[1] !== undefined || onlyInlineTypes(match[0]),
    }),
  );
  const dynamic = [...text.matchAll(/(typeof\s+)?\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map((match) => ({
    specifier: match[2] as string,
    typeOnly:
      match[1] !== undefined ||
      !/await import|=> import|return import/.test(text.slice(Math.max(0, match.index - 12), match.index + 8)),
  }));
  return {
    path: own,
    folder: own.split('/')[0] as string,
    text,
    lines: text.split('\n').length - 1,
    imports: [...imports, ...dynamic].map((entry) =>
      entry.specifier.startsWith('.') ? { ...entry, target: normalize(join(dirname(own), entry.specifier)) } : entry,
    ),
  };
}

/** `import { type A, type B } from` brings no value. */
function onlyInlineTypes(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1];
  if (names === undefined || /^(?:import|export)\s+\w+\s*,/.test(statement)) return false;
  const list = names
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  return list.length > 0 && list.every((name) => name.startsWith('type '));
}

function mayImport(file: SourceFile, target: string, typeOnly: boolean): boolean {
  if (file.folder === 'main') return true;
  const folder = target.split('/')[0] as string;
  if (folder === file.folder || (TABLE[file.folder] ?? []).includes(folder)) return true;
  if ((DOORS[file.folder] ?? []).some((door) => target.startsWith(`${door}/`))) return true;
  const types = TYPES_ONLY[file.folder] ?? [];
  return typeOnly && (types.includes('*') || types.includes(folder));
}

describe('architecture (DESIGN §3)', () => {
  it('finds the sources', () => {
    assert.ok(sources.length > 20, `only ${sources.length} files under src/`);
  });

  it('every folder is in the import table', () => {
    const unknown = [...new Set(sources.map((file) => file.folder))].filter(
      (folder) => folder !== 'main' && !(folder in TABLE),
    );
    assert.deepEqual(unknown, []);
  });

  it('a folder imports only what its line allows', () => {
    const breaches = sources.flatMap((file) =>
      file.imports
        .filter((entry) => entry.target !== undefined && !mayImport(file, entry.target, entry.typeOnly))
        .map((entry) => `${file.path} imports ${entry.typeOnly ? 'type ' : ''}${entry.target}`),
    );
    assert.deepEqual(breaches, []);
  });

  it('other folders are entered through index.ts or types.ts only', () => {
    const breaches = sources
      .filter((file) => file.folder !== 'main')
      .flatMap((file) =>
        file.imports
          .filter((entry) => entry.target !== undefined && entry.target.split('/')[0] !== file.folder)
          .filter((entry) => !/(^|\/)(index|types)\.ts$/.test(entry.target as string))
          .filter((entry) => !(entry.target as string).startsWith('base/')) // base's rooms stand open: it is a library
          .map((entry) => `${file.path} enters ${entry.target}`),
      );
    assert.deepEqual(breaches, []);
  });

  it('there is no import cycle', () => {
    const graph = new Map(
      sources.map((file) => [
        file.path,
        file.imports
          .filter((entry) => !entry.typeOnly && entry.target !== undefined)
          .map((entry) => entry.target as string),
      ]),
    );
    assert.equal(findCycle(graph)?.join(' → '), undefined);
  });

  it('every import of ours exists', () => {
    const paths = new Set(sources.map((file) => file.path));
    const missing = sources.flatMap((file) =>
      file.imports
        .filter((entry) => entry.target?.endsWith('.ts') && !entry.target.startsWith('..') && !paths.has(entry.target))
        .map((entry) => `${file.path} → ${entry.target}`),
    );
    assert.deepEqual(missing, []);
  });

  for (const { pattern, instead, allowed } of BANNED) {
    it(`${pattern.source} only where allowed: use ${instead}`, () => {
      const breaches = sources
        .filter((file) => !allowed.test(file.path))
        .flatMap((file) =>
          file.text
            .split('\n')
            .flatMap((line, index) =>
              pattern.test(line.replace(/\/\/.*$|^\s*\*.*$|\/\*.*?\*\//g, ''))
                ? [`${file.path}:${index + 1} ${line.trim()}`]
                : [],
            ),
        );
      assert.deepEqual(breaches, []);
    });
  }

  it(`files have at most ${FILE_LINES_MAX} lines, half of them at most ${FILE_LINES_MEDIAN}`, () => {
    assert.deepEqual(
      sources.filter((file) => file.lines > FILE_LINES_MAX).map((file) => `${file.path}: ${file.lines}`),
      [],
    );
    const sorted = sources.map((file) => file.lines).sort((a, b) => a - b);
    assert.ok(
      (sorted[Math.floor(sorted.length / 2)] as number) <= FILE_LINES_MEDIAN,
      `median ${sorted[Math.floor(sorted.length / 2)]}`,
    );
  });

  it(`functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
    assert.deepEqual(sources.flatMap(longFunctions), []);
  });

  it('no utils, helpers, common, manager', () => {
    const names = sources
      .map((file) => file.path)
      .filter((path) => /(^|[/-])(utils?|helpers?|common|manager)([/.-]|$)/.test(path));
    assert.deepEqual(names, []);
  });

  it('house rules that hold are checks that can fail', () => {
    const bad = read0('saga/x.ts', "import { openStore } from '../store/index.ts';\nconst t = Date.now();\n");
    assert.equal(mayImport(bad, 'store/index.ts', false), false);
    assert.equal(mayImport({ ...bad, folder: 'stacks' }, 'saga/types.ts', true), true);
    assert.equal(mayImport({ ...bad, folder: 'stacks' }, 'saga/index.ts', false), false);
    const long = `function f() {\n${'  g();\n'.repeat(80)}}\n`;
    assert.equal(longFunctions({ ...bad, text: long }).length, 1);
  });
});

function read0(path: string, text: string): SourceFile {
  return { path, folder: path.split('/')[0] as string, text, lines: text.split('\n').length, imports: [] };
}

function longFunctions(file: SourceFile): string[] {
  const code = stripTypeScriptTypes(file.text, { mode: 'strip' });
  const tree = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true, allowHashBang: true });
  const found: string[] = [];
  visit(tree, (node) => {
    const lines = (node.loc?.end.line ?? 0) - (node.loc?.start.line ?? 0) + 1;
    if (/Function/.test(node.type) && lines > FUNCTION_LINES_MAX)
      found.push(`${file.path}:${node.loc?.start.line} ${lines} lines`);
  });
  return found;
}

function visit(node: Node, seen: (node: Node) => void): void {
  seen(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child === 'object' && child !== null && typeof (child as Node).type === 'string')
        visit(child as Node, seen);
    }
  }
}
