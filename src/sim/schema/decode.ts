/** Request bodies to JSON, with every key that was given twice. JSON by a scanner of our own, YAML by its library. */
import { isAlias, isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { isObject, type Json, limits } from '../../base/index.ts';

export interface Decoded {
  readonly value: Json;
  /** Paths as a strict decoder names them: `metadata.labels.app`. */
  readonly duplicates: readonly string[];
}

/** Deeper documents than this are refused: no API object is. */
const DEPTH_MAX = 1_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these inside strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
const LITERALS: readonly (readonly [string, Json])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Scanner {
  readonly text: string;
  readonly duplicates: string[] = [];
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  fail(context: string): never {
    const character = this.text[this.at];
    if (character === undefined) throw new SyntaxError('unexpected end of JSON input');
    throw new SyntaxError(`invalid character '${character}' ${context}`);
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** The next character that is no white space, not consumed. */
  peek(): string | undefined {
    this.match(SPACE);
    return this.text[this.at];
  }

  document(): Json {
    const value = this.value('', 0);
    if (this.peek() !== undefined) this.fail('after top-level value');
    return value;
  }

  value(path: string, depth: number): Json {
    if (depth > DEPTH_MAX) throw new SyntaxError('exceeded max depth');
    const first = this.peek();
    if (first === '{') return this.object(path, depth);
    if (first === '[') return this.list(path, depth);
    if (first === '"') return this.string();
    const number = first === undefined ? undefined : this.match(NUMBER);
    if (number !== undefined && number !== '') return Number(number);
    for (const [word, value] of LITERALS) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    return this.fail('looking for beginning of value');
  }

  string(): string {
    const found = this.match(STRING);
    if (found !== undefined) return JSON.parse(found) as string;
    if (this.text.indexOf('"', this.at + 1) === -1) this.at = this.text.length;
    return this.fail('in string literal');
  }

  list(path: string, depth: number): Json {
    this.at += 1;
    const items: Json[] = [];
    if (this.peek() === ']') return this.close(items);
    for (;;) {
      items.push(this.value(`${path}[${items.length}]`, depth + 1));
      if (this.peek() === ']') return this.close(items);
      if (this.text[this.at] !== ',') this.fail('after array element');
      this.at += 1;
    }
  }

  object(path: string, depth: number): Json {
    this.at += 1;
    const members = new Map<string, Json>();
    if (this.peek() === '}') return this.close({});
    for (;;) {
      if (this.peek() !== '"') this.fail('looking for beginning of object key string');
      const key = this.string();
      const place = path === '' ? key : `${path}.${key}`;
      if (members.has(key)) this.duplicates.push(place);
      if (this.peek() !== ':') this.fail('after object key');
      this.at += 1;
      members.set(key, this.value(place, depth + 1));
      if (this.peek() === '}') return this.close(Object.fromEntries(members));
      if (this.text[this.at] !== ',') this.fail('after object key:value pair');
      this.at += 1;
    }
  }

  close<T extends Json>(value: T): T {
    this.at += 1;
    return value;
  }
}

function yamlKey(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function findDuplicates(node: unknown, path: string, found: string[]): void {
  if (isAlias(node)) return;
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) findDuplicates(item, `${path}[${index}]`, found);
    return;
  }
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const pair of (node as YAMLMap).items) {
    const key = yamlKey(pair.key);
    const place = path === '' ? key : `${path}.${key}`;
    if (seen.has(key)) found.push(place);
    seen.add(key);
    findDuplicates(pair.value, place, found);
  }
}

/** Kinds of YAML scalars and collections that JSON has no form for: they are read as what they are written as. */
const NOT_READ = /:(?:timestamp|binary|omap|pairs|set)$/;

/** YAML 1.1 as the API server reads it (`y` is a boolean), its timestamps and binaries left as text. */
function decodeYaml(text: string): Decoded {
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !NOT_READ.test(tag.tag)),
  });
  const [error] = document.errors;
  if (error !== undefined)
    throw new SyntaxError(`error converting YAML to JSON: yaml: ${error.message.split('\n')[0]}`);
  const duplicates: string[] = [];
  findDuplicates(document.contents, '', duplicates);
  return { value: toJson(document.toJS({ maxAliasCount: limits.yamlAliasesMax })), duplicates };
}

/** Keys to strings, as JSON has no others; numbers that JSON cannot hold are refused. */
function toJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
  if (typeof value === 'number' && !Number.isFinite(value)) throw new SyntaxError('json: unsupported value');
  return (value ?? null) as Json;
}

/**
 * Reads a body that is JSON (it begins with `{` or `[`) or YAML. Of a key given twice the last value counts.
 * @throws SyntaxError in the words of a real server, such as `unexpected end of JSON input`.
 */
export function decodeStrict(text: string): Decoded {
  if (!/^\s*[{[]/.test(text)) return decodeYaml(text);
  const scanner = new Scanner(text);
  return { value: scanner.document(), duplicates: scanner.duplicates };
}
