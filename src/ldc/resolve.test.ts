import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cutSecret, type KubeObject, problemText } from '../base/index.ts';
import {
  applyOverrides,
  demandOf,
  isNamedBy,
  manifestEntries,
  parseStack,
  readStack,
  resolve,
  stackDigest,
} from './index.ts';

const stackText = (functions: string) => `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: shop }
spec:
  namespace: shop
  functions:
${functions}`;

const WEB = '    - { name: web, manifests: [ ./web ] }\n';

function read(functions: string, files: Record<string, string>) {
  const answer = readStack({ path: 'stack.yaml', text: stackText(functions), files: new Map(Object.entries(files)) });
  return { ...answer, texts: answer.problems.map(problemText) };
}

const deployment = (name: string, more = '') => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}${more} }
spec:
  replicas: 2
  template:
    spec:
      containers: [ { name: c, image: i, resources: { requests: { cpu: 250m, memory: 64Mi } } } ]
`;
const config = (name: string, more = '') => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}${more} }\n`;

test('files, folders, globs, several documents, JSON and lists', () => {
  const { resolved, texts } = read('    - { name: web, manifests: [ ./web, one.json, "deep/**" ] }\n', {
    'web/a.yaml': `${config('a1')}---\n${config('a2')}---\n`,
    'web/b.yml': config('b'),
    'web/notes.txt': 'no manifest',
    'web/inner/skipped.yaml': config('skipped'),
    'one.json':
      '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMapList","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"}}]}]}',
    'deep/x/y/z.yaml': config('z'),
  });
  assert.deepEqual(texts, []);
  assert.deepEqual(
    resolved?.functions[0]?.objects.map((object) => object.metadata.name),
    ['a1', 'a2', 'b', 'j', 'z'],
  );
});

test('objects are put into the form that is applied', () => {
  const { resolved, texts } = read(WEB, {
    'web/s.yaml': `apiVersion: v1
kind: Secret
metadata: { name: s, creationTimestamp: null }
data: { kept: aGk= }
stringData: { kept: hello }
status: {}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "system:reader" }
---
apiVersion: example.com/v1
kind: Fleet
metadata: { name: f }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: fleets.example.com }
spec: { group: example.com, scope: Cluster, names: { kind: Fleet } }
---
apiVersion: v1
kind: Pod
metadata: { name: p }
spec: { mode: 0644 }
`,
  });
  assert.deepEqual(texts, []);
  const objects = resolved?.functions[0]?.objects ?? [];
  assert.deepEqual(objects[0], {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'shop' },
    data: { kept: 'aGVsbG8=' },
  });
  assert.deepEqual(
    objects.map((object) => object.metadata.namespace),
    ['shop', undefined, undefined, undefined, 'shop'],
  );
  assert.deepEqual(objects[4]?.spec, { mode: 420 });
});

test('every problem of every manifest, together with those of the definition', () => {
  const { texts, resolved } = read(
    `    - { name: web, manifests: [ ./web, ./wbe ], neds: [] }\n    - { name: api, manifests: [ ./api ] }\n`,
    {
      'web/a.yaml': `kind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: Bad_Name, namespace: other }\n`,
      'web/b.yaml': `apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  labels: { version: 1.0 }\n  uid: x\ndata: { a: "not base64!" }\n`,
      'api/a.yaml': `apiVersion: v1\nkind: Service\nmetadata: {}\n---\n- x\n---\n${config('c')}---\n${config('c')}`,
      'api/b.yaml': 'a: b: c\n',
    },
  );
  assert.equal(resolved, undefined);
  assert.deepEqual(texts, [
    'api/a.yaml:3:11 "name" is missing',
    'api/a.yaml:5:1 must be a Kubernetes object, not a list',
    'api/a.yaml:13:19 ConfigMap shop/c stands twice, first in api/a.yaml:9 (remove one of them)',
    'api/b.yaml:1:4 Nested mappings are not allowed in compact mappings (a second ":" stands on this line: quote the text)',
    'stack.yaml:7:40 "./wbe" matches no file (did you mean "web"?)',
    'stack.yaml:7:49 unknown field "neds" (did you mean "needs"?)',
    'web/a.yaml:1:1 "apiVersion" is missing',
    'web/a.yaml:6:19 the name "Bad_Name" must be a DNS-1123 subdomain: at most 253 of a-z, 0-9, "-" and ".", starting and ending with a letter or digit',
    'web/a.yaml:6:40 the namespace "other" is not that of the stack, "shop" (leave it out: the stack’s namespace is filled in)',
    'web/b.yaml:5:22 must be a text, not 1 (put it in quotes: "1")',
    'web/b.yaml:6:3 metadata.uid is set by the server (remove it)',
    'web/b.yaml:7:12 is not base64 (plain text belongs into stringData)',
  ]);
});

test('several versions of one object are allowed in one function, not over two', () => {
  const skew = (version: string) => `apiVersion: example.com/${version}\nkind: Widget\nmetadata: { name: w }\n`;
  const fine = read(WEB, { 'web/w.yaml': `${skew('v2')}---\n${skew('v1')}` });
  assert.deepEqual(
    fine.resolved?.functions[0]?.objects.map((object) => object.apiVersion),
    ['example.com/v2', 'example.com/v1'],
  );
  const two = read(`${WEB}    - { name: api, manifests: [ ./api ] }\n`, {
    'web/w.yaml': skew('v1'),
    'api/w.yaml': skew('v2'),
  });
  assert.match(
    two.texts[0] ?? '',
    /api\/w.yaml:3:19 example.com\/Widget shop\/w stands twice, first of web in web\/w.yaml:3/,
  );
});

test('overrides must match, must be possible, and leave the identity alone', () => {
  const override = (patch: string) => `${WEB.replace(' }\n', '')}, overrides: [ { on: {}, patch: [ ${patch} ] } ] }\n`;
  const files = { 'web/d.yaml': deployment('d') };
  const problem = (patch: string) => read(override(patch), files).texts[0] ?? '';
  assert.match(
    problem('{ op: replace, path: /spec/x, value: 1, target: { kind: Deploymnt } }'),
    /matches no object of this function: Deploymnt \(did you mean "Deployment"\?\)/,
  );
  assert.match(
    problem('{ op: replace, path: /spec/x, value: 1, target: { kind: Deployment } }'),
    /cannot replace \/spec\/x: there is no such place in Deployment d/,
  );
  assert.match(
    problem('{ op: add, path: /metadata/name, value: e, target: { kind: Deployment } }'),
    /identifies the object/,
  );
  assert.match(problem('{ op: add, path: /spec/x, target: { kind: Deployment } }'), /add needs a value/);
  const { resolved, texts } = read(
    override('{ op: replace, path: /spec/replicas, value: 1, target: { kind: Deployment } }'),
    files,
  );
  assert.deepEqual(texts, []);
  const web = resolved?.functions[0];
  const [changed] = applyOverrides(web?.objects ?? [], web?.spec.overrides ?? [], {});
  assert.match(JSON.stringify(changed), /"replicas":1/);
  assert.match(JSON.stringify(web?.objects[0]), /"replicas":2/, 'the input stays as it is');
});

test('health and replicas must fit the objects', () => {
  const health = read(`    - { name: web, manifests: [ web ], health: { http: { service: wbe } } }\n`, {
    'web/s.yaml': 'apiVersion: v1\nkind: Service\nmetadata: { name: web }\n',
  });
  assert.match(health.texts[0] ?? '', /the function has no Service "wbe" \(did you mean "web"\?\)/);
  const replicas = read(`    - { name: web, manifests: [ web ], replicas: { total: 4 } }\n`, {
    'web/s.yaml': `${deployment('a')}---\n${deployment('b')}`,
  });
  assert.match(replicas.texts[0] ?? '', /replicas needs exactly one .* the function has 2/);
});

test('demand is what the scheduler would count', () => {
  const { resolved } = read(WEB, {
    'web/a.yaml': `${deployment('d')}---
apiVersion: batch/v1
kind: Job
metadata: { name: j }
spec:
  template:
    spec:
      initContainers: [ { name: i, image: i, resources: { requests: { cpu: "1" } } } ]
      containers: [ { name: c, image: i, resources: { limits: { cpu: 100m } } } ]
`,
  });
  const demand = resolved?.functions[0]?.demand;
  assert.ok(demand);
  assert.deepEqual(demandOf(demand, demand.replicas), { cpuMilli: 1500, memoryBytes: 128 * 2 ** 20, pods: 3 });
  assert.deepEqual(demandOf(demand, 4, { cpu: '3', api: [] }), { cpuMilli: 3000, memoryBytes: 256 * 2 ** 20, pods: 5 });
});

test('10,000 objects are checked in seconds, 10,001 are refused', () => {
  const many = (count: number) => ({
    'web/a.yaml': Array.from({ length: count }, (_, i) => config(`c${i}`)).join('---\n'),
  });
  const started = performance.now();
  assert.equal(read(WEB, many(10_000)).resolved?.functions[0]?.objects.length, 10_000);
  assert.ok(performance.now() - started < 8_000);
  const tooMany = read(WEB, { ...many(10_000), 'web/b.yaml': config('last') });
  assert.match(tooMany.texts[0] ?? '', /the stack has 10001 objects; at most 10000/);
});

test('paths stay in the folder, and a caller knows what to read', () => {
  assert.match(read('    - { name: web, manifests: [ ../x ] }\n', {}).texts[0] ?? '', /leaves the folder/);
  assert.match(
    read('    - { name: web, manifests: [ web ] }\n', { 'web/a/b.yaml': '' }).texts[0] ?? '',
    /for the folders in it too: web\/\*\*/,
  );
  const { source } = parseStack({ path: 's', text: stackText(WEB) });
  assert.deepEqual(manifestEntries(source?.value ?? null), ['./web']);
  assert.deepEqual(
    ['web/a.yaml', 'web/x/a.yaml', 'x/b.yaml', 'readme.md'].map((path) => isNamedBy(['./web', 'x/*.yaml'], path)),
    [true, false, true, false],
  );
});

test('the digest of a stack follows its objects, and holds no Secret', () => {
  const key = new Uint8Array(32);
  const cut = (object: KubeObject) => cutSecret(object, key).object;
  const secret = (value: string) =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { a: ${value} }\n`;
  const digest = (value: string) => {
    const { resolved } = read(WEB, { 'web/s.yaml': secret(value) });
    assert.ok(resolved);
    return stackDigest(resolved, cut);
  };
  assert.match(digest('one'), /^sha256:[0-9a-f]{64}$/);
  assert.equal(digest('one'), digest('one'));
  assert.notEqual(digest('one'), digest('two'));
});

test('the ServiceAccount that a stack is applied as is none of its own objects', () => {
  const robot = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: robot }\n';
  const as = (name: string) => read(`${WEB}  serviceAccount: ${name}\n`, { 'web/robot.yaml': robot });
  assert.deepEqual(as('robot').texts, [
    'stack.yaml:8:19 the stack is applied as ServiceAccount robot, which is an object of web itself (it has to be there before the stack, with its Role: take it out of the manifests, or give it another name)',
  ]);
  assert.deepEqual(as('deployer').texts, []);
  assert.match(as('De ployer').texts[0] ?? '', /must consist of a-z, 0-9, "-" and "\."/);
});

test('a stored stack resolves again without its text', () => {
  const files = { 'web/d.yaml': deployment('d') };
  const first = read(WEB, files);
  assert.ok(first.stack);
  assert.deepEqual(resolve(first.stack, new Map(Object.entries(files))), { resolved: first.resolved, problems: [] });
  const [problem] = resolve(first.stack, new Map()).problems;
  assert.deepEqual([problem?.file, problem?.line, problem?.message], ['stack.yaml', 1, '"./web" matches no file']);
});

test('generateName is refused with its place: nobody could say later which object it made', () => {
  const job = { 'web/job.yaml': 'apiVersion: batch/v1\nkind: Job\nmetadata: { generateName: migrate- }\n' };
  assert.match(
    read(WEB, job).texts.join(),
    /web\/job\.yaml:3:\d+ .*generateName gives a new object each time \(give it a name\)/,
  );
});

test('the namespace of agents is no stack’s: their keys and memories are there', () => {
  const text = stackText(WEB).replace('namespace: shop', 'namespace: ldc-system');
  const { problems } = parseStack({ path: 'stack.yaml', text });
  assert.match(problems.map(problemText).join(), /stack\.yaml:5:\d+ .*must not be ldc-system: an agent keeps its key/);
  const space = { 'web/ns.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: { name: ldc-system }\n' };
  assert.match(read(WEB, space).texts.join(), /the name "ldc-system" is the agent’s own/);
});

test('no manifest makes it throw, and what resolves has a name, a kind and its namespace', () => {
  const pieces = fc.constantFrom(
    config('a'),
    deployment('b'),
    '---\n',
    'metadata:\n  name: x\n',
    'kind: List\nitems: [ 1, { kind: Pod } ]\n',
    'apiVersion: v1\n',
    'kind: Secret\ndata: { a: 1 }\n',
    'metadata: []\n',
    'metadata: { labels: { a: null }, annotations: 3 }\n',
    '- a\n',
    'null\n',
    '{"kind":{}}\n',
    '__proto__: { a: b }\n',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 8 }), (parts) => {
      const { resolved, problems } = read(WEB, { 'web/a.yaml': parts.join('') });
      assert.equal(resolved === undefined, problems.length > 0);
      for (const object of resolved?.functions[0]?.objects ?? []) {
        assert.ok(object.metadata.name !== '' && object.kind !== '' && object.metadata.namespace === 'shop');
      }
    }),
    { numRuns: 400 },
  );
});
