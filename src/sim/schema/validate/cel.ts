/**
 * The part of CEL that validation rules of CRDs are commonly written in: literals, field and index access, arithmetic,
 * comparison, logic, `in`, `?:`, `has`, `size`, string and list functions, and the macros `all`, `exists`, `exists_one`,
 * `filter`, `map`. An expression that uses more is not compiled, and so never refuses an object.
 */
import { isObject, type Json, jsonEqual } from '../../../base/index.ts';

export type Scope = { readonly [name: string]: Json | undefined };
type Expression = (scope: Scope) => Json;

/** The expression has no value for this object (a field is absent, types do not fit). */
export class CelError extends Error {}

const TOKEN =
  /\s*(?:(\d+\.\d+|\d+)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]\w*)|(&&|\|\||[<>=!]=|[-+*/%<>!?:.,()[\]{}]))/y;

interface Token {
  readonly kind: 'number' | 'string' | 'name' | 'symbol';
  readonly text: string;
}

function tokens(source: string): Token[] {
  const out: Token[] = [];
  TOKEN.lastIndex = 0;
  while (source.slice(TOKEN.lastIndex).trim() !== '') {
    const match = TOKEN.exec(source);
    if (match === null) throw new CelError(`cannot read ${source}`);
    const [, number, string, name, symbol] = match;
    if (number !== undefined) out.push({ kind: 'number', text: number });
    else if (string !== undefined) out.push({ kind: 'string', text: unquoted(string) });
    else if (name !== undefined) out.push({ kind: 'name', text: name });
    else out.push({ kind: 'symbol', text: symbol as string });
  }
  return out;
}

function unquoted(text: string): string {
  const escapes: { readonly [letter: string]: string } = { n: '\n', t: '\t', r: '\r' };
  return text.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}

function number(value: Json): number {
  if (typeof value !== 'number') throw new CelError('no such overload');
  return value;
}

function truth(value: Json): boolean {
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

function order(a: Json, b: Json): number {
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string')) throw new CelError('no such overload');
  return a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0;
}

function add(a: Json, b: Json): Json {
  if (typeof a === 'string' && typeof b === 'string') return a + b;
  if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  return number(a) + number(b);
}

function divide(a: Json, b: Json): number {
  if (number(b) === 0) throw new CelError('division by zero');
  const quotient = number(a) / number(b);
  return Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(quotient) : quotient;
}

function contains(item: Json, of: Json): boolean {
  if (Array.isArray(of)) return of.some((other: Json) => jsonEqual(item, other));
  if (isObject(of)) return typeof item === 'string' && of[item] !== undefined;
  throw new CelError('no such overload');
}

function size(value: Json): number {
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value)) return value.length;
  if (isObject(value)) return Object.keys(value).length;
  throw new CelError('no such overload');
}

function field(value: Json, name: string): Json {
  const found = isObject(value) ? value[name] : undefined;
  if (found === undefined) throw new CelError(`no such key: ${name}`);
  return found;
}

function at(value: Json, index: Json): Json {
  if (typeof index === 'string') return field(value, index);
  const found = Array.isArray(value) ? (value as readonly Json[])[number(index)] : undefined;
  if (found === undefined) throw new CelError(`index out of bounds: ${String(index)}`);
  return found;
}

const BINARY: readonly { readonly [symbol: string]: (a: Json, b: Json) => Json }[] = [
  {
    '==': (a, b) => jsonEqual(a, b),
    '!=': (a, b) => !jsonEqual(a, b),
    '<': (a, b) => order(a, b) < 0,
    '<=': (a, b) => order(a, b) <= 0,
    '>': (a, b) => order(a, b) > 0,
    '>=': (a, b) => order(a, b) >= 0,
    in: contains,
  },
  { '+': add, '-': (a, b) => number(a) - number(b) },
  { '*': (a, b) => number(a) * number(b), '/': divide, '%': (a, b) => number(a) % number(b) },
];

function string(value: Json): string {
  if (typeof value !== 'string') throw new CelError('no such overload');
  return value;
}

const METHODS: { readonly [name: string]: (self: Json, ...rest: readonly Json[]) => Json } = {
  size,
  startsWith: (self, prefix = '') => string(self).startsWith(string(prefix)),
  endsWith: (self, suffix = '') => string(self).endsWith(string(suffix)),
  contains: (self, part = '') => string(self).includes(string(part)),
  matches: (self, pattern = '') => new RegExp(string(pattern), 'u').test(string(self)),
  lowerAscii: (self) => string(self).toLowerCase(),
  upperAscii: (self) => string(self).toUpperCase(),
  trim: (self) => string(self).trim(),
  split: (self, separator = '') => string(self).split(string(separator)),
  join: (self, separator = '') => items(self).map(string).join(string(separator)),
  isSorted: (self) => items(self).every((item, index, all) => index === 0 || order(all[index - 1] ?? null, item) <= 0),
  sum: (self) => items(self).reduce((total: number, item) => total + number(item), 0),
};

function items(value: Json): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  if (isObject(value)) return Object.keys(value);
  throw new CelError('no such overload');
}

const MACROS: { readonly [name: string]: (all: readonly Json[], test: (item: Json) => Json) => Json } = {
  all: (all, test) => all.every((item) => truth(test(item))),
  exists: (all, test) => all.some((item) => truth(test(item))),
  exists_one: (all, test) => all.filter((item) => truth(test(item))).length === 1,
  filter: (all, test) => all.filter((item) => truth(test(item))),
  map: (all, test) => all.map(test),
};

const LITERALS: { readonly [name: string]: Json } = { true: true, false: false, null: null };

class Parser {
  readonly tokens: readonly Token[];
  position = 0;

  constructor(source: string) {
    this.tokens = tokens(source);
  }

  peek(): string | undefined {
    const token = this.tokens[this.position];
    return token?.kind === 'string' ? undefined : token?.text;
  }

  accept(text: string): boolean {
    if (this.peek() !== text) return false;
    this.position += 1;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw new CelError(`expected ${text}`);
  }

  whole(): Expression {
    const found = this.conditional();
    if (this.position < this.tokens.length) throw new CelError('unexpected text');
    return found;
  }

  conditional(): Expression {
    const test = this.either();
    if (!this.accept('?')) return test;
    const yes = this.conditional();
    this.expect(':');
    const no = this.conditional();
    return (scope) => (truth(test(scope)) ? yes(scope) : no(scope));
  }

  either(): Expression {
    const left = this.both();
    if (!this.accept('||')) return left;
    const right = this.either();
    return (scope) => logic(left, right, scope, true);
  }

  both(): Expression {
    const left = this.binary(0);
    if (!this.accept('&&')) return left;
    const right = this.both();
    return (scope) => logic(left, right, scope, false);
  }

  binary(level: number): Expression {
    const operators = BINARY[level];
    if (operators === undefined) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const operator = operators[this.peek() ?? ''];
      if (operator === undefined) return left;
      this.position += 1;
      const [a, b] = [left, this.binary(level + 1)];
      left = (scope) => operator(a(scope), b(scope));
    }
  }

  unary(): Expression {
    if (this.accept('!')) {
      const inner = this.unary();
      return (scope) => !truth(inner(scope));
    }
    if (this.accept('-')) {
      const inner = this.unary();
      return (scope) => -number(inner(scope));
    }
    return this.member(this.primary());
  }

  member(start: Expression): Expression {
    let left = start;
    for (;;) {
      const self = left;
      if (this.accept('[')) {
        const index = this.conditional();
        this.expect(']');
        left = (scope) => at(self(scope), index(scope));
      } else if (this.accept('.')) {
        const name = this.name();
        left = this.accept('(') ? this.call(self, name) : (scope) => field(self(scope), name);
      } else return left;
    }
  }

  name(): string {
    const token = this.tokens[this.position];
    if (token?.kind !== 'name') throw new CelError('expected a name');
    this.position += 1;
    // Names that are CEL's own words are written `__in__` in rules.
    return token.text.replace(/^__(\w+)__$/, '$1');
  }

  call(self: Expression, name: string): Expression {
    const macro = MACROS[name];
    if (macro !== undefined) {
      const variable = this.name();
      this.expect(',');
      const body = this.conditional();
      this.expect(')');
      return (scope) => macro(items(self(scope)), (item) => body({ ...scope, [variable]: item }));
    }
    const method = METHODS[name];
    if (method === undefined) throw new CelError(`unknown function ${name}`);
    const rest = this.list(')');
    return (scope) => method(self(scope), ...rest.map((argument) => argument(scope)));
  }

  list(close: string): Expression[] {
    const out: Expression[] = [];
    while (!this.accept(close)) {
      out.push(this.conditional());
      if (!this.accept(',')) {
        this.expect(close);
        break;
      }
    }
    return out;
  }

  primary(): Expression {
    const token = this.tokens[this.position];
    this.position += 1;
    if (token === undefined) throw new CelError('unexpected end');
    if (token.kind === 'number') return () => Number(token.text);
    if (token.kind === 'string') return () => token.text;
    if (token.kind === 'name') return this.named(token.text);
    if (token.text === '(') {
      const inner = this.conditional();
      this.expect(')');
      return inner;
    }
    if (token.text !== '[') throw new CelError(`unexpected ${token.text}`);
    const elements = this.list(']');
    return (scope) => elements.map((element) => element(scope));
  }

  named(name: string): Expression {
    if (Object.hasOwn(LITERALS, name)) return () => LITERALS[name] ?? null;
    if (!this.accept('(')) {
      return (scope) => {
        const value = scope[name];
        if (value === undefined) throw new CelError(`undeclared reference to '${name}'`);
        return value;
      };
    }
    const [argument] = this.list(')');
    if (argument === undefined) throw new CelError(`${name} needs an argument`);
    if (name === 'has') return (scope) => present(argument, scope);
    if (name === 'size') return (scope) => size(argument(scope));
    if (name === 'int' || name === 'double') return (scope) => Number(argument(scope));
    if (name === 'string') return (scope) => String(argument(scope));
    throw new CelError(`unknown function ${name}`);
  }
}

/** `has(a.b)`: whether the last step leads to something. */
function present(argument: Expression, scope: Scope): boolean {
  try {
    argument(scope);
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
}

/** In CEL one side decides even if the other has no value. */
function logic(left: Expression, right: Expression, scope: Scope, decisive: boolean): boolean {
  let failure: CelError | undefined;
  for (const side of [left, right]) {
    try {
      if (truth(side(scope)) === decisive) return decisive;
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return !decisive;
}

const compiled = new Map<string, Expression | undefined>();

/** The compiled rule; undefined: it uses more of CEL than is known here. */
export function compile(source: string): Expression | undefined {
  if (compiled.has(source)) return compiled.get(source);
  let found: Expression | undefined;
  try {
    found = new Parser(source).whole();
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
  }
  compiled.set(source, found);
  return found;
}
