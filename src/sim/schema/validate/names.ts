/** The forms of names, labels and ports, and what is said about those that break them. Each answers its complaints. */

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const VALUE = '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const PERCENT = '[0-9]+%';

type Rule = (text: string) => readonly string[];

function formed(pattern: string, lengthMax: number, what: string, examples: readonly string[]): Rule {
  const matcher = new RegExp(`^${pattern}$`);
  const listed = examples.map((example, index) => (index === 0 ? `'${example}'` : `or '${example}'`)).join(',  ');
  const complaint = `${what} (e.g. ${listed}, regex used for validation is '${pattern}')`;
  return (text) => {
    const found = text.length > lengthMax ? [`must be no more than ${lengthMax} characters`] : [];
    return matcher.test(text) ? found : [...found, complaint];
  };
}

/** The most object names. */
export const subdomain = formed(
  SUBDOMAIN,
  253,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  ['example.com'],
);

export const label = formed(
  LABEL,
  63,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  ['my-name', '123-abc'],
);

export const label1035 = formed(
  LABEL_1035,
  63,
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  ['my-name', 'abc-123'],
);

export const labelValue = formed(
  VALUE,
  63,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  ['MyValue', 'my_value', '12345'],
);

export const configKey: Rule = (text) => {
  const found = formed(CONFIG_KEY, 253, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'", [
    'key.name',
    'KEY_NAME',
    'key-name',
  ])(text);
  if (text === '.') return [...found, "must not be '.'"];
  if (text === '..') return [...found, "must not be '..'"];
  return text.startsWith('..') ? [...found, "must not start with '..'"] : found;
};

export const percent = formed(
  PERCENT,
  Number.MAX_SAFE_INTEGER,
  "a valid percent string must be a numeric string followed by an ending '%'",
  ['1%', '93%'],
);

const QUALIFIED_TEXT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const QUALIFIED_EXAMPLES = `(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;

/** Keys of labels and annotations: `name` or `example.com/name`. */
export const qualifiedName: Rule = (text) => {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${QUALIFIED_TEXT} ${QUALIFIED_EXAMPLES} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts.at(-1) ?? '';
  const found: string[] = [];
  if (parts.length === 2) {
    if (parts[0] === '') found.push('prefix part must be non-empty');
    else found.push(...subdomain(parts[0] ?? '').map((complaint) => `prefix part ${complaint}`));
  }
  if (name === '') found.push('name part must be non-empty');
  else if (name.length > 63) found.push('name part must be no more than 63 characters');
  if (!new RegExp(`^${QUALIFIED}$`).test(name)) found.push(`name part ${QUALIFIED_TEXT} ${QUALIFIED_EXAMPLES}`);
  return found;
};

export const portName: Rule = (text) => {
  const found: string[] = [];
  if (text.length > 15) found.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(text)) found.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(text)) found.push('must contain at least one letter (a-z)');
  if (text.includes('--')) found.push('must not contain consecutive hyphens');
  if (text.startsWith('-') || text.endsWith('-')) found.push('must not begin or end with a hyphen');
  return found;
};

export const environmentName: Rule = (text) =>
  /^[ -<>-~]+$/.test(text)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** Names that may hold what a path segment may. */
export const pathSegment: Rule = (text) => {
  if (text === '.' || text === '..') return [`may not be '${text}'`];
  return ['/', '%'].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
};
