/** What differs from run to run by its nature is replaced by its name; alignment goes with it. */

/** The letters of generated names and hashes (no vowels, no 0, 1, 3). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';
const AGE = String.raw`(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: older kubectls colour what they print even into a pipe
const COLOURS = /\u001b\[[\d;]*m/g;
/** What client-go says of watches that were ended on purpose; whether it does is a matter of milliseconds. */
const WATCH_ENDS = /^[IW]\d{4} .* reflector\.go:.*\n/gm;

const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [/(version difference between client) \(1\.\d+\)/g, '$1 (1.N)'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'TOKEN'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME'],
  [/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, 'TIME'],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000(?: UTC)?/g, 'TIME'],
  [/(?:\/[\w.-]+)+\/ldc-kubectl-\w+\/work\//g, 'TMP/'],
  [/\b(LIVE|MERGED)-\d+/g, '$1'],
  [/\bkubectl[\d.]*-edit-\d+/g, 'kubectl-edit'],
  [/^([EIW])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /gm, '$1 '],
  [/(resourceVersion"?: ?"?|Resource Version: +)\d+/g, '$1RV'],
  [/https:\/\/127\.0\.0\.1:\d+/g, 'https://SERVER'],
  [/\b127\.0\.0\.1:\d+/g, 'SERVER'],
  [/\b(?:10|127|172|192)\.\d+\.\d+\.\d+\b/g, 'IP'],
  [/\b(IP:\d+|\d+):3[0-2]\d{3}\//g, '$1:NODEPORT/'],
  [/(nodePort"?: ?)3[0-2]\d{3}\b/g, '$1NODEPORT'],
  [/(NodePort: +\S+ +)3[0-2]\d{3}\//g, '$1NODEPORT/'],
  [/\b(?:[a-z0-9-]+-)?node-\d\b/g, 'NODE'],
  [new RegExp(`-[${SAFE}]{6,10}-[${SAFE}]{5}\\b`, 'g'), '-HASH-POD'],
  [new RegExp(`-[${SAFE}]{7,10}\\b`, 'g'), '-HASH'],
  [new RegExp(`(pod-template-hash"?[:=] ?"?)[${SAFE}]{6,10}\\b`, 'g'), '$1HASH'],
  [new RegExp(`-(?=[a-z]*[0-9])[${SAFE}]{5}\\b|-[bcdfghjklmnpqrstvwxz]{5}\\b`, 'g'), '-POD'],
];

/** @param own the scenario's namespace. */
export function normalise(text: string, own: string): string {
  const named = text.replaceAll(own, '$NS').replace(COLOURS, '').replace(WATCH_ENDS, '');
  const replaced = REPLACEMENTS.reduce((so, [pattern, by]) => so.replace(pattern, by), named);
  return `${replaced
    .split('\n')
    .map((line) => spaced(aged(line)))
    .join('\n')
    .trimEnd()}\n`.replace(/^\n$/, '');
}

/** Ages stand in columns, between two spaces or at the end of the line, or as `(3s ago)`, `3s (x2 over 5s)`. */
function aged(line: string): string {
  return line
    .replace(new RegExp(`\\((\\d+[dhms]${AGE}) ago\\)`, 'g'), '(AGE ago)')
    .replace(new RegExp(`(x\\d+ over )\\d+[dhms]${AGE}`, 'g'), '$1AGE')
    .replace(/<(?:invalid|unknown)>(?= {2}|$)/g, 'AGE')
    .replace(new RegExp(`(^|\\s)\\d+[dhms]${AGE}(?=\\s{2,}|\\s*$| \\()`, 'g'), '$1AGE');
}

/** Columns are as wide as their longest cell, and that may be a replaced one. */
function spaced(line: string): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  return (indent + line.slice(indent.length).replace(/\t/g, '  ').replace(/ {2,}/g, '  ')).trimEnd();
}
