import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from '../patch/index.ts';
import {
  applyDefaults,
  builtinResources,
  decodeStrict,
  dropUnknown,
  resourcesOfCrd,
  validate,
} from '../schema/index.ts';
import type { ResourceInfo, TypeSchema } from '../types.ts';
import { apply, trackUpdate } from './index.ts';

interface Golden {
  readonly request: { readonly path: string; readonly body: Json };
  readonly response: { readonly status: number; readonly body: JsonObject };
}

const folder = new URL('../../../test/golden/', import.meta.url);
const files = readdirSync(folder);

function golden(number: string): Golden {
  const file = files.find((name) => name.startsWith(`${number}-`));
  assert.ok(file, `golden ${number}`);
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Golden;
}

function builtin(kind: string): ResourceInfo {
  const found = builtinResources().find((resource) => resource.kind === kind);
  assert.ok(found);
  return found;
}

/** The CRD behind goldens 073 to 084, from what its published document (golden 014) says. */
function widgets(): ResourceInfo {
  const spec = {
    type: 'object',
    required: ['size'],
    properties: {
      size: { type: 'string', enum: ['small', 'large'] },
      replicas: { type: 'integer', default: 1, minimum: 0 },
      items: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string' }, value: { type: 'string' } },
        },
      },
    },
    'x-kubernetes-validations': [{ rule: 'self.replicas <= 10', message: 'at most 10' }],
  };
  const status = { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets', singular: 'widget', shortNames: ['wd'], categories: ['all'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
          subresources: { status: {}, scale: {} },
        },
      ],
    },
  };
  const [resource] = resourcesOfCrd(crd as unknown as KubeObject);
  assert.ok(resource);
  return resource;
}

const TIME = '2026-11-22T14:46:16Z';
/** What the controller manager of the recorded server did between two requests. */
const CONTROLLER = 'kube-controller-manager';
const LEFT_OUT = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'status', 'annotations'];

/** The object without what the server and its controllers add, and every time the same. */
function comparable(object: Json): Json {
  return JSON.parse(
    JSON.stringify(object, (key, value: Json) => {
      if (LEFT_OUT.includes(key)) return undefined;
      if (key === 'managedFields') return (value as JsonObject[]).filter((entry) => entry.manager !== CONTROLLER);
      return key === 'time' ? TIME : value;
    }),
  ) as Json;
}

function live(number: string): KubeObject {
  return golden(number).response.body as unknown as KubeObject;
}

function asApplied(number: string): KubeObject {
  const { body } = golden(number).request;
  const object = (typeof body === 'string' ? decodeStrict(body).value : body) as unknown as KubeObject;
  // The server takes the namespace from the path.
  return { ...object, metadata: { ...object.metadata, namespace: 'golden' } };
}

/** When the recorded server carried the request out. */
function timeOf(number: string, manager: string): string {
  const entries = (live(number).metadata?.managedFields ?? []) as unknown as JsonObject[];
  const entry = entries.find((one) => one.manager === manager);
  return typeof entry?.time === 'string' ? entry.time : TIME;
}

/** Replays one apply on the answer of an earlier golden. */
function replay(number: string, before: string | undefined, resource: ResourceInfo): void {
  const manager = new URL(golden(number).request.path, 'http://h').searchParams.get('fieldManager') ?? '';
  const force = golden(number).request.path.includes('force=true');
  const result = apply({
    live: before === undefined ? undefined : live(before),
    applied: asApplied(number),
    manager,
    force,
    time: timeOf(number, manager),
    resource,
  });
  const { status, body } = golden(number).response;
  if (result.kind === 'conflict') {
    assert.equal(status, 409);
    const causes = result.conflicts.map(({ manager: other, details, field }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with "${other}"${details}`,
      field,
    }));
    assert.deepEqual(causes, (body.details as JsonObject).causes);
  } else if (result.kind === 'invalid') {
    assert.equal(result.status, status);
    assert.equal(result.message, body.message);
  } else {
    assert.ok(status < 300, `golden ${number}: accepted`);
    assert.deepEqual(comparable(applyDefaults(result.object, resource) as Json), comparable(body as Json));
  }
}

for (const [number, before] of [
  ['050', undefined],
  ['052', '051'],
  ['053', '052'],
  ['054', '052'],
  ['055', '052'],
  ['056', '055'],
  ['061', '056'],
  ['062', '056'],
] as const) {
  test(`golden ${number}: apply of a Deployment`, () => replay(number, before, builtin('Deployment')));
}

test('golden 051: the same again changes nothing, not even a time', () => {
  const before = live('051');
  const again = apply({
    live: before,
    applied: asApplied('051'),
    manager: 'alpha',
    force: false,
    time: '2030-01-01T00:00:00Z',
    resource: builtin('Deployment'),
  });
  assert.equal(again.kind, 'merged');
  assert.deepEqual(again.kind === 'merged' && again.object, before);
});

test('goldens 057 and 058: shared ownership has no time while it changed nothing, and is given up without a trace', () => {
  const resource = builtin('Deployment');
  const shared = apply({
    live: live('056'),
    applied: asApplied('057'),
    manager: 'gamma',
    force: false,
    time: TIME,
    resource,
  });
  assert.ok(shared.kind === 'merged');
  const [first] = shared.object.metadata.managedFields as unknown as JsonObject[];
  assert.deepEqual(first, (live('057').metadata.managedFields as unknown as JsonObject[])[0]);
  assert.equal(first?.time, undefined);
  const dropped = apply({
    live: live('057'),
    applied: asApplied('058'),
    manager: 'gamma',
    force: false,
    time: TIME,
    resource,
  });
  assert.ok(dropped.kind === 'merged');
  assert.ok(!JSON.stringify(dropped.object.metadata.managedFields).includes('gamma'));
  assert.equal((dropped.object.spec as JsonObject).replicas, 5);
});

test('golden 064: an apply in YAML', () => replay('064', undefined, builtin('ConfigMap')));

for (const [number, before] of [
  ['073', undefined],
  ['074', '073'],
  ['075', '074'],
  ['076', '074'],
] as const) {
  test(`golden ${number}: apply of a custom resource`, () => replay(number, before, widgets()));
}

test('goldens 020 and 027: create and put are tracked as updates of their managers', () => {
  const resource = builtin('ConfigMap');
  const created = asApplied('020');
  const tracked = trackUpdate({ next: created, manager: 'golden', time: TIME, resource });
  assert.deepEqual(comparable(tracked as Json), comparable(golden('020').response.body as Json));
  const put = trackUpdate({ live: live('020'), next: asApplied('027'), manager: '', time: TIME, resource });
  assert.deepEqual(comparable(put as Json), comparable(golden('027').response.body as Json));
});

test('goldens 044, 045, 046: merge patch, JSON patch, and a test that does not hold', () => {
  const resource = builtin('ConfigMap');
  const merged = mergePatch(live('027') as Json, golden('044').request.body);
  assert.ok(merged.kind === 'patched');
  const next = merged.value as unknown as KubeObject;
  const tracked = trackUpdate({ live: live('027'), next, manager: '', time: TIME, resource });
  assert.deepEqual(comparable(tracked as Json), comparable(golden('044').response.body as Json));
  const patched = jsonPatch(live('044') as Json, golden('045').request.body);
  assert.ok(patched.kind === 'patched');
  assert.deepEqual((patched.value as JsonObject).data, golden('045').response.body.data);
  const failed = jsonPatch(live('045') as Json, golden('046').request.body);
  const { code, reason, message } = golden('046').response.body;
  assert.deepEqual(failed, { kind: 'invalid', status: code, reason, message });
});

test('goldens 065 and 066: strategic merge patch by key, and $patch: delete', () => {
  const resource = builtin('Deployment');
  for (const [number, before, manager] of [
    ['065', '058', 'kubectl-edit'],
    ['066', '065', 'unknown'],
  ] as const) {
    const base = live(before);
    const patched = strategicMergePatch(base as Json, golden(number).request.body, resource.schema as TypeSchema);
    assert.ok(patched.kind === 'patched');
    const next = applyDefaults(patched.value as unknown as KubeObject, resource);
    const tracked = trackUpdate({ live: base, next, manager, time: TIME, resource });
    const spec = (object: KubeObject) => object.spec as Json;
    assert.deepEqual(spec(tracked), golden(number).response.body.spec, number);
  }
});

const causesOf = (number: string) => (golden(number).response.body.details as JsonObject).causes;

test('goldens 029, 067, 070, 077, 078: refusals in a real server’s words', () => {
  const deployment = builtin('Deployment');
  const map = builtin('ConfigMap');
  assert.deepEqual(validate(asApplied('029'), map), causesOf('029'));
  const changed = mergePatch(live('066') as Json, golden('067').request.body);
  assert.ok(changed.kind === 'patched');
  assert.deepEqual(validate(changed.value as unknown as KubeObject, deployment, live('066')), causesOf('067'));
  assert.deepEqual(validate(applyDefaults(asApplied('070'), deployment), deployment), causesOf('070'));
  assert.deepEqual(validate(applyDefaults(asApplied('077'), widgets()), widgets()), causesOf('077'));
  assert.deepEqual(validate(applyDefaults(asApplied('078'), widgets()), widgets()), causesOf('078'));
});

test('golden 079: undeclared fields of a custom resource are dropped, defaults laid in, and owned by the creator', () => {
  const resource = widgets();
  const pruned = dropUnknown(asApplied('079'), resource.schema as TypeSchema);
  const tracked = trackUpdate({ next: applyDefaults(pruned, resource), manager: '', time: TIME, resource });
  assert.deepEqual(comparable(tracked as Json), comparable(golden('079').response.body as Json));
});

test('an apply on a Deployment takes less than 0.3 ms', () => {
  const resource = builtin('Deployment');
  const request = { live: live('056'), applied: asApplied('056'), manager: 'beta', force: true, time: TIME, resource };
  const rounds = 300;
  const best = Math.min(
    ...[1, 2, 3].map(() => {
      const start = performance.now();
      for (let round = 0; round < rounds; round++) apply(request);
      return (performance.now() - start) / rounds;
    }),
  );
  // Ten times the target: a loaded machine must not fail the test, a quadratic walk must.
  assert.ok(best < 3, `${best} ms`);
});
