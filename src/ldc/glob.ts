/**
 * Patterns of paths: `*` and `?` within a segment, `**` for any number of them, `[a-z]`, `{a,b}`. Of our own because the
 * definition comes from people who may be strangers: the time is bounded by pattern × path, where a translation into
 * regular expressions can take years for a line of text.
 */

/** What braces may multiply out to. */
const ALTERNATIVES_MAX = 64;
const PATTERN_CHARACTERS_MAX = 1_000;

export type Glob =
  | { readonly kind: 'glob'; readonly matches: (path: string) => boolean }
  | { readonly kind: 'invalid'; readonly message: string };

export function isGlob(pattern: string): boolean {
  return /[*?[\]{}]/.test(pattern);
}

/** Paths and pattern with `/`, normalised. A leading dot is matched only by a dot. */
export function compileGlob(pattern: string): Glob {
  if (pattern.length > PATTERN_CHARACTERS_MAX) {
    return { kind: 'invalid', message: `the pattern has more than ${PATTERN_CHARACTERS_MAX} characters` };
  }
  const alternatives = expandBraces(pattern);
  if (alternatives === undefined) {
    return { kind: 'invalid', message: `the braces of the pattern stand for more than ${ALTERNATIVES_MAX} patterns` };
  }
  const compiled = alternatives.map((one) => one.split('/').map(tokensOf));
  return {
    kind: 'glob',
    matches(path) {
      const segments = path.split('/');
      return compiled.some((tokens) => wildMatch(tokens, segments, isAnyDepth, segmentMatches, visible));
    },
  };
}

/** Every pattern that `{a,b}` stands for; undefined: too many. A brace without its other one is itself. */
function expandBraces(pattern: string): string[] | undefined {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const group = innermostGroup(next);
    if (group === undefined) done.push(next);
    else for (const part of group.parts) open.push(group.before + part + group.after);
    if (done.length + open.length > ALTERNATIVES_MAX) return undefined;
  }
  return done;
}

/** The first `{…}` that holds no other one and has a comma in it. */
function innermostGroup(text: string) {
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') start = at;
    if (text[at] !== '}' || start < 0) continue;
    const parts = text.slice(start + 1, at).split(',');
    if (parts.length > 1) return { before: text.slice(0, start), parts, after: text.slice(at + 1) };
    start = -1;
  }
  return undefined;
}

/** One place of a segment: any text, one character, or one of a class. */
type Token = { readonly kind: 'any' } | { readonly kind: 'one'; readonly is: (character: string) => boolean };

function tokensOf(segment: string): readonly Token[] | 'anyDepth' {
  if (segment === '**') return 'anyDepth';
  const tokens: Token[] = [];
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at] as string;
    const close = character === '[' ? segment.indexOf(']', at + 2) : -1;
    if (character === '*') tokens.push({ kind: 'any' });
    else if (character === '?') tokens.push({ kind: 'one', is: () => true });
    else if (close > 0) {
      tokens.push({ kind: 'one', is: classOf(segment.slice(at + 1, close)) });
      at = close;
    } else tokens.push({ kind: 'one', is: (given) => given === character });
  }
  return tokens;
}

/** `abc`, `a-z`, and `!…` or `^…` for all others. */
function classOf(text: string): (character: string) => boolean {
  const negated = /^[!^]/.test(text);
  const body = negated ? text.slice(1) : text;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < body.length; at++) {
    const isRange = body[at + 1] === '-' && at + 2 < body.length;
    ranges.push([body[at] as string, body[isRange ? at + 2 : at] as string]);
    if (isRange) at += 2;
  }
  return (given) => negated !== ranges.some(([low, high]) => low <= given && given <= high);
}

const isAnyDepth = (tokens: readonly Token[] | 'anyDepth') => tokens === 'anyDepth';
const visible = (segment: string) => !segment.startsWith('.');

function segmentMatches(tokens: readonly Token[] | 'anyDepth', segment: string): boolean {
  if (tokens === 'anyDepth') return visible(segment);
  if (segment.startsWith('.') && !(tokens[0]?.kind === 'one' && tokens[0].is('.'))) return false;
  return wildMatch(
    tokens,
    [...segment],
    (token) => token.kind === 'any',
    (token, character) => token.kind === 'one' && token.is(character),
    () => true,
  );
}

/** Matches items against tokens, of which some stand for any number of items; going back only ever to the last of those. */
function wildMatch<T, I>(
  tokens: readonly T[],
  items: readonly I[],
  isWild: (token: T) => boolean,
  fits: (token: T, item: I) => boolean,
  mayTake: (item: I) => boolean,
): boolean {
  let token = 0;
  let item = 0;
  let wild = -1;
  let taken = 0;
  while (item < items.length) {
    const now = tokens[token];
    if (now !== undefined && isWild(now)) {
      wild = token++;
      taken = item;
    } else if (now !== undefined && fits(now, items[item] as I)) {
      token++;
      item++;
    } else if (wild >= 0 && mayTake(items[taken] as I)) {
      token = wild + 1;
      item = ++taken;
    } else return false;
  }
  return tokens.slice(token).every(isWild);
}
