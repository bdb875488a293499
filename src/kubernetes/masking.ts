/**
 * Hides what looks like a secret in text that comes from workloads (log lines, events, messages of conditions) before it
 * leaves the cluster. Best effort by nature: what it finds, and what it cannot find, is listed in docs/operating.md.
 */
import { isObject, type KubeObject } from '../base/index.ts';
import { clip } from './text.ts';

/** Text in, the same text with secrets replaced by `***` out. */
export type Mask = (text: string) => string;

export const MASKED = '***';

/** Shorter ones would stand in too many words. */
const KNOWN_CHARACTERS_MIN = 6;
const KNOWN_MAX = 5_000;
/** Fields of a Secret that name something and hide nothing: masking `postgres` everywhere would blind who reads. */
const NAMING_KEY = /^(?:user(?:name)?|db(?:name)?|database|host(?:name)?|port|name|namespace|type|provider)$/i;

/** Words by which a key says that its value is secret; `secretName`, `tokenRef`, `passwordPolicy` only speak of one. */
const SECRET_WORD =
  'pass(?:word|wd|phrase|code)|pass(?![a-z])|pwd|secret|token(?!s\\b)|credentials?|api[-_. ]?key|access[-_. ]?key|secret[-_. ]?key|account[-_. ]?key|signing[-_. ]?key|encryption[-_. ]?key|private[-_. ]?key|authorization|cookie|session[-_. ]?id|otp|dsn';
const AFTER_WORD = '(?![-_. ]?(?:name|ref|refs|path|file|policy|type|count|length|version|kind))[\\w-]{0,32}';
const QUOTE = '\\\\{0,3}["\'`]';
/** A quoted value up to its quote, or a word; a word ends where lists and objects go on. */
const VALUE = `(?:\\\\{0,3}"(?:[^"\\\\]|\\\\[^"]){0,16384}\\\\{0,3}"?|'[^']{0,16384}'?|\`[^\`]{0,16384}\`?|[^\\s"'\`,;&(){}\\[\\]]{1,16384})`;

/** How an API server tells the value of a field that it refuses. */
const FIELD_VALUE =
  '(?:invalid|unsupported|duplicate) value: |(?:not found|too long): (?=")|expected [^"\\n]{0,100}?, got ';

type Replacer = (whole: string, first: string, second: string, ...rest: string[]) => string;

const RULES: readonly { readonly pattern: RegExp; readonly to: string | Replacer }[] = [
  // PEM on one line, or with its line ends written out
  {
    pattern: /-----BEGIN [A-Z0-9 ]{1,40}-----[\s\S]{0,16384}?(?:-----END [A-Z0-9 ]{1,40}-----|$)/g,
    to: MASKED,
  },
  { pattern: /\beyJ[\w-]{5,}\.[\w-]{2,}(?:\.[\w-]*){0,3}/g, to: MASKED },
  // a header hides to the end of its line: what follows the scheme, and the other cookies
  {
    pattern:
      /\b((?:proxy-)?authorization|(?:set-)?cookie)(\\{0,3}["']?\s{0,4}[:=]\s{0,4}\\{0,3}["']?)[^\r\n"'\\]{1,16384}/gi,
    to: `$1$2${MASKED}`,
  },
  { pattern: /\b(Bearer|Basic|Negotiate|Digest|ApiKey)\s+[\w.~+/=:-]{6,}/gi, to: `$1 ${MASKED}` },
  // scheme://user:password@host, and a token in the place of the user
  {
    pattern: /\b([a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"']{0,256}):(?!\d{1,5}\/)[^\s"']{1,1024}@(?=[\w[])/gi,
    to: `$1:${MASKED}@`,
  },
  { pattern: /\b([a-z][a-z0-9+.-]{1,20}:\/\/)[\w-]{20,512}@/gi, to: `$1${MASKED}@` },
  // what an API server says of a field: spec.password: Invalid value: "hunter2": must be …
  {
    pattern: new RegExp(
      `(\\b[\\w.-]{0,64}?(?:${SECRET_WORD})${AFTER_WORD}(?:\\]|${QUOTE}){0,2}: (?:${FIELD_VALUE}))(&[^{\\s]{0,64}\\{[^}\\n]{0,4096}\\}|${VALUE})`,
      'gi',
    ),
    to: (_whole, before, value) => `${before}${quoted(value)}`,
  },
  {
    pattern: new RegExp(
      `(\\b[\\w.-]{0,64}?(?:${SECRET_WORD})${AFTER_WORD}(?:${QUOTE})?\\s{0,4}(?:=>|:=|[=:])\\s{0,4})(${VALUE})`,
      'gi',
    ),
    to: (whole, before, value, at, text = '') => {
      const end = Number(at) + whole.length;
      const harmless = isProse(whole, end, text) || isFieldError(text.slice(end - value.length)) || isCount(whole);
      return harmless ? whole : `${before}${quoted(value)}`;
    },
  },
  // command lines: --password hunter2
  {
    pattern: new RegExp(`((?:^|\\s)--?[\\w-]{0,64}?(?:${SECRET_WORD})${AFTER_WORD}\\s{1,4})(?!-)(${VALUE})`, 'gi'),
    to: (_whole, before, value) => `${before}${quoted(value)}`,
  },
  // keys of known makers, wherever they stand
  {
    pattern:
      /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|\b[sr]k_(?:live|test)_\w{10,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}|\bldc1\.[\w.-]{10,}|\bhv[sb]\.[\w-]{20,}|\bnpm_\w{30,}/g,
    to: MASKED,
  },
  {
    pattern: /\b([\w.-]{1,64}=)(["']?)([\w+/=-]{20,4096})/g,
    to: (whole, key, quote, value = '') => (looksRandom(key, value) ? `${key}${quote}${MASKED}` : whole),
  },
];

/** A mask for text of a stack whose Secrets hold these values (beside what looks secret by itself). */
export function createMask(known: readonly string[] = []): Mask {
  const values = [...new Set(known)]
    .filter((value) => value.length >= KNOWN_CHARACTERS_MIN && value !== MASKED)
    .sort((a, b) => b.length - a.length)
    .slice(0, KNOWN_MAX);
  return (text) => {
    let masked = text;
    for (const value of values) if (masked.includes(value)) masked = masked.replaceAll(value, MASKED);
    for (const { pattern, to } of RULES) masked = masked.replace(pattern, to as string);
    return masked;
  };
}

/** What is masked of a line: one of megabytes must not cost the time of all of it. */
const LINE_CHARACTERS_MAX = 16 * 1024;
/** Where a line was cut, a secret may have been: its first half is masked by nobody. */
const CUT_CHARACTERS = 4 * 1024;

/** A line, masked and then cut to a length that can be shown, in this order: so that no half of a secret is left. */
export function maskedLine(mask: Mask, line: string, charactersMax: number): string {
  if (line.length <= LINE_CHARACTERS_MAX) return clip(mask(line), charactersMax);
  const masked = mask(line.slice(0, LINE_CHARACTERS_MAX));
  return clip(`${masked.slice(0, Math.max(0, masked.length - CUT_CHARACTERS))}…`, charactersMax);
}

/** The values of Secrets as they might be printed: plain, line by line, in base64, and as part of a URL. */
export function secretTexts(objects: readonly KubeObject[]): readonly string[] {
  return objects
    .filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Secret')
    .flatMap(({ data, stringData }) => [
      ...fieldsOf(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')] as const),
      ...fieldsOf(stringData),
    ])
    .filter(([key]) => !NAMING_KEY.test(key))
    .flatMap(([, value]) => formsOf(value));
}

function fieldsOf(data: unknown): [string, string][] {
  if (!isObject(data)) return [];
  return Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

function formsOf(value: string): readonly string[] {
  const trimmed = value.trim();
  const lines = trimmed.includes('\n') ? trimmed.split(/\r?\n/).filter((line) => line.length >= 8) : [];
  const escaped = JSON.stringify(trimmed).slice(1, -1);
  const encoded = Buffer.from(value).toString('base64');
  return [trimmed, escaped, encoded, encoded.replace(/=+$/, ''), urlText(trimmed), ...lines];
}

/** A value that is no whole text (half of a character) has no form in a URL. */
function urlText(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return '';
  }
}

/** Keeps the quotes, so that what is masked reads as it was written. */
function quoted(value: string): string {
  if (value === MASKED) return value;
  const opening = /^\\{0,3}["'`]/.exec(value)?.[0] ?? '';
  const closing = opening !== '' && value.length > opening.length && value.endsWith(opening) ? opening : '';
  return `${opening}${MASKED}${closing}`;
}

/** `failed to fetch anonymous token: unexpected status …` speaks of a token and holds none; of passwords nothing is believed. */
function isProse(whole: string, end: number, text: string): boolean {
  return /: [a-z]{2,20}$/.test(whole) && !/pass|pwd|otp/i.test(whole) && /^ [a-z]/i.test(text.slice(end, end + 2));
}

/** `spec.password: Required value` says what is wrong with a field; where it tells the value, that is hidden by a rule of its own. */
function isFieldError(text: string): boolean {
  return /^(?:(?:required|invalid|unsupported|duplicate) value\b|forbidden:|not found\b|too (?:long|many|few)\b|expected )/i.test(
    text,
  );
}

/** `exceeded quota: q, requested: secrets=1` */
function isCount(whole: string): boolean {
  return /\bsecrets=\d{1,9}$/.test(whole);
}

/** Ids are long and random too; who reads a log needs them. */
const ID_KEY =
  /(?:^|[-_.])(?:trace|span|request|correlation|container|image|pod|commit|build)?[-_.]?u?u?id=$|(?:sha(?:1|256|512)?|digest|checksum|revision|commit|etag|hash)=$/i;

function looksRandom(key: string, value: string): boolean {
  if (ID_KEY.test(key) || !/\d/.test(value) || !/[a-z]/i.test(value)) return false;
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) || /^\d{4}-\d\d-\d\d/.test(value)) return false;
  // names of pods, nodes and images
  if (/^[a-z0-9]{1,16}(?:[-_./][a-z0-9]{1,16})+$/.test(value)) return false;
  return entropyOf(value) >= 3.5;
}

/** Shannon's, in bits for each character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
