/** CustomResourceDefinitions and their resources. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { accepted, at, names, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { ANYTHING, crd, widget } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { CRDS, condition, crdPath, establish, install } from './crd-life.ts';

const MIGRATED = { status: { storedVersions: ['v1'] } };

const group = (t: Trial) => `${t.own}.example.com`;
const widgets = (t: Trial, name?: string, subresource?: string, version = 'v1') =>
  t.path(`${group(t)}/${version}/widgets`, name, subresource);

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more });

/** `field message` of each cause. */
function causes(status: JsonObject): readonly string[] {
  return (at(status, 'details', 'causes') as readonly JsonObject[]).map(({ field, message }) => `${field} ${message}`);
}

export const crds: Cases = {
  async 'installed it is established, with its names and finalizer; then its kind is served'(t) {
    const live = await establish(t, crd(group(t)));
    assert.equal(condition(live, 'NamesAccepted')?.reason, 'NoConflicts');
    assert.equal(condition(live, 'Established')?.reason, 'InitialNamesAccepted');
    assert.deepEqual(part(live, 'status', 'acceptedNames'), {
      plural: 'widgets',
      singular: 'widget',
      kind: 'Widget',
      listKind: 'WidgetList',
    });
    assert.deepEqual(at(live, 'status', 'storedVersions'), ['v1']);
    const made = accepted(await t.post(widgets(t), widget(group(t), 'w', { a: 1 })), 201);
    assert.equal(made.metadata.generation, 1);
    const list = accepted(await t.get(widgets(t)));
    assert.equal(list.kind, 'WidgetList');
    const entry = (at(accepted(await t.get(`/apis/${group(t)}/v1`)), 'resources') as readonly JsonObject[])[0];
    assert.equal(entry?.namespaced, true);
    assert.deepEqual([...((entry?.verbs ?? []) as readonly string[])].sort(), [
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
  },
  async 'before it is served, and after it is gone, its path is no path'(t) {
    refused(await t.apply(widgets(t, 'w'), widget(group(t), 'w')), 404, { reason: undefined } as object);
    const definition = crd(group(t));
    await establish(t, definition);
    accepted(await t.apply(widgets(t, 'w'), widget(group(t), 'w')), 201);
    accepted(await t.remove(crdPath(t, definition)));
    await t.eventually('the definition to be gone', async () => (await t.get(crdPath(t, definition))).status === 404);
    await t.eventually('the path to be gone', async () => (await t.get(widgets(t))).status === 404);
  },
  async 'what the schema does not allow is refused, with every cause'(t) {
    const spec = object(
      {
        size: { type: 'integer', minimum: 1, maximum: 9 },
        mode: { type: 'string', enum: ['a', 'b'] },
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 3 },
        list: { type: 'array', items: { type: 'string' }, maxItems: 2 },
        port: { 'x-kubernetes-int-or-string': true },
        need: { type: 'boolean' },
      },
      { required: ['need'] },
    );
    await establish(t, crd(group(t), { spec }));
    const post = (value: JsonObject) => t.post(widgets(t), widget(group(t), 'w', value));
    const check = async (value: JsonObject, wanted: readonly string[]) =>
      assert.deepEqual(causes(refused(await post(value), 422, { reason: 'Invalid' })), wanted);
    await check({}, ['spec.need Required value']);
    await check({ need: true, size: 0 }, [
      'spec.size Invalid value: 0: spec.size in body should be greater than or equal to 1',
    ]);
    await check({ need: true, mode: 'c' }, ['spec.mode Unsupported value: "c": supported values: "a", "b"']);
    await check({ need: true, name: 'X' }, [
      'spec.name Invalid value: "X": spec.name in body should match \'^[a-z]+$\'',
    ]);
    await check({ need: 'yes' }, [
      'spec.need Invalid value: "string": spec.need in body must be of type boolean: "string"',
    ]);
    await check({ need: true, list: ['a', 'b', 'c'] }, ['spec.list Too many: 3: must have at most 2 items']);
    await check({ need: true, port: true }, [
      'spec.port Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ]);
    accepted(await post({ need: false, port: 'http', name: 'abc' }), 201);
  },
  async 'allOf, anyOf, oneOf and not are asked'(t) {
    const spec = object(
      { a: { type: 'string' }, b: { type: 'string' }, n: { type: 'integer' }, both: { type: 'string' } },
      {
        oneOf: [{ required: ['a'] }, { required: ['b'] }],
        not: { required: ['both', 'n'] },
        allOf: [{ properties: { n: { minimum: 1 } } }, { properties: { n: { maximum: 5 } } }],
        anyOf: [{ properties: { both: { enum: ['x'] } } }, { properties: { both: { enum: ['y'] } } }],
      },
    );
    await establish(t, crd(group(t), { spec }));
    const post = (value: JsonObject) => t.post(widgets(t), widget(group(t), 'w', value));
    const check = async (value: JsonObject, wanted: readonly string[]) =>
      assert.deepEqual(causes(refused(await post(value), 422, { reason: 'Invalid' })), wanted);
    await check({ a: '1', b: '1' }, [
      '<nil> Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ]);
    await check({}, [
      '<nil> Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
      'spec.a Required value',
    ]);
    await check({ a: '1', n: 6 }, [
      'spec.n Invalid value: 6: spec.n in body should be less than or equal to 5',
      '<nil> Invalid value: "": "spec" must validate all the schemas (allOf)',
    ]);
    await check({ a: '1', both: 'z' }, [
      '<nil> Invalid value: "": "spec" must validate at least one schema (anyOf)',
      'spec.both Unsupported value: "z": supported values: "x"',
    ]);
    await check({ a: '1', both: 'x', n: 2 }, ['<nil> Invalid value: "": "spec" must not validate the schema (not)']);
    accepted(await post({ a: '1', both: 'x' }), 201);
  },
  async 'unknown fields are dropped, defaults filled in, what is preserved stays'(t) {
    const spec = object({
      size: { type: 'integer', default: 3 },
      deep: object({ on: { type: 'boolean', default: true } }, { default: {} }),
      free: ANYTHING,
    });
    await establish(t, crd(group(t), { spec }));
    const sent = widget(group(t), 'w', { stray: 1, free: { any: ['thing'] } });
    const made = accepted(await t.post(widgets(t), sent, { fieldValidation: 'Ignore' }), 201);
    assert.deepEqual(part(made, 'spec'), { deep: { on: true }, free: { any: ['thing'] }, size: 3 });
    const warned = await t.post(widgets(t), widget(group(t), 'v', { stray: 1 }));
    assert.deepEqual(accepted(warned) && warned.warnings, ['unknown field "spec.stray"']);
    refused(await t.post(widgets(t), widget(group(t), 'u', { stray: 1 }), { fieldValidation: 'Strict' }), 400, {
      message: `Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.stray"`,
    });
  },
  async 'rules in CEL: of values, of transitions'(t) {
    const spec = object(
      { min: { type: 'integer' }, max: { type: 'integer' }, fixed: { type: 'string' } },
      {
        'x-kubernetes-validations': [
          { rule: 'self.min <= self.max', message: 'min must not be above max' },
          { rule: '!has(oldSelf.fixed) || self.fixed == oldSelf.fixed', message: 'fixed is fixed' },
        ],
      },
    );
    await establish(t, crd(group(t), { spec }));
    refused(await t.post(widgets(t), widget(group(t), 'w', { min: 3, max: 2 })), 422, {
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: "object": min must not be above max',
          field: 'spec',
        },
      ],
    });
    accepted(await t.post(widgets(t), widget(group(t), 'w', { min: 1, max: 2, fixed: 'a' })));
    refused(await t.patch(widgets(t, 'w'), 'merge', { spec: { fixed: 'b' } }), 422, { message: /fixed is fixed/ });
    accepted(await t.patch(widgets(t, 'w'), 'merge', { spec: { max: 3 } }));
  },
  async 'with a status subresource status is apart; generation counts the rest'(t) {
    await establish(t, crd(group(t), { subresources: { status: {} } }));
    const sent = { ...widget(group(t), 'w', { a: 1 }), status: { phase: 'Sent' } } as KubeObject;
    const made = accepted(await t.post(widgets(t), sent));
    assert.equal(made.status, undefined);
    const status = accepted(
      await t.patch(widgets(t, 'w', 'status'), 'merge', { spec: { a: 2 }, status: { phase: 'Seen' } }),
    );
    assert.deepEqual(
      [part(status, 'spec').a, part(status, 'status').phase, status.metadata.generation],
      [1, 'Seen', 1],
    );
    const main = accepted(await t.patch(widgets(t, 'w'), 'merge', { spec: { a: 3 }, status: { phase: 'No' } }));
    assert.deepEqual([part(main, 'spec').a, part(main, 'status').phase, main.metadata.generation], [3, 'Seen', 2]);
    const labelled = accepted(await t.patch(widgets(t, 'w'), 'merge', { metadata: { labels: { x: 'y' } } }));
    assert.equal(labelled.metadata.generation, 2);
  },
  async 'without one status is like any field'(t) {
    await establish(t, crd(group(t)));
    const sent = { ...widget(group(t), 'w'), status: { phase: 'Sent' } } as KubeObject;
    const made = accepted(await t.post(widgets(t), sent));
    assert.equal(part(made, 'status').phase, 'Sent');
    assert.equal((await t.get(widgets(t, 'w', 'status'))).status, 404);
    const next = accepted(await t.patch(widgets(t, 'w'), 'merge', { status: { phase: 'New' } }));
    assert.equal(next.metadata.generation, 2);
  },
  async 'with a scale subresource it can be scaled'(t) {
    const scale = {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    };
    await establish(t, crd(group(t), { subresources: { status: {}, scale } }));
    accepted(await t.post(widgets(t), widget(group(t), 'w', { replicas: 2 })));
    accepted(await t.patch(widgets(t, 'w', 'status'), 'merge', { status: { replicas: 1, selector: 'a=b' } }));
    const live = accepted(await t.get(widgets(t, 'w', 'scale')));
    assert.equal(`${live.apiVersion} ${live.kind}`, 'autoscaling/v1 Scale');
    assert.deepEqual([live.spec, live.status], [{ replicas: 2 }, { replicas: 1, selector: 'a=b' }]);
    accepted(await t.patch(widgets(t, 'w', 'scale'), 'merge', { spec: { replicas: 5 } }));
    assert.equal(part(accepted(await t.get(widgets(t, 'w'))), 'spec').replicas, 5);
  },
  async 'two versions served: one object, read and written as either; a version withdrawn is no path'(t) {
    const version = (name: string, storage: boolean) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: object({ spec: ANYTHING }) },
    });
    const definition = crd(group(t), { versions: [version('v1beta1', false), version('v1', true)] });
    await establish(t, definition);
    const made = accepted(
      await t.post(widgets(t, undefined, undefined, 'v1beta1'), widget(group(t), 'w', { a: 1 }, 'v1beta1')),
    );
    assert.equal(made.apiVersion, `${group(t)}/v1beta1`);
    const other = accepted(await t.get(widgets(t, 'w')));
    assert.deepEqual(
      [other.apiVersion, other.metadata.uid, part(other, 'spec')],
      [`${group(t)}/v1`, made.metadata.uid, { a: 1 }],
    );
    const applied = accepted(await t.apply(widgets(t, 'x'), widget(group(t), 'x', { a: 1 })));
    const again = await t.apply(widgets(t, 'x', undefined, 'v1beta1'), widget(group(t), 'x', { a: 1 }, 'v1beta1'));
    assert.equal(accepted(again).metadata.uid, applied.metadata.uid);
    const withdrawn = { spec: { versions: [{ ...version('v1beta1', false), served: false }, version('v1', true)] } };
    accepted(await t.patch(crdPath(t, definition), 'merge', withdrawn));
    await t.eventually('v1beta1 to be gone', async () => {
      return (await t.get(widgets(t, undefined, undefined, 'v1beta1'))).status === 404;
    });
    // for a moment the storage is made anew: 429
    const left = await t.eventually('v1 to be served on', async () => {
      const answer = await t.get(widgets(t));
      return answer.status === 200 && answer;
    });
    assert.deepEqual(names(left), ['w', 'x']);
  },
  async 'cluster-scoped resources have no namespace'(t) {
    await establish(t, crd(group(t), { scope: 'Cluster' }));
    const path = t.global(`${group(t)}/v1/widgets`, 'w');
    const made = accepted(await t.apply(path, widget(group(t), 'w', { a: 1 })), 201);
    assert.equal(made.metadata.namespace, undefined);
    assert.equal((await t.get(widgets(t, 'w'))).status, 404);
  },
  async 'its resources go with it; one that is held holds it'(t) {
    const definition = crd(group(t));
    await establish(t, definition);
    const held = widget(group(t), 'held');
    const metadata = { ...held.metadata, finalizers: ['example.com/hold'] };
    accepted(await t.post(widgets(t), { ...held, metadata } as KubeObject));
    accepted(await t.post(widgets(t), widget(group(t), 'free')));
    const marked = accepted(await t.remove(crdPath(t, definition)));
    assert.deepEqual(marked.metadata.finalizers, ['customresourcecleanup.apiextensions.k8s.io']);
    await t.eventually('the free one to be gone', async () => (await t.get(widgets(t, 'free'))).status === 404);
    const live = await t.eventually('its terminating condition', async () => {
      const found = accepted(await t.get(crdPath(t, definition)));
      return condition(found, 'Terminating')?.status === 'True' && found;
    });
    assert.equal(condition(live, 'Terminating')?.reason, 'InstanceDeletionInProgress');
    // 1.33 says 405, 1.34 and later 403
    const late = await t.post(widgets(t), widget(group(t), 'late'));
    refused(late, late.status === 405 ? 405 : 403, {
      message: /create not allowed while custom resource definition is terminating$/,
    });
    accepted(await t.patch(widgets(t, 'held'), 'merge', { metadata: { finalizers: null } }));
    await t.eventually('the definition to be gone', async () => (await t.get(crdPath(t, definition))).status === 404);
  },
  async 'names that another has are not accepted, and the kind is not served'(t) {
    await establish(t, crd(group(t)));
    const rival = crd(group(t), { names: { plural: 'gadgets', singular: 'gadget' } });
    await install(t, rival);
    const live = await t.eventually('the verdict on its names', async () => {
      const found = accepted(await t.get(crdPath(t, rival)));
      return condition(found, 'NamesAccepted') !== undefined && found;
    });
    const { status, reason, message } = condition(live, 'NamesAccepted') ?? {};
    assert.deepEqual([status, reason], ['False', 'ListKindConflict']);
    assert.equal(message, '"WidgetList" is already in use');
    assert.equal(condition(live, 'Established')?.status, 'False');
    assert.equal(condition(live, 'Established')?.reason, 'NotAccepted');
    assert.equal((await t.get(t.path(`${group(t)}/v1/gadgets`))).status, 404);
  },
  async 'names are accepted when the other goes'(t) {
    const first = crd(group(t));
    await establish(t, first);
    const rival = crd(group(t), { names: { plural: 'gadgets', singular: 'gadget' } });
    await install(t, rival);
    await t.eventually('the verdict', async () => {
      return condition(accepted(await t.get(crdPath(t, rival))), 'NamesAccepted')?.status === 'False';
    });
    accepted(await t.remove(crdPath(t, first)));
    let looks = 0;
    await t.eventually('the other to be established', async () => {
      // a real server that is busy may look at it once too early, and then only when it is touched (once in some hundred runs)
      const touch = { metadata: { annotations: { 'example.com/look': String(++looks) } } };
      if (looks % 10 === 0) accepted(await t.patch(crdPath(t, rival), 'merge', touch));
      return condition(accepted(await t.get(crdPath(t, rival))), 'Established')?.status === 'True';
    });
  },
  async 'what is no definition is refused'(t) {
    const path = t.global('apiextensions.k8s.io/v1/customresourcedefinitions');
    const loose = crd(group(t), { spec: { type: 'object', properties: { a: { description: 'no type' } } } });
    const status = refused(await t.post(path, loose), 422, { reason: 'Invalid' });
    assert.match(
      String(status.message),
      /openAPIV3Schema\.properties\[spec\]\.properties\[a\]\.type: Required value: must not be empty for specified object fields/,
    );
    const misnamed = { ...crd(group(t)), metadata: { name: 'widgets.other' } };
    refused(await t.post(path, misnamed), 422, {
      message: /metadata\.name: Invalid value: "widgets\.other": must be spec\.names\.plural\+"\."\+spec\.group/,
    });
    const stored = crd(group(t), { version: { storage: false } });
    refused(await t.post(path, stored), 422, {
      message: /must have exactly one version marked as storage version/,
    });
  },
  async 'printer columns make its table'(t) {
    const columns = [{ name: 'Size', type: 'integer', jsonPath: '.spec.size', priority: 0 }];
    await establish(t, crd(group(t), { version: { additionalPrinterColumns: columns } }));
    accepted(await t.post(widgets(t), widget(group(t), 'w', { size: 7 })));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const table = accepted(await t.request({ method: 'GET', path: widgets(t), accept }));
    const shown = (table.columnDefinitions as unknown as readonly JsonObject[]).map(({ name }) => name);
    assert.deepEqual(shown, ['Name', 'Size']);
    assert.deepEqual(at(table, 'rows', 0, 'cells'), ['w', 7]);
  },
  async 'fields that a version declares can be selected by'(t) {
    const spec = object({ color: { type: 'string' } });
    await establish(t, crd(group(t), { spec, version: { selectableFields: [{ jsonPath: '.spec.color' }] } }));
    accepted(await t.post(widgets(t), widget(group(t), 'r', { color: 'red' })));
    accepted(await t.post(widgets(t), widget(group(t), 'b', { color: 'blue' })));
    assert.deepEqual(names(await t.get(widgets(t), { fieldSelector: 'spec.color=red' })), ['r']);
    refused(await t.get(widgets(t), { fieldSelector: 'spec.size=1' }), 400);
  },
  async 'a resource is replaced only by who has read it'(t) {
    await establish(t, crd(group(t)));
    const made = accepted(await t.post(widgets(t), widget(group(t), 'w', { a: 1 })));
    refused(await t.put(widgets(t, 'w'), widget(group(t), 'w', { a: 2 })), 422, {
      message: /metadata\.resourceVersion: Invalid value: (0x0|0): must be specified for an update$/,
    });
    const next = accepted(await t.put(widgets(t, 'w'), { ...made, spec: { a: 2 } } as KubeObject));
    assert.equal(next.metadata.generation, 2);
    refused(await t.put(widgets(t, 'w'), { ...made, spec: { a: 3 } } as KubeObject), 409, {
      message: `Operation cannot be fulfilled on widgets.${group(t)} "w": the object has been modified; please apply your changes to the latest version and try again`,
    });
  },
  async 'what was a storage version once stays a version until somebody says that nothing is stored in it'(t) {
    const named = (name: string, storage: boolean) => ({ ...versionOf(definition), name, served: true, storage });
    const versionOf = (one: KubeObject) => (at(one, 'spec', 'versions') as readonly JsonObject[])[0] as JsonObject;
    const definition = crd(group(t));
    await establish(t, definition);
    const path = crdPath(t, definition);
    const both = { spec: { versions: [named('v1', false), named('v2', true)] } };
    const moved = accepted(await t.patch(path, 'merge', both), 200);
    assert.deepEqual(at(moved, 'status', 'storedVersions'), ['v1', 'v2']);
    const back = { spec: { versions: [versionOf(definition)] } };
    refused(await t.patch(path, 'merge', back), 422, {
      causes: [
        {
          reason: 'FieldValueInvalid',
          message:
            'Invalid value: "v2": missing from spec.versions; v2 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v2 and removes v2 from status.storedVersions',
          field: 'status.storedVersions[1]',
        },
      ],
    });
    accepted(await t.patch(path, 'merge', { spec: { versions: [named('v1', true), named('v2', false)] } }), 200);
    accepted(await t.patch(t.global(CRDS, definition.metadata.name, 'status'), 'merge', MIGRATED), 200);
    const last = accepted(await t.patch(path, 'merge', back), 200);
    assert.deepEqual(at(last, 'status', 'storedVersions'), ['v1']);
  },
};
