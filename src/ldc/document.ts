import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { errorText, type Json, limits, type Problem } from '../base/index.ts';
import type { Path, Position, SourceDocument } from './types.ts';

export interface Reading {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Problem[];
  /** Whether no document was left out. */
  readonly complete: boolean;
}

/**
 * Reads every document of a YAML or JSON text, with positions. Never throws; what is wrong is a problem. A document that
 * can be read in spite of its problems is given too, so that they hide no others; else it is left out, as empty ones are.
 * Time and memory stay linear in the size of the text.
 */
export function readDocuments(file: string, text: string): Reading {
  const size = Buffer.byteLength(text);
  if (size > limits.stackDocumentBytesMax) {
    const message = `the file has ${size} bytes; at most ${limits.stackDocumentBytesMax} are read`;
    return {
      documents: [],
      complete: false,
      problems: [{ file, line: 1, column: 1, path: '', message, hint: 'split it up' }],
    };
  }
  if (text.split(/^---/m, limits.stackObjectsMax + 3).length > limits.stackObjectsMax + 2) {
    const message = `the file has more than ${limits.stackObjectsMax} documents`;
    return { documents: [], complete: false, problems: [{ file, line: 1, column: 1, path: '', message }] };
  }
  const tooDeep = flowTooDeep(text);
  if (tooDeep !== undefined) {
    const message = `values are nested deeper than ${limits.yamlDepthMax}`;
    return { documents: [], complete: false, problems: [{ file, ...tooDeep, path: '', message }] };
  }
  const lines = new LineCounter();
  let parsed: readonly Document.Parsed[];
  try {
    // uniqueKeys would compare each key with each other: Reader finds duplicates in linear time
    const all = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false });
    parsed = 'empty' in all ? [] : all;
  } catch (error) {
    const message = error instanceof RangeError ? 'values are nested too deeply' : errorText(error);
    return { documents: [], complete: false, problems: [{ file, line: 1, column: 1, path: '', message }] };
  }
  const documents: SourceDocument[] = [];
  const problems: Problem[] = [];
  let complete = true;
  for (const document of parsed) {
    const reader = new Reader(file, document, lines);
    const value = reader.read();
    problems.push(...reader.problems);
    if (reader.unusable) complete = false;
    else if (value !== null) documents.push({ file, value, at: (path, part) => reader.at(path, part) });
  }
  return { documents, problems, complete };
}

const BRACKETS_MAX = 100_000;

/**
 * Where brackets nest so deep that the parser would need long to give up. Texts and comments are not told apart here, so
 * the bound is far beyond what brackets in a text can reach; the exact depth is checked on the values.
 */
function flowTooDeep(text: string): Position | undefined {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10) {
      line++;
      lineStart = i + 1;
    } else if (code === 91 || code === 123) {
      if (++depth > BRACKETS_MAX) return { line, column: i - lineStart + 1 };
    } else if ((code === 93 || code === 125) && depth > 0) depth--;
  }
  return undefined;
}

type Pairs = ReadonlyMap<string | undefined, YAMLMap<Node, Node | null>['items'][number]>;

/** One document to JSON; refuses what YAML allows and a Kubernetes user does not expect. */
class Reader {
  readonly problems: Problem[] = [];
  /** Parts are missing: further checks would report what is not so. */
  unusable = false;
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #pairs = new WeakMap<Node, Pairs>();
  #aliases = 0;

  constructor(file: string, document: Document.Parsed, lines: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
  }

  read(): Json {
    const exhausted = this.#document.errors.find((error) => error.code === 'RESOURCE_EXHAUSTION');
    for (const error of exhausted === undefined ? this.#document.errors : [exhausted]) {
      this.#report(error.pos[0], '', sentence(error), hintOf(error.code));
    }
    this.unusable = this.problems.length > 0;
    for (const warning of this.#document.warnings) {
      this.#report(warning.pos[0], '', sentence(warning), 'tags of your own mean nothing to Kubernetes');
    }
    return this.unusable ? null : this.#value(this.#document.contents, '', 0);
  }

  at(path: Path, part: 'key' | 'value' = 'value'): Position {
    let node: Node | null = this.#document.contents;
    let offset = startOf(node);
    for (const [index, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document) ?? null;
      if (isSeq(node) && typeof step === 'number') {
        node = (node.items[step] as Node | undefined) ?? null;
      } else if (isMap(node)) {
        const pair = this.#pairsOf(node as YAMLMap<Node, Node | null>).get(String(step));
        if (pair === undefined) break;
        const wantKey = (part === 'key' && index === path.length - 1) || pair.value === null;
        offset = startOf(wantKey ? pair.key : pair.value) ?? offset;
        node = pair.value;
        continue;
      } else break;
      if (node === null) break;
      offset = startOf(node) ?? offset;
    }
    return this.#position(offset ?? 0);
  }

  /** The first pair of each key; kept, as a large map may have a problem in every key. */
  #pairsOf(map: YAMLMap<Node, Node | null>): Pairs {
    const known = this.#pairs.get(map);
    if (known !== undefined) return known;
    const pairs: Pairs = new Map(map.items.toReversed().map((pair) => [keyText(pair.key), pair]));
    this.#pairs.set(map, pairs);
    return pairs;
  }

  #value(node: Node | null, path: string, depth: number): Json {
    if (node === null) return null;
    if (depth > limits.yamlDepthMax) {
      this.#refuse(startOf(node), path, `values are nested deeper than ${limits.yamlDepthMax}`);
      return null;
    }
    if (isAlias(node)) return this.#alias(node, path, depth);
    if (isScalar(node)) return this.#scalar(node, path);
    if (isSeq(node)) return node.items.map((item, index) => this.#value(item as Node, `${path}[${index}]`, depth + 1));
    if (isMap(node)) return this.#map(node as YAMLMap<Node, Node | null>, path, depth);
    this.#refuse(startOf(node), path, 'cannot be read as JSON');
    return null;
  }

  #alias(node: Alias, path: string, depth: number): Json {
    this.#aliases++; // each time that one is followed: an alias inside an aliased value counts again, so a bomb stops here
    if (this.#aliases > limits.yamlAliasesMax) {
      if (this.#aliases === limits.yamlAliasesMax + 1) {
        const message = `more than ${limits.yamlAliasesMax} aliases are followed; this looks like a YAML bomb`;
        this.#refuse(startOf(node), path, message, 'write the values out');
      }
      return null;
    }
    const target = node.resolve(this.#document);
    if (target === undefined) {
      this.#refuse(startOf(node), path, `no anchor &${node.source} stands before this alias`);
      return null;
    }
    return this.#value(target, path, depth + 1);
  }

  #map(map: YAMLMap<Node, Node | null>, path: string, depth: number): Json {
    const entries = new Map<string, Json>();
    for (const pair of map.items) {
      if (!isPair(pair)) continue;
      const key = keyText(pair.key);
      const where = startOf(pair.key);
      if (key === undefined) {
        this.#refuse(where, path, 'a key must be a plain word or a string');
        continue;
      }
      const inner = path === '' ? key : `${path}.${key}`;
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        this.#refuse(where, inner, 'merge keys (<<) are not supported', 'write the fields out, or use an override');
      } else if (entries.has(key)) {
        this.#report(where, inner, `the key "${key}" stands here twice`, 'remove one of them');
      } else {
        entries.set(key, this.#value(pair.value, inner, depth + 1));
      }
    }
    return Object.fromEntries(entries);
  }

  #scalar(node: Scalar, path: string): Json {
    const { value, source = '' } = node;
    const plain = node.type === 'PLAIN';
    if (typeof value === 'number') {
      // kubectl reads YAML 1.1, where 0644 is octal: file modes depend on it
      if (plain && /^[-+]?0[0-7]+$/.test(source)) return Number.parseInt(source, 8);
      if (!Number.isFinite(value)) this.#refuse(startOf(node), path, `${source} is not a number in JSON`);
      else if (Number.isInteger(value) && !Number.isSafeInteger(value) && /^[-+]?\d+$/.test(source)) {
        this.#report(startOf(node), path, `${source} is too large to be kept exactly`, 'quote it if it is a text');
      }
      return value;
    }
    if (typeof value === 'string') {
      if (plain && /^(y|n|yes|no|on|off)$/i.test(value) && value.length > 1) {
        const meant = /^(yes|on)$/i.test(value) ? 'true' : 'false';
        const hint = `write ${meant}, or "${value}" in quotes`;
        this.#report(startOf(node), path, `${value} is a boolean to kubectl and a text to YAML 1.2`, hint);
      }
      if (!value.isWellFormed()) this.#report(startOf(node), path, 'the text has half a surrogate pair');
      return value;
    }
    if (typeof value === 'boolean' || value === null || value === undefined) return value ?? null;
    this.#refuse(startOf(node), path, 'cannot be read as JSON', 'quote it');
    return null;
  }

  /** A problem that makes the whole document unusable. */
  #refuse(offset: number | undefined, path: string, message: string, hint?: string): void {
    this.unusable = true;
    this.#report(offset, path, message, hint);
  }

  #report(offset: number | undefined, path: string, message: string, hint?: string): void {
    const problem = { file: this.#file, ...this.#position(offset ?? 0), path, message };
    this.problems.push(hint === undefined ? problem : { ...problem, hint });
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0] ?? undefined;
}

/** A key as JSON has it: numbers and booleans become text as they were written. */
function keyText(key: Node | null | undefined): string | undefined {
  if (key === null || key === undefined) return undefined;
  if (!isScalar(key)) return undefined;
  if (typeof key.value === 'string') return key.value;
  return key.value === null ? undefined : (key.source ?? String(key.value));
}

/** The parser's message without its own position. */
function sentence(error: YAMLError): string {
  if (error.code === 'RESOURCE_EXHAUSTION') return 'values are nested too deeply';
  return error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? error.message;
}

function hintOf(code: string): string | undefined {
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'indent with spaces';
    case 'BAD_INDENT':
      return 'check the indentation of this line and the one above';
    case 'MULTILINE_IMPLICIT_KEY':
    case 'MISSING_CHAR':
      return 'is a quote, a bracket or a colon missing?';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second ":" stands on this line: quote the text';
    default:
      return undefined;
  }
}
