import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import type { TypeSchema } from '../types.ts';
import {
  applyDefaults,
  builtinResources,
  canonicalQuantity,
  decodeProblem,
  decodeStrict,
  dropUnknown,
  parseQuantity,
  prepareForCreate,
  publishedSchemas,
  publishedSchemasOfCrd,
  resolve,
  unknownFields,
} from './index.ts';

const resource = (kind: string) => {
  const found = builtinResources().find((item) => item.kind === kind);
  assert.ok(found);
  return found;
};
const schema = (kind: string) => resource(kind).schema as TypeSchema;

test('JSON is read as JSON.parse reads it, duplicates named', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify([value]);
      assert.deepEqual(decodeStrict(text), { value: JSON.parse(text), duplicates: [] });
    }),
  );
  assert.deepEqual(decodeStrict('{"a":{"b":1,"b":2},"a":[{"c":1,"c":2}]}'), {
    value: { a: [{ c: 2 }] },
    duplicates: ['a.b', 'a', 'a[0].c'],
  });
});

test('bad JSON is refused in the words of a real server', () => {
  const words: [string, RegExp][] = [
    ['{"apiVersion":', /^unexpected end of JSON input$/],
    ['{"a":x}', /^invalid character 'x' looking for beginning of value$/],
    ['{a:1}', /^invalid character 'a' looking for beginning of object key string$/],
    ['{"a" 1}', /^invalid character '1' after object key$/],
    ['{"a":1 2}', /^invalid character '2' after object key:value pair$/],
    ['[1 2]', /^invalid character '2' after array element$/],
    ['{} x', /^invalid character 'x' after top-level value$/],
    [`${'['.repeat(5000)}`, /exceeded max depth/],
  ];
  for (const [text, message] of words) assert.throws(() => decodeStrict(text), { name: 'SyntaxError', message }, text);
});

test('__proto__ is a key like any other', () => {
  const { value } = decodeStrict('{"__proto__":{"x":1}}');
  assert.ok(Object.hasOwn(value as object, '__proto__'));
  assert.equal(({} as { x?: number }).x, undefined);
});

test('YAML is read as YAML 1.1, without times', () => {
  const { value, duplicates } = decodeStrict('a: y\nb: 2026-01-01\nc: {d: 1}\na: no\n');
  assert.deepEqual(value, { a: false, b: '2026-01-01', c: { d: 1 } });
  assert.deepEqual(duplicates, ['a']);
  assert.throws(() => decodeStrict('a: [1'), SyntaxError);
});

test('undeclared fields are named by path, and dropped', () => {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels: { any: 'x' } },
    spec: { containers: [{ name: 'c', bogus: 1 }], replicaz: 2 },
  } as unknown as KubeObject;
  assert.deepEqual(unknownFields(object as Json, schema('Pod')), ['spec.containers[0].bogus', 'spec.replicaz']);
  const dropped = dropUnknown(object, schema('Pod'));
  assert.deepEqual(dropped.spec, { containers: [{ name: 'c' }] });
  assert.equal(dropUnknown(dropped, schema('Pod')), dropped);
});

test('the property named $ref of a CRD is a property', () => {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'x' },
    spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: { properties: { a: { $ref: '#/x', typo: 1 } } } } }] },
  };
  const found = unknownFields(crd as unknown as Json, schema('CustomResourceDefinition'));
  assert.deepEqual(found, ['spec.versions[0].schema.openAPIV3Schema.properties.a.typo']);
});

test('quantities: canonical text, exact, idempotent', () => {
  const known: [string, string][] = [
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1Gi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['100000', '100k'],
    ['0', '0'],
    ['1e3', '1e3'],
    ['-1', '-1'],
    ['0.0000000001', '1n'],
    ['512Ki', '512Ki'],
    ['abc', 'abc'],
  ];
  for (const [text, canonical] of known) assert.equal(canonicalQuantity(text), canonical, text);
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi'), (number, suffix) => {
      const text = canonicalQuantity(`${number}${suffix}`);
      assert.equal(canonicalQuantity(text), text);
      assert.equal(parseQuantity(text)?.nano, parseQuantity(`${number}${suffix}`)?.nano);
    }),
  );
});

test('served kinds agree with the discovery of a real server (golden 010)', () => {
  const golden = JSON.parse(
    readFileSync(new URL('../../../test/golden/010-apps-v1-resources.json', import.meta.url), 'utf8'),
  ) as {
    response: { body: { resources: JsonObject[] } };
  };
  const apps = builtinResources().filter((item) => item.group === 'apps');
  const listed = golden.response.body.resources;
  for (const item of apps) {
    const entry = listed.find((other) => other.name === item.plural);
    assert.ok(entry, item.plural);
    assert.deepEqual([...item.verbs].sort(), [...(entry.verbs as string[])].sort());
    assert.deepEqual(item.shortNames, entry.shortNames ?? []);
    assert.deepEqual(item.categories, entry.categories ?? []);
    assert.deepEqual(
      item.subresources.map((name) => `${item.plural}/${name}`),
      listed.map((other) => String(other.name)).filter((name) => name.startsWith(`${item.plural}/`)),
    );
  }
  assert.equal(apps.length, listed.filter((entry) => !String(entry.name).includes('/')).length);
});

test('every built-in schema resolves, and its published document is closed under references', () => {
  for (const item of builtinResources())
    assert.ok(resolve(item.schema as TypeSchema).properties?.metadata ?? item.kind, item.kind);
  const published = publishedSchemas('apps', 'v1');
  const text = JSON.stringify(published);
  assert.ok(!text.includes('x-ldc-'));
  for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    assert.ok(published[name as string], name);
  assert.deepEqual(publishedSchemas('nope', 'v1'), {});
});

test('a CRD publishes its kind, its list and ObjectMeta', () => {
  const crd = {
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'W', plural: 'ws' },
      versions: [{ name: 'v1', served: true, storage: true }],
    },
  };
  const names = Object.keys(publishedSchemasOfCrd(crd as unknown as KubeObject, 'v1'));
  for (const name of ['com.example.v1.W', 'com.example.v1.WList', 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']) {
    assert.ok(names.includes(name), name);
  }
});

test('create sets what nobody owns: job selector, namespace finalizer, pod phase and quality of service', () => {
  const make = (kind: string, body: JsonObject) => {
    const object = { apiVersion: 'v1', kind, metadata: { name: 'n', uid: 'u' }, ...body } as unknown as KubeObject;
    return prepareForCreate(applyDefaults(object, resource(kind)), resource(kind));
  };
  const job = make('Job', { spec: { template: { spec: { containers: [] } } } }).spec as JsonObject;
  assert.deepEqual(job.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } });
  assert.deepEqual(make('Namespace', {}).spec, { finalizers: ['kubernetes'] });
  const qos = (resources: JsonObject) =>
    (make('Pod', { spec: { containers: [{ name: 'c', resources }] } }).status as JsonObject).qosClass;
  assert.equal(qos({}), 'BestEffort');
  assert.equal(qos({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(qos({ limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed');
});

test('values of the wrong type are refused as a decoder words it', () => {
  const deployment = (spec: Json) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec });
  const problem = (spec: Json) => decodeProblem(deployment(spec), schema('Deployment'));
  assert.equal(
    problem({ replicas: '2' }),
    'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  );
  assert.equal(
    problem({ template: { spec: { containers: [{ name: 1 }] } } }),
    'json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.name of type string',
  );
  assert.equal(problem({ replicas: 2, strategy: { rollingUpdate: { maxSurge: '25%' } }, template: null }), undefined);
});
