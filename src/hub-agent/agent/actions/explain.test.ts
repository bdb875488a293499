import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject, KubeObject } from '../../../base/index.ts';
import { normalize } from '../../../kubernetes/index.ts';
import type { Bundle } from '../bundle.ts';
import { compareObjects } from '../compare.ts';
import { explanation, isOthers, type Surround, takenApart } from './explain.ts';
import { ownerChanges } from './explain-owners.ts';

const OURS = 'ldc.default.shop';
const KEY = new Uint8Array(32);
type Fields = { readonly [name: string]: Json };

/** One flat object: who says which of its fields, and the bundle that was applied over it. */
interface Model {
  readonly values: { readonly [name: string]: string };
  /** By manager; a field may have several, or none. */
  readonly owners: { readonly [manager: string]: readonly string[] };
}

function objectOf({ values, owners }: Model, uid = 'u'): KubeObject {
  const managedFields = Object.entries(owners).flatMap(([manager, names]) => {
    const fieldsV1 = { 'f:data': Object.fromEntries(names.map((name) => [`f:${name}`, {}])) };
    const operation = manager === OURS || manager === 'gitops' ? 'Apply' : 'Update';
    return names.length === 0 ? [] : [{ manager, operation, apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1 }];
  });
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 's', uid, managedFields }, data: values } as never; // biome-ignore format: one object
}

function bundleOf(data: Fields, conflicts: 'refuse' | 'take' = 'take'): Bundle {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 's' }, data } as unknown;
  return { conflicts, objects: [object] } as Bundle;
}

/** What the proof would say: whether all is as before, or another's doing. */
function isEqual(past: KubeObject, live: KubeObject, bundle: Bundle): boolean {
  const around: Surround = { past, live, bundle, manager: OURS };
  const changes = takenApart(compareObjects(normalize(past, KEY), normalize(live, KEY)), around);
  if (changes.some((change) => explanation(change, around) === undefined)) return false;
  return ownerChanges(around, changes).every(({ explained }) => explained !== undefined);
}

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const MANAGERS = [OURS, 'gitops', 'hand'];
const model: fc.Arbitrary<Model> = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.subarray(MANAGERS, { minLength: 1 })), { minLength: 2, maxLength: 5 })
  .map((rows) => new Map(rows))
  .map((rows) => ({
    values: Object.fromEntries([...rows.keys()].map((name) => [name, `${name}-before`])),
    owners: Object.fromEntries(
      MANAGERS.map((manager) => [manager, [...rows].flatMap(([name, its]) => (its.includes(manager) ? [name] : []))]),
    ),
  }));
const name = fc.constantFrom(...NAMES);

/** `manager` updates a field: it has it alone from then on. */
function updated({ values, owners }: Model, field: string, value: string, manager: string): Model {
  const left = Object.entries(owners).map(([one, names]) => [one, names.filter((each) => each !== field)] as const);
  const others = Object.fromEntries(left);
  return {
    values: { ...values, [field]: value },
    owners: { ...others, [manager]: [...(others[manager] ?? []), field] },
  };
}

function disowned({ values, owners }: Model, field: string, manager: string): Model {
  return { values, owners: { ...owners, [manager]: (owners[manager] ?? []).filter((each) => each !== field) } };
}

function owned({ values, owners }: Model, field: string, manager: string): Model {
  return { values, owners: { ...owners, [manager]: [...new Set([...(owners[manager] ?? []), field])] } };
}

const edits = fc.array(fc.tuple(name, fc.constantFrom('late', 'hpa')), { maxLength: 4 });
function edited(start: Model, list: readonly (readonly [string, string])[]): Model {
  return list.reduce((now, [field, manager]) => updated(now, field, `${field}-by-${manager}`, manager), start);
}

describe('the proof of a rollback, on any object with any owners', () => {
  it('whatever others write meanwhile under names of their own is theirs', () => {
    fc.assert(
      fc.property(model, edits, (past, list) => {
        const live = edited(past, list);
        assert.ok(isEqual(objectOf(past), objectOf(live), bundleOf({ a: 'x', b: 'x' })));
      }),
    );
  });

  it('a field that holds what the stack put there, and is the stack’s, is found among any edits', () => {
    fc.assert(
      fc.property(model, edits, name, fc.boolean(), (past, list, field, shared) => {
        const left = updated(edited(past, list), field, 'ours', OURS);
        const live = shared ? owned(left, field, 'late') : left; // somebody says the same since
        assert.ok(!isEqual(objectOf(past), objectOf(live), bundleOf({ [field]: 'ours' })));
      }),
    );
  });

  it('a value that nobody says is found', () => {
    fc.assert(
      fc.property(model, edits, name, (past, list, field) => {
        const { values, owners } = edited(past, list.filter(([one]) => one !== field)); // biome-ignore format: a row
        const none = MANAGERS.concat('late', 'hpa').reduce((now, one) => disowned(now, field, one), { values, owners });
        const live = { ...none, values: { ...none.values, [field]: 'left over' } };
        assert.ok(!isEqual(objectOf(past), objectOf(live), bundleOf({ [field]: 'ours' })));
      }),
    );
  });

  it('an owner that was not given back is found: lost to the stack, or to nobody', () => {
    fc.assert(
      fc.property(
        model,
        edits,
        fc.constantFrom(...MANAGERS),
        fc.boolean(),
        fc.nat(),
        (past, list, manager, taken, at) => {
          const theirs = past.owners[manager] ?? [];
          const field = theirs[at % Math.max(1, theirs.length)];
          fc.pre(field !== undefined);
          const others = edited(past, list.filter(([one]) => one !== field)); // biome-ignore format: a row
          const lost = disowned(others, field, manager);
          const live = taken && manager !== OURS ? owned(lost, field, OURS) : lost;
          assert.ok(!isEqual(objectOf(past), objectOf(live), bundleOf({ [field]: 'ours' })));
        },
      ),
    );
  });

  it('a field that the stack owns more than before is found', () => {
    fc.assert(
      fc.property(model, edits, name, (past, list, field) => {
        fc.pre(past.values[field] !== undefined && !past.owners[OURS]?.includes(field));
        const others = edited(past, list.filter(([one]) => one !== field)); // biome-ignore format: a row
        assert.ok(!isEqual(objectOf(past), objectOf(owned(others, field, OURS)), bundleOf({ [field]: 'ours' })));
      }),
    );
  });

  it('a field that the stack had, or touched, and that is gone is found; another’s own that it never touched is theirs', () => {
    fc.assert(
      fc.property(model, name, fc.boolean(), (past, field, touched) => {
        fc.pre(past.values[field] !== undefined);
        const { [field]: _gone, ...values } = past.values;
        const none = MANAGERS.reduce((now, one) => disowned(now, field, one), past);
        const bundle = bundleOf(touched ? { [field]: 'ours' } : {}, 'refuse');
        const isTheirs = !touched && !past.owners[OURS]?.includes(field);
        assert.equal(isEqual(objectOf(past), objectOf({ ...none, values }), bundle), isTheirs);
      }),
    );
  });
});

/** Deployments with one container, whose list items are owned one by one. */
function workload(
  env: readonly JsonObject[],
  entries: readonly { manager: string; env?: JsonObject; more?: JsonObject }[],
) {
  const managedFields = entries.map(({ manager, env: its, more = {} }) => ({
    ...{ manager, operation: 'Apply', apiVersion: 'apps/v1', fieldsType: 'FieldsV1' },
    fieldsV1: { 'f:spec': { ...(its === undefined ? {} : { 'f:env': its }), ...more } },
  }));
  const metadata = { name: 'w', namespace: 's', uid: 'u', managedFields };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { env } } as unknown as KubeObject;
}
const item = (key: string) => ({ [`k:{"name":"${key}"}`]: { '.': {}, 'f:name': {}, 'f:value': {} } });
const entry = (key: string, value = 'v') => ({ name: key, value });
function listed(env: readonly JsonObject[], conflicts: 'refuse' | 'take' = 'refuse'): Bundle {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'w', namespace: 's' }, spec: { env } };
  return { conflicts, objects: [object] } as unknown as Bundle;
}

describe('whose a place is', () => {
  it('of a list: an item that the bundle does not list is not touched by it, one that it lists is', () => {
    const past = workload(
      [entry('A'), entry('T')],
      [
        { manager: OURS, env: item('A') },
        { manager: 'gitops', env: item('T') },
      ],
    );
    const live = workload([entry('A')], [{ manager: OURS, env: item('A') }]);
    assert.ok(isEqual(past, live, listed([entry('A', 'new')])));
    assert.ok(!isEqual(past, live, listed([entry('A', 'new'), entry('T', 'ours')])));
  });

  it('of a list that is owned as a whole: who lists anything has replaced it', () => {
    const past = workload([entry('A'), entry('T')], [{ manager: 'gitops', env: {} }]);
    const live = workload([entry('A')], [{ manager: 'gitops', env: {} }]);
    assert.ok(!isEqual(past, live, listed([entry('A', 'new')])));
  });

  it('of what somebody made: defaults in it are part of it, what this stack put beside it is not', () => {
    const past = workload([entry('A')], [{ manager: OURS, env: item('A') }]);
    const added = { ...entry('S'), policy: 'Default' };
    const theirs = { manager: 'sidecar', env: item('S') };
    const live = workload([entry('A'), added], [{ manager: OURS, env: item('A') }, theirs]);
    assert.ok(isEqual(past, live, listed([])));
    const both = workload([entry('A'), added], [{ manager: OURS, env: { ...item('A'), 'k:{"name":"S"}': { 'f:policy': {} } } }, theirs]); // biome-ignore format: a row
    assert.ok(!isEqual(past, both, listed([])));
  });

  it('above another’s place: to own something below it is not to own what is beside', () => {
    const past = workload([], []);
    const map = { ...workload([], [{ manager: 'hand', more: { 'f:notes': { '.': {}, 'f:theirs': {} } } }]) };
    const live = { ...map, spec: { env: [], notes: { theirs: '1', left: 'ours' } } } as unknown as KubeObject;
    const object = { ...past, spec: { notes: { left: 'ours' } } } as unknown as KubeObject;
    const around = { past, live, bundle: { ...listed([]), objects: [object] }, manager: OURS };
    const changes = takenApart(compareObjects(normalize(past, KEY), normalize(live, KEY)), around);
    const judged = Object.fromEntries(
      changes.map((change) => [change.path, explanation(change, around) !== undefined]),
    );
    assert.deepEqual(judged, { '.spec.notes.theirs': true, '.spec.notes.left': false });
    assert.ok(isEqual(past, live, listed([])), 'of what the bundle says nothing it is a default');
    const unowned = { ...live, metadata: { ...live.metadata, managedFields: [] } };
    assert.ok(!isEqual(past, unowned, listed([])));
  });

  it('of an object that came into being: another’s, unless something that the bundle says is left in it without an owner', () => {
    const bundle = bundleOf({ a: 'x' });
    const theirs = objectOf({ values: { a: 'x' }, owners: { hand: ['a'] } });
    assert.ok(isOthers(theirs, bundle, OURS));
    assert.ok(!isOthers(objectOf({ values: { a: 'x', b: 'y' }, owners: { hand: ['b'] } }), bundle, OURS));
    assert.ok(!isOthers(objectOf({ values: { a: 'x' }, owners: { hand: ['a'], [OURS]: ['a'] } }), bundle, OURS));
    assert.ok(!isOthers(objectOf({ values: {}, owners: {} }), bundle, OURS));
  });
});
