/** Server-side apply: who owns what, conflicts, force, giving back. */
import assert from 'node:assert/strict';
import { isObject, type Json, type JsonObject, type KubeObject } from '../../../src/base/index.ts';
import { accepted, at, part, refused } from '../caller.ts';
import { configMap, container, crd, deployment, widget } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { establish } from './crd-life.ts';

/** `manager operation subresource` of each entry, sorted. */
function managers(object: KubeObject): readonly string[] {
  const entries = object.metadata.managedFields as unknown as readonly JsonObject[];
  return entries
    .map(({ manager, operation, subresource }) => [manager, operation, subresource].filter(Boolean).join(' '))
    .sort();
}

function ownedBy(object: KubeObject, manager: string): Json | undefined {
  const entries = object.metadata.managedFields as unknown as readonly JsonObject[];
  return entries.find((entry) => entry.manager === manager)?.fieldsV1;
}

export const apply: Cases = {
  async 'creates with 201 and owns what it says; the same again changes nothing'(t) {
    const path = t.path('configmaps', 'a');
    const made = accepted(await t.apply(path, configMap('a', { k: '1' })), 201);
    assert.deepEqual(managers(made), ['alpha Apply']);
    assert.deepEqual(ownedBy(made, 'alpha'), { 'f:data': { 'f:k': {} } });
    const again = accepted(await t.apply(path, configMap('a', { k: '1' })), 200);
    assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
    assert.deepEqual(again.metadata.managedFields, made.metadata.managedFields);
  },
  async 'a field of another applier is a conflict with its cause, and nothing is changed'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    const made = accepted(await t.apply(path, deployment('a')));
    const answer = await t.apply(path, deployment('a', { replicas: 3 }), { manager: 'beta' });
    refused(answer, 409, {
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "alpha": .spec.replicas',
      details: {},
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "alpha"', field: '.spec.replicas' }],
    });
    const live = accepted(await t.get(path));
    assert.equal(part(live, 'spec').replicas, 1);
    assert.equal(live.metadata.generation, made.metadata.generation);
  },
  async 'a field that was written by update is a conflict that names the version'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' }), { fieldManager: 'editor' }));
    const status = refused(await t.apply(path, configMap('a', { k: '2' })), 409, {
      message: /^Apply failed with 1 conflict: conflict with "editor" using v1( at [0-9TZ:-]+)?: \.data\.k$/,
    });
    assert.equal(at(status, 'details', 'causes', 0, 'field'), '.data.k');
  },
  async 'who replaces a DaemonSet without the count of its templates owns it, and the count stays'(t) {
    const count = 'deprecated.daemonset.template.generation';
    const { spec, ...rest } = deployment('a') as KubeObject & { readonly spec: JsonObject };
    const { replicas: _replicas, ...own } = spec;
    const sent = { ...rest, kind: 'DaemonSet', spec: own } as unknown as KubeObject;
    accepted(await t.post(t.path('apps/v1/daemonsets'), sent, { fieldManager: 'one' }), 201);
    const now = accepted(await t.put(t.path('apps/v1/daemonsets', 'a'), sent, { fieldManager: 'two' }));
    assert.equal(now.metadata.annotations?.[count], '1');
    assert.deepEqual(ownedBy(now, 'two'), { 'f:metadata': { 'f:annotations': { [`f:${count}`]: {} } } });
  },
  async 'several conflicts are grouped by manager'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.apply(path, configMap('a', { k: '1', l: '1' })));
    const status = refused(await t.apply(path, configMap('a', { k: '2', l: '2' }), { manager: 'beta' }), 409, {
      message: 'Apply failed with 2 conflicts: conflicts with "alpha":\n- .data.k\n- .data.l',
    });
    assert.equal((at(status, 'details', 'causes') as readonly Json[]).length, 2);
  },
  async 'the same value is shared, not a conflict; it stays until its last owner gives it up'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.apply(path, configMap('a', { k: '1', own: '1' })));
    const shared = accepted(await t.apply(path, configMap('a', { k: '1' }), { manager: 'beta' }), 200);
    assert.deepEqual(managers(shared), ['alpha Apply', 'beta Apply']);
    const left = accepted(await t.apply(path, configMap('a', {})));
    assert.deepEqual(part(left, 'data'), { k: '1' });
    const gone = accepted(await t.apply(path, configMap('a', {}), { manager: 'beta' }));
    assert.deepEqual(part(gone, 'data'), {});
  },
  async 'force takes the field and its ownership; the former owner gives it back by force'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.apply(path, configMap('a', { k: '1', l: '1' })));
    const taken = accepted(await t.apply(path, configMap('a', { k: '2' }), { manager: 'beta', force: true }));
    assert.equal(part(taken, 'data').k, '2');
    assert.deepEqual(ownedBy(taken, 'alpha'), { 'f:data': { 'f:l': {} } });
    assert.deepEqual(ownedBy(taken, 'beta'), { 'f:data': { 'f:k': {} } });
    const back = accepted(await t.apply(path, configMap('a', { k: '1', l: '1' }), { force: true }));
    assert.deepEqual(part(back, 'data'), { k: '1', l: '1' });
    assert.equal(ownedBy(back, 'beta'), undefined);
  },
  async 'what a manager does not say any more is removed; list items by their key'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    const containers = (env: readonly JsonObject[], second: boolean) => [
      container('c', { env }),
      ...(second ? [container('d')] : []),
    ];
    const [x, y] = [
      { name: 'X', value: '1' },
      { name: 'Y', value: '2' },
    ];
    accepted(await t.apply(path, deployment('a', {}, containers([x, y], true))));
    const sidecar = deployment('a');
    const theirs = { spec: { containers: [{ name: 's', image: 'registry.invalid/s:1' }] } };
    accepted(
      await t.apply(
        path,
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: sidecar.metadata, spec: { template: theirs } },
        { manager: 'injector' },
      ),
    );
    const next = accepted(await t.apply(path, deployment('a', {}, containers([y], false))));
    const list = at(next, 'spec', 'template', 'spec', 'containers') as readonly JsonObject[];
    assert.deepEqual(
      list.map(({ name }) => name),
      ['c', 's'],
    );
    assert.deepEqual(list[0]?.env, [y]);
  },
  async 'a dry run answers as the apply would, conflicts too, and stores nothing'(t) {
    const path = t.path('configmaps', 'a');
    const dry = accepted(await t.apply(path, configMap('a', { k: '1' }), { dryRun: true }), 201);
    assert.equal(dry.metadata.resourceVersion, undefined);
    assert.equal((await t.get(path)).status, 404);
    const made = accepted(await t.apply(path, configMap('a', { k: '1' })));
    const shown = accepted(await t.apply(path, configMap('a', { k: '1', l: '2' }), { dryRun: true }), 200);
    assert.deepEqual(part(shown, 'data'), { k: '1', l: '2' });
    assert.equal(shown.metadata.resourceVersion, made.metadata.resourceVersion);
    refused(await t.apply(path, configMap('a', { k: '2' }), { manager: 'beta', dryRun: true }), 409, {
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "alpha": .data.k',
    });
    assert.deepEqual(accepted(await t.get(path)).metadata.managedFields, made.metadata.managedFields);
  },
  async 'a resourceVersion or uid that is not the stored one is refused, nothing written'(t) {
    const path = t.path('configmaps', 'a');
    const made = accepted(await t.apply(path, configMap('a', { k: '1' })));
    accepted(await t.apply(path, configMap('a', { k: '2' })));
    const { uid = '', resourceVersion = '' } = made.metadata;
    const modified =
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again';
    refused(await t.apply(path, configMap('a', { k: '3' }, { resourceVersion })), 409, { message: modified });
    const other = uid.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const cause = {
      reason: 'FieldValueInvalid',
      message: `Invalid value: "${other}": field is immutable`,
      field: 'metadata.uid',
    };
    refused(await t.apply(path, configMap('a', { k: '3' }, { uid: other })), 422, { causes: [cause, cause] });
    refused(await t.apply(t.path('configmaps', 'none'), configMap('none', {}, { uid })), 409, {
      message: `Operation cannot be fulfilled on configmaps "none": uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    });
    assert.equal(part(accepted(await t.get(path)), 'data').k, '2');
  },
  async 'a resourceVersion that no object has makes what is absent, and changes nothing that is there'(t) {
    const path = t.path('configmaps', 'a');
    const none = { resourceVersion: '1' };
    const made = accepted(await t.apply(path, configMap('a', { k: '1' }, none)), 201);
    assert.deepEqual(managers(made), ['alpha Apply']);
    const modified = /^Operation cannot be fulfilled on configmaps "a": the object has been modified; /;
    refused(await t.apply(path, configMap('a', { k: '2' }, none)), 409, { reason: 'Conflict', message: modified });
    refused(await t.apply(path, configMap('a', { l: '2' }, none), { manager: 'beta' }), 409, { message: modified });
    const live = accepted(await t.get(path));
    assert.deepEqual(part(live, 'data'), { k: '1' });
    assert.equal(live.metadata.resourceVersion, made.metadata.resourceVersion);
    accepted(await t.apply(t.path('configmaps', 'dry'), configMap('dry', {}, none), { dryRun: true }), 201);
    assert.equal((await t.get(t.path('configmaps', 'dry'))).status, 404);
    const group = `${t.own}.example.com`;
    await establish(t, crd(group));
    const custom = `/apis/${group}/v1/namespaces/${t.namespace}/widgets/w`;
    const wanted = (spec: JsonObject) =>
      ({ ...widget(group, 'w', spec), metadata: { name: 'w', ...none } }) as KubeObject;
    assert.deepEqual(managers(accepted(await t.apply(custom, wanted({ a: 1 })), 201)), ['alpha Apply']);
    refused(await t.apply(custom, wanted({ a: 2 })), 409, { reason: 'Conflict' });
  },
  async 'without a manager 422, with managedFields in the body 400'(t) {
    const path = t.path('configmaps', 'a');
    refused(
      await t.request({
        method: 'PATCH',
        path,
        body: configMap('a'),
        contentType: 'application/apply-patch+yaml',
      }),
      422,
      {
        reason: 'Invalid',
        causes: [
          {
            reason: 'FieldValueRequired',
            field: 'fieldManager',
            message: 'Required value: is required for apply patch',
          },
        ],
      },
    );
    refused(await t.apply(path, configMap('a', {}, { managedFields: [] })), 400, {
      message: 'metadata.managedFields must be nil',
    });
  },
  async 'a field that the schema does not have is refused'(t) {
    refused(await t.apply(t.path('configmaps', 'a'), { ...configMap('a'), spec: { x: 1 } }), 500, {
      message: /\.spec: field not declared in schema/,
    });
    refused(await t.apply(t.path('configmaps', 'b'), configMap('a')), 400, { reason: 'BadRequest' });
  },
  async 'into a namespace that is not there: 404 that names the namespace'(t) {
    const namespace = `${t.namespace}-none`;
    refused(await t.apply(t.in(namespace, 'configmaps', 'a'), configMap('a')), 404, {
      reason: 'NotFound',
      message: `namespaces "${namespace}" not found`,
      details: { name: namespace, kind: 'namespaces' },
    });
  },
  async 'to /status: status alone, owned apart'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    accepted(await t.apply(path, deployment('a', { paused: true, replicas: 0 })));
    const sent = { ...deployment('a', { replicas: 9 }), status: { collisionCount: 7 } } as KubeObject;
    const next = accepted(await t.apply(`${path}/status`, sent, { manager: 'observer' }));
    assert.equal(part(next, 'spec').replicas, 0);
    assert.equal(part(next, 'status').collisionCount, 7);
    assert.ok(managers(next).includes('observer Apply status'));
    const entry = ownedBy(next, 'observer');
    assert.ok(isObject(entry));
    assert.deepEqual(Object.keys(entry), ['f:status']);
  },
  async 'a null value sets nothing, but is owned'(t) {
    const path = t.path('configmaps', 'a');
    const made = accepted(await t.apply(path, configMap('a', { k: '1' }, { annotations: null })));
    assert.deepEqual(ownedBy(made, 'alpha'), { 'f:data': { 'f:k': {} }, 'f:metadata': { 'f:annotations': {} } });
    assert.equal(made.metadata.annotations, undefined);
  },
  async 'a custom resource merges as its schema says: lists by key, sets, whole values'(t) {
    const group = `${t.own}.example.com`;
    const keyed = { type: 'object', properties: { name: { type: 'string' }, size: { type: 'integer' } } };
    await establish(
      t,
      crd(group, {
        spec: {
          type: 'object',
          properties: {
            parts: {
              type: 'array',
              'x-kubernetes-list-type': 'map',
              'x-kubernetes-list-map-keys': ['name'],
              items: { ...keyed, required: ['name'] },
            },
            tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
            order: { type: 'array', items: { type: 'string' } },
          },
        },
      }),
    );
    const path = t.path(`${group}/v1/widgets`, 'w');
    const one = { parts: [{ name: 'a', size: 1 }], tags: ['x'], order: ['1'] };
    accepted(await t.apply(path, widget(group, 'w', one)), 201);
    const two = { parts: [{ name: 'b', size: 2 }], tags: ['y'] };
    const both = accepted(await t.apply(path, widget(group, 'w', two), { manager: 'beta' }));
    assert.deepEqual(part(both, 'spec'), {
      parts: [
        { name: 'a', size: 1 },
        { name: 'b', size: 2 },
      ],
      tags: ['x', 'y'],
      order: ['1'],
    });
    refused(await t.apply(path, widget(group, 'w', { order: ['2'] }), { manager: 'beta' }), 409, {
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "alpha"', field: '.spec.order' }],
    });
  },
  async 'a scale by another is its field: the next apply conflicts there'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    accepted(await t.apply(path, deployment('a')));
    accepted(await t.patch(`${path}/scale`, 'merge', { spec: { replicas: 2 } }, { fieldManager: 'scaler' }));
    const live = accepted(await t.get(path));
    assert.ok(managers(live).includes('scaler Update scale'), managers(live).join());
    refused(await t.apply(path, deployment('a', { replicas: 1 })), 409, {
      message: /conflict with "scaler" with subresource "scale" using apps\/v1( at [0-9TZ:-]+)?: \.spec\.replicas$/,
    });
    const { replicas: _left, ...spec } = part(deployment('a'), 'spec');
    const without = { ...deployment('a'), spec } as KubeObject;
    assert.equal(part(accepted(await t.apply(path, without)), 'spec').replicas, 2);
  },
  async 'managedFields can be emptied by a patch; the first apply after that meets what was there before'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.apply(path, configMap('a', { k: '1' })));
    const reset = accepted(
      await t.patch(path, 'json', [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }]),
    );
    assert.equal(reset.metadata.managedFields, undefined);
    refused(await t.apply(path, configMap('a', { k: '2' }), { manager: 'beta' }), 409, {
      message: 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.k',
    });
    const next = accepted(await t.apply(path, configMap('a', { k: '1' }), { manager: 'beta' }), 200);
    assert.deepEqual(managers(next), ['before-first-apply Update', 'beta Apply']);
  },
};
