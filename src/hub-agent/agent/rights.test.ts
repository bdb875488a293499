import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KubeObject, type ObjectRef, refText } from '../../base/index.ts';
import type { KindInfo } from '../../kubernetes/index.ts';
import { refuse } from './halted.ts';
import type { Objects } from './objects.ts';
import { type Deed, needsOf } from './rights.ts';

const RBAC = 'rbac.authorization.k8s.io';
const KINDS: { readonly [name: string]: readonly [plural: string, namespaced: boolean] } = {
  'v1/Namespace': ['namespaces', false],
  'v1/ConfigMap': ['configmaps', true],
  'v1/PersistentVolumeClaim': ['persistentvolumeclaims', true],
  'apps/v1/StatefulSet': ['statefulsets', true],
  'apiextensions.k8s.io/v1/CustomResourceDefinition': ['customresourcedefinitions', false],
  [`${RBAC}/v1/Role`]: ['roles', true],
  [`${RBAC}/v1/RoleBinding`]: ['rolebindings', true],
};

/** A cluster that serves KINDS and holds these objects; what is `hidden` may not be read. */
function cluster(held: readonly KubeObject[] = [], hidden: readonly string[] = []): Objects {
  const info = ({ apiVersion, kind }: Pick<ObjectRef, 'apiVersion' | 'kind'>) => {
    const [plural, namespaced] = KINDS[`${apiVersion}/${kind}`] ?? [];
    return plural === undefined ? undefined : ({ apiVersion, kind, plural, namespaced } as KindInfo);
  };
  return {
    info: async (ref: ObjectRef) => info(ref),
    async get(ref: ObjectRef) {
      if (hidden.includes(refText(ref))) return refuse({ kind: 'kubernetesForbidden', message: 'no', hint: 'mend it' });
      return held.find((one) => one.kind === ref.kind && one.metadata.name === ref.name);
    },
  } as unknown as Objects;
}

const object = (apiVersion: string, kind: string, name: string, more: object = {}): KubeObject =>
  ({
    ...{ apiVersion, kind },
    metadata: KINDS[`${apiVersion}/${kind}`]?.[1] === false ? { name } : { name, namespace: 'shop' },
    ...more,
  }) as KubeObject;
const space = object('v1', 'Namespace', 'shop');

async function needs(objects: Objects, deed: Partial<Deed>, looks = true): Promise<string[]> {
  const found = await needsOf(objects, { wanted: [], needed: [], gone: [], ...deed }, looks);
  return found.map(({ right: { verb, group, resource, namespace, name }, unless }) => {
    const what = `${verb} ${group === '' ? '' : `${group}/`}${resource}${name === undefined ? '' : ` ${name}`}`;
    return `${what} in ${namespace ?? '*'}${unless === undefined ? '' : ` unless ${unless.verb} ${unless.resource} ${unless.name}`}`;
  });
}

describe('rights that a deed takes', () => {
  it('to keep an object: every verb of its life, named where the request names it', async () => {
    assert.deepEqual(await needs(cluster(), { wanted: [object('v1', 'ConfigMap', 'a')] }), [
      'get configmaps a in shop',
      'list configmaps in shop',
      'watch configmaps in shop',
      'create configmaps in shop',
      'patch configmaps a in shop',
      'delete configmaps a in shop',
    ]);
    const set = await needs(cluster(), { wanted: [object('apps/v1', 'StatefulSet', 'db')] });
    assert.ok(set.includes('delete pods in shop'), 'pods of an undone revision');
  });

  it('a namespace: to see it when it is there, to make it and take it away when it is not', async () => {
    assert.deepEqual(await needs(cluster([space]), { needed: [ref(space)] }), ['get namespaces shop in shop']);
    assert.deepEqual(await needs(cluster(), { needed: [ref(space)] }), [
      'get namespaces shop in shop',
      'create namespaces in *',
      'patch namespaces shop in shop',
      'delete namespaces shop in shop',
    ]);
    assert.deepEqual(await needs(cluster([], ['Namespace shop']), { needed: [ref(space)] }), [
      'get namespaces shop in shop',
    ]);
    const unseen = { ...cluster(), get: () => assert.fail('whoever may make it need not look') };
    assert.equal((await needs(unseen, { needed: [ref(space)], wanted: [space] }, false)).length, 10);
  });

  it('what goes is deleted, but for what holds data and what others stand on', async () => {
    const gone = [object('v1', 'ConfigMap', 'a'), object('v1', 'PersistentVolumeClaim', 'data'), space].map(ref);
    assert.deepEqual(await needs(cluster(), { gone }), [
      'get configmaps a in shop',
      'delete configmaps a in shop',
      'get persistentvolumeclaims data in shop',
    ]);
  });

  it('a kind that a CRD of the same plan brings; one that nobody serves is another matter', async () => {
    const names = { plural: 'widgets', kind: 'Widget' };
    const crd = object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'widgets.example.com', {
      spec: { group: 'example.com', scope: 'Namespaced', names },
    });
    const widget = object('example.com/v1', 'Widget', 'main');
    const found = await needs(cluster(), { wanted: [crd, widget, object('other.io/v1', 'Thing', 'x')] });
    assert.ok(found.includes('create example.com/widgets in shop'));
    assert.ok(found.includes('create apiextensions.k8s.io/customresourcedefinitions in *'));
    assert.ok(!found.some((one) => /things|delete apiext/.test(one)), found.join());
  });

  it('a Role takes what it grants, a binding what its role grants, wherever that stands; or escalate and bind', async () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    const role = object(`${RBAC}/v1`, 'Role', 'reader', { rules });
    const roleRef = { apiGroup: RBAC, kind: 'Role', name: 'reader' };
    const binding = object(`${RBAC}/v1`, 'RoleBinding', 'b', { roleRef });
    const granted = (found: string[]) => found.filter((one) => one.includes('unless'));
    assert.deepEqual(granted(await needs(cluster(), { wanted: [role, binding] })), [
      'get pods in shop unless escalate roles reader',
      'get pods in shop unless bind roles reader',
    ]);
    assert.deepEqual(granted(await needs(cluster([role]), { wanted: [binding] })), [
      'get pods in shop unless bind roles reader',
    ]);
    const unseen = cluster([role], [`${RBAC}/Role shop/reader`]);
    assert.deepEqual(granted(await needs(unseen, { wanted: [binding] })), [], 'the dry run will say');
  });
});

function ref({ apiVersion, kind, metadata: { name, namespace } }: KubeObject): ObjectRef {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) };
}
