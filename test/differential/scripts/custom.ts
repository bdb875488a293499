/** Custom resources of several shapes. */
import type { Json } from '../../../src/base/index.ts';
import { applied, get, jsonPatch, merge, post, put, remove, strategic, table } from '../build.ts';
import type { Script, Step } from '../types.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GROUP = '{{run}}.example.com';

const SPEC: Json = {
  type: 'object',
  required: ['size'],
  properties: {
    size: { type: 'string', enum: ['small', 'large'], default: 'small' },
    replicas: { type: 'integer', minimum: 0, maximum: 10, default: 1 },
    name: { type: 'string', pattern: '^[a-z]+$', maxLength: 8, minLength: 2 },
    ratio: { type: 'number', multipleOf: 0.5 },
    port: { 'x-kubernetes-int-or-string': true },
    when: { type: 'string', format: 'date-time' },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
    nullable: { type: 'string', nullable: true },
    labels: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 2 },
    items: {
      type: 'array',
      maxItems: 3,
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, port: { type: 'integer', default: 80 }, value: { type: 'string' } },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name', 'port'],
    },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    plain: { type: 'array', items: { type: 'integer' } },
    whole: {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      'x-kubernetes-map-type': 'atomic',
    },
  },
  'x-kubernetes-validations': [
    { rule: "self.size == 'large' || self.replicas <= 5", message: 'small ones have five at most' },
    {
      rule: '!has(self.name) || !has(oldSelf.name) || self.name == oldSelf.name',
      messageExpression: "'name was ' + oldSelf.name",
      fieldPath: '.name',
    },
  ],
};
const schema: Json = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: SPEC,
      status: {
        type: 'object',
        properties: { phase: { type: 'string' }, replicas: { type: 'integer' }, selector: { type: 'string' } },
      },
    },
  },
};

function definition(
  kind: string,
  versions: readonly { readonly [key: string]: Json }[],
  more: { readonly [key: string]: Json } = {},
): Json {
  const plural = `${kind.toLowerCase()}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: { group: GROUP, scope: 'Namespaced', names: { plural, kind }, versions, ...more },
  } as Json;
}

const version = (name: string, storage: boolean): { readonly [key: string]: Json } => ({
  name,
  served: true,
  storage,
  schema,
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  additionalPrinterColumns: [
    { name: 'Size', type: 'string', jsonPath: '.spec.size' },
    { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});

const WIDGETS = `/apis/${GROUP}/v1/namespaces/{{ns}}/widgets`;
const widget = (spec: Json, name = 'w'): Json => ({
  apiVersion: `${GROUP}/v1`,
  kind: 'Widget',
  metadata: { name },
  spec,
});

const BAD: { readonly [name: string]: Json } = {
  'a missing spec': {},
  'an unknown value': { size: 'huge' },
  'a number that is too great': { size: 'small', replicas: 11 },
  'a number that is no whole one': { size: 'small', replicas: 1.5 },
  'a number below': { size: 'small', replicas: -1 },
  'text for a number': { size: 'small', replicas: 'one' },
  'a pattern': { size: 'small', name: 'A1' },
  'too short': { size: 'small', name: 'a' },
  'too long': { size: 'small', name: 'abcdefghij' },
  'no multiple': { size: 'small', ratio: 0.3 },
  'no date': { size: 'small', when: 'yesterday' },
  'a list for text': { size: 'small', port: [] },
  'an embedded object without a kind': { size: 'small', embedded: { a: 1 } },
  'null where none may be': { size: 'small', name: null },
  'null where it may be': { size: 'small', nullable: null },
  'too many properties': { size: 'small', labels: { a: 'b', c: 'd', e: 'f' } },
  'too many items': { size: 'small', items: [{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }] },
  'an item without its key': { size: 'small', items: [{ port: 1 }] },
  'an item twice': { size: 'small', items: [{ name: 'a' }, { name: 'a', port: 80 }] },
  'a tag twice': { size: 'small', tags: ['a', 'a'] },
  'a rule broken': { size: 'small', replicas: 6 },
  'an unknown field': { size: 'small', other: 1, free: { any: { thing: 1 } } },
};

const custom: Script = {
  name: 'custom',
  steps: [
    post('define', CRDS, definition('Widget', [version('v1', true), { ...version('v2', false) }]), { keep: 'crd' }),
    get('served', WIDGETS, { until: 200, compared: false }),
    get('the list', WIDGETS),
    get('discovery', `/apis/${GROUP}/v1`, { until: 200 }),
    get('the group', `/apis/${GROUP}`, { until: 200 }),
    ...Object.entries(BAD).map(([name, spec]) => post(name, `${WIDGETS}?dryRun=All`, widget(spec))),
    post('an unknown field refused', `${WIDGETS}?fieldValidation=Strict`, widget({ size: 'small', other: 1 })),
    post(
      'an unknown field warned of',
      `${WIDGETS}?fieldValidation=Warn&dryRun=All`,
      widget({ size: 'small', other: 1 }),
    ),
    post('create', WIDGETS, widget({ size: 'small', name: 'abc', items: [{ name: 'a' }] }), { keep: 'w' }),
    put('put without a revision', `${WIDGETS}/w`, 'w', [{ op: 'remove', path: '/metadata/resourceVersion' }]),
    put('put another name in a field that stays', `${WIDGETS}/w`, 'w', [
      { op: 'replace', path: '/spec/name', value: 'xyz' },
    ]),
    put('put status', `${WIDGETS}/w`, 'w', [{ op: 'add', path: '/status', value: { phase: 'Ready' } }]),
    merge('status', `${WIDGETS}/w/status`, {
      status: { phase: 'Ready', replicas: 1, selector: 'a=b' },
      spec: { replicas: 3 },
    }),
    get('scale', `${WIDGETS}/w/scale`),
    merge('rescale', `${WIDGETS}/w/scale`, { spec: { replicas: 4 } }),
    merge('rescale too far', `${WIDGETS}/w/scale`, { spec: { replicas: 44 } }),
    strategic('strategic patch', `${WIDGETS}/w`, { spec: { replicas: 2 } }),
    jsonPatch('json patch', `${WIDGETS}/w`, [{ op: 'add', path: '/spec/tags', value: ['x'] }]),
    merge('merge patch', `${WIDGETS}/w`, { spec: { whole: { a: '1', b: '2' }, plain: [1, 2] } }),
    applied(
      'apply',
      `${WIDGETS}/w?fieldManager=one`,
      widget({ items: [{ name: 'b', value: '1' }], tags: ['y'], whole: { a: '1' } }),
    ),
    applied(
      'apply by force',
      `${WIDGETS}/w?fieldManager=one&force=true`,
      widget({ size: 'large', items: [{ name: 'b', value: '1' }], tags: ['y'], whole: { a: '1' } }),
    ),
    applied('apply less', `${WIDGETS}/w?fieldManager=one`, widget({ size: 'large' })),
    get('in the other version', `/apis/${GROUP}/v2/namespaces/{{ns}}/widgets/w`),
    applied('apply in the other version', `/apis/${GROUP}/v2/namespaces/{{ns}}/widgets/w?fieldManager=two`, {
      apiVersion: `${GROUP}/v2`,
      kind: 'Widget',
      metadata: { name: 'w' },
      spec: { replicas: 4, tags: ['z'] },
    }),
    table('as a table', WIDGETS),
    get('a field selector', `${WIDGETS}?fieldSelector=spec.size%3Dlarge`),
    {
      name: 'a watch',
      method: 'GET',
      path: `${WIDGETS}?watch=true&timeoutSeconds=5&resourceVersion=0`,
      during: [merge('change', `${WIDGETS}/w`, { spec: { replicas: 5 } })],
      events: 2,
    },
    remove('delete', `${WIDGETS}/w`),
    remove('undefine', `${CRDS}/widgets.${GROUP}`),
  ],
};

const wrong = (name: string, crd: Json): Step => post(name, `${CRDS}?dryRun=All`, crd);
const v1 = version('v1', true);
const only = (spec: Json): { readonly [key: string]: Json } => ({
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
});

const definitions: Script = {
  name: 'definitions',
  steps: [
    wrong('no versions', definition('Thing', [])),
    wrong('no storage', definition('Thing', [{ ...v1, storage: false }])),
    wrong('two storages', definition('Thing', [v1, { ...v1, name: 'v2' }])),
    wrong('a version twice', definition('Thing', [v1, { ...v1, storage: false }])),
    wrong('no schema', definition('Thing', [{ name: 'v1', served: true, storage: true }])),
    wrong('a scope', definition('Thing', [v1], { scope: 'Other' })),
    wrong('another name', {
      ...(definition('Thing', [v1]) as object),
      metadata: { name: 'other.example.com' },
    } as Json),
    wrong('no type', definition('Thing', [only({ properties: { a: { type: 'string' } } })])),
    wrong('a list without items', definition('Thing', [only({ type: 'array' })])),
    wrong(
      'a map list without keys',
      definition('Thing', [only({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' })]),
    ),
    wrong('a bad pattern', definition('Thing', [only({ type: 'string', pattern: '(' })])),
    wrong('a default that does not fit', definition('Thing', [only({ type: 'string', default: 1 })])),
    wrong(
      'a rule that is none',
      definition('Thing', [only({ type: 'object', 'x-kubernetes-validations': [{ rule: 'self +' }] })]),
    ),
    wrong('an unknown type', definition('Thing', [only({ type: 'text' })])),
    wrong('unique items', definition('Thing', [only({ type: 'array', uniqueItems: true, items: { type: 'string' } })])),
  ],
};

const plain = (name: string, storage: boolean): { readonly [key: string]: Json } => ({
  ...only({ type: 'object' }),
  name,
  storage,
});
const LEDGERS = `${CRDS}/ledgers.${GROUP}`;
const versions = (...names: readonly string[]): Json =>
  ({ spec: { versions: names.map((name) => plain(name.replace('!', ''), name.endsWith('!'))) } }) as Json;
const stored = (...names: readonly string[]): Json => ({ status: { storedVersions: names } });

/** What objects are stored in: a version goes only when a person has said that nothing is stored in it any more. */
const storage: Script = {
  name: 'storage',
  steps: [
    post('create', CRDS, definition('Ledger', [plain('v1', true)]), { compared: false }),
    get('served', `/apis/${GROUP}/v1/namespaces/{{ns}}/ledgers`, { until: 200 }),
    merge('another storage version', LEDGERS, versions('v1', 'v2!')),
    merge('back, in a dry run', `${LEDGERS}?dryRun=All`, versions('v1!', 'v2')),
    merge('without the former', LEDGERS, versions('v2!')),
    merge('without either', LEDGERS, versions('v3!')),
    applied('without the former, applied by force', `${LEDGERS}?fieldManager=m&force=true`, {
      ...(definition('Ledger', [plain('v2', true)]) as object),
    } as Json),
    merge('a third, and both former', LEDGERS, versions('v1', 'v2', 'v3!')),
    merge('no version', LEDGERS, versions()),
    merge('twice the same', LEDGERS, versions('v1', 'v2', 'v3!', 'v3')),
    merge('two at once', LEDGERS, versions('v1!', 'v2', 'v3!', 'v4!')),
    merge('what is stored, not said through the status', LEDGERS, stored('v1')),
    merge('nothing is stored', `${LEDGERS}/status`, stored()),
    merge('something else is stored', `${LEDGERS}/status`, stored('v3', 'v9')),
    merge('which is no version', LEDGERS, { metadata: { labels: { a: 'b' } } }),
    merge('only the former is stored', `${LEDGERS}/status`, stored('v1')),
    merge('and the next write knows', LEDGERS, { metadata: { labels: { a: 'b' } } }),
    merge('all is migrated', `${LEDGERS}/status`, stored('v3')),
    merge('the former go', LEDGERS, versions('v3!')),
    remove('undefine', LEDGERS),
  ],
};

export const customScripts: readonly Script[] = [custom, definitions, storage];
