/**
 * `rollback.verified` cannot lie: each line of an undo is left out or done wrong, on purpose, and what is there then is compared
 * by hand (undo-image.ts). Where it differs from before the proof must say so, and where it does not it must not.
 * What no proof by what stands there can tell: a wrong value in another's name looks as if that one had written it meanwhile.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Digest, Json, KubeObject } from '../src/base/index.ts';
import type { ApiAnswer, ApiRequest, Client } from '../src/kubernetes/index.ts';
import { LABELS, LOCATION, MANAGER, output, type Rig, startRig } from './hub-agent-rig.ts';
import { imageDifferences, imageOf } from './undo-image.ts';

const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const DRIFT = { mode: 'ignore', ignore: [] };

type Tree = { [key: string]: Json };
/** What becomes of a write of the undo; null: it is not sent, and answered as if it had been. */
type Fault = (request: ApiRequest) => ApiRequest | null;

/** Writes of the undo by what they are for. */
const is = {
  ownApply: ({ contentType, query }: ApiRequest) => contentType === APPLY && query?.fieldManager === MANAGER,
  gitops: ({ contentType, query }: ApiRequest) => contentType === APPLY && query?.fieldManager === 'gitops',
  jsonPatch: ({ contentType }: ApiRequest) => contentType === 'application/json-patch+json',
  scale: ({ path }: ApiRequest) => path.endsWith('/scale'),
  delete: ({ method }: ApiRequest) => method === 'DELETE',
};

function left(which: (request: ApiRequest) => boolean): Fault {
  return (request) => (which(request) ? null : request);
}
function otherwise(which: (request: ApiRequest) => boolean, change: (request: ApiRequest) => ApiRequest): Fault {
  return (request) => (which(request) ? change(request) : request);
}
function body(change: (body: Tree) => void): (request: ApiRequest) => ApiRequest {
  return (request) => {
    const copy = structuredClone(request.body) as unknown as Tree;
    change(copy);
    return { ...request, body: copy };
  };
}
function named(which: (request: ApiRequest) => boolean, name: string) {
  return (request: ApiRequest) => which(request) && request.path.includes(`/${name}`);
}
const as = (fieldManager: string) => (request: ApiRequest) => ({
  ...request,
  query: { ...request.query, fieldManager },
});
const at = (tree: Tree, ...path: (string | number)[]) =>
  path.reduce<Tree>((value, step) => (value[step] ?? {}) as Tree, tree);

const FAULTS: { readonly [name: string]: Fault } = {
  'nothing is left out': (request) => request,
  'nothing is undone': () => null,
  'what the stack had applied is not applied again': left(is.ownApply),
  'a Deployment is not applied again': left(named(is.ownApply, 'deployments')),
  'a ConfigMap is not applied again, nor patched': left(named(() => true, 'configmaps/settings')),
  'a Secret is not brought back': left(named(() => true, 'secrets')),
  'one field is not sent': otherwise(named(is.ownApply, 'deployments'), body((tree) => delete at(tree, 'spec', 'template', 'spec', 'containers', 0).image)), // biome-ignore format: a row
  'one label is not sent': otherwise(
    is.ownApply,
    body((tree) => delete at(tree, 'metadata', 'labels').tier),
  ),
  'it is applied under another name': otherwise(is.ownApply, as('ldc.default.other')),
  'another stack’s Apply manager gets nothing back': left(is.gitops),
  'an Apply manager gets a part back': otherwise(
    is.gitops,
    body((tree) => delete at(tree, 'metadata', 'labels').team),
  ),
  'an Apply manager gets too much back': otherwise(is.gitops, body((tree) => { at(tree, 'spec').minReadySeconds = 0; at(tree, 'metadata', 'labels').tier = 'x'; })), // biome-ignore format: a row
  'an Apply manager’s fields come back under another name': otherwise(is.gitops, as('gitops-2')),
  'an Update manager gets nothing back': left(is.jsonPatch),
  'an Update manager’s values come back under the stack’s name': otherwise(is.jsonPatch, as(MANAGER)),
  'an Update manager’s values come back under another name': otherwise(is.jsonPatch, as('hand-2')),
  'a wrong value is patched': otherwise(is.jsonPatch, (request) => ({ ...as(MANAGER)(request), body: (request.body as unknown as Tree[]).map((one) => ('value' in one && one.op !== 'test' && typeof one.value === 'string' ? { ...one, value: 'wrong' } : one)) as never })), // biome-ignore format: a row
  'a patch leaves out its last operation': otherwise(is.jsonPatch, (request) => ({ ...request, body: (request.body as unknown as Tree[]).slice(0, -1) as never })), // biome-ignore format: a row
  'who had scaled gets nothing back': left(is.scale),
  'who had scaled gets it back as another': otherwise(is.scale, as('kubectl-2')),
  'what was made is not deleted': left(is.delete),
  'what was made is given up instead of deleted': otherwise(is.delete, ({ path }) => ({ method: 'PATCH', path, query: { fieldManager: MANAGER, force: true }, contentType: APPLY, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new', namespace: path.split('/')[4] as string } } })), // biome-ignore format: a row
  'what was made is disowned instead of deleted': otherwise(is.delete, ({ path }) => ({ method: 'PATCH', path, query: { fieldManager: 'hand' }, contentType: MERGE, body: { metadata: { managedFields: [{ manager: 'hand', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:tier': {} } } } }] } } })), // biome-ignore format: a row
  'nothing but Services is undone': left(({ path }) => !path.includes('/services/')),
  'a Service keeps its node port': left(named(() => true, 'services')),
};

/** Who owns what of the Deployment, changed by itself when all is undone: what a give-back that is half done comes to. */
const OWNERS: { readonly [name: string]: (entries: readonly Tree[]) => readonly Tree[] } = {
  'an Apply manager is forgotten': (entries) => entries.filter(({ manager }) => manager !== 'gitops'),
  'an Update manager is forgotten': (entries) => entries.filter(({ manager }) => manager !== 'hand'),
  'the stack itself is forgotten': (entries) => entries.filter(({ manager }) => manager !== MANAGER),
  'an Apply manager’s field is nobody’s': (entries) => entries.map((one) => without(one, 'gitops', 'f:replicas')),
  'an Apply manager’s field is the stack’s': (entries) =>
    entries.map((one) => given(without(one, 'gitops', 'f:replicas'), MANAGER, 'f:replicas')),
  'a field of another is the stack’s as well': (entries) => entries.map((one) => given(one, MANAGER, 'f:replicas')),
  'a field of another is a third one’s': (entries) => [
    ...entries.map((one) => without(one, 'gitops', 'f:replicas')),
    { manager: 'third', operation: 'Update', apiVersion: 'apps/v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }, // biome-ignore format: an entry
  ],
  'a field of the stack is nobody’s': (entries) => entries.map((one) => without(one, MANAGER, 'f:selector')),
  'who had applied has updated': (entries) =>
    entries.map((one) => (one.manager === 'gitops' ? { ...one, operation: 'Update' } : one)),
  'an owner is one of another version': (entries) =>
    entries.map((one) => (one.manager === 'hand' ? { ...one, apiVersion: 'apps/v1beta2' } : one)),
};

function without(entry: Tree, manager: string, field: string): Tree {
  const copy = structuredClone(entry);
  if (entry.manager === manager) delete at(copy, 'fieldsV1', 'f:spec')[field];
  return copy;
}
function given(entry: Tree, manager: string, field: string): Tree {
  const copy = structuredClone(entry);
  if (entry.manager === manager) at(copy, 'fieldsV1', 'f:spec')[field] = {};
  return copy;
}

let rig: Rig;
/** By path: an owner that is read there beside what is there. It is not written, for the garbage collector is quick. */
const shownOwner = new Map<string, string>();
function owning(answer: ApiAnswer, uid: string): ApiAnswer {
  if (answer.kind !== 'answered' || answer.status !== 200) return answer;
  const body = answer.body as unknown as KubeObject;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'own', uid }];
  return { ...answer, body: { ...body, metadata: { ...body.metadata, ownerReferences } } as never };
}
/** By namespace: called when a deletion of the undo is not sent as it is. */
const undeleted = new Map<string, () => void>();
/** By namespace: what is done wrong there at the moment. */
const planted = new Map<string, Fault>();

function objects(namespace: string, revision: 1 | 2): readonly KubeObject[] {
  const second = revision === 2;
  const meta = (name: string) => ({ name, namespace, labels: { ...LABELS, tier: second ? 'two' : 'one' } });
  const env = [{ name: 'A', value: second ? 'ours' : 'first' }, ...(second ? [{ name: 'B', value: 'b' }] : [])];
  const container = { name: 'c', image: second ? 'b:2' : 'a:1', env };
  const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [container] } };
  const type = second ? { type: 'NodePort' } : {};
  const all = [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('d'), spec: { replicas: second ? 3 : 2, selector: { matchLabels: { app: 'd' } }, template } }, // biome-ignore format: a row
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('scaled'), spec: { replicas: second ? 3 : 2, selector: { matchLabels: { app: 'd' } }, template } }, // biome-ignore format: a row
    { apiVersion: 'v1', kind: 'Service', metadata: meta('web'), spec: { ports: [{ port: 80 }], selector: { app: 'd' }, ...type } }, // biome-ignore format: a row
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('settings'), data: second ? { a: '2', c: '3' } : { a: '1', b: '1' } }, // biome-ignore format: a row
    { apiVersion: 'v1', kind: 'Secret', metadata: meta('login'), data: { password: Buffer.from(second ? 'two' : 'one').toString('base64') } }, // biome-ignore format: a row
    ...(second ? [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('new'), data: { a: '1' } }] : []),
  ];
  return all as unknown as readonly KubeObject[];
}

/** All that the transaction touches, as it stands there. */
function look(namespace: string): Promise<readonly unknown[]> {
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const core = `/api/v1/namespaces/${namespace}`;
  const paths = [`${apps}/deployments/d`, `${apps}/deployments/scaled`, `${core}/services/web`, `${core}/configmaps/settings`, `${core}/secrets/login`, `${core}/configmaps/new`]; // biome-ignore format: one list
  return Promise.all(paths.map(async (path) => imageOf(await rig.get(path))));
}

/** Others before us: who has scaled, who has patched, and who has applied by force. */
async function others(namespace: string): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  const containers = [{ name: 'c', image: 'hand:9' }];
  await rig.write('PATCH', `${path}/d?fieldManager=hand`, { spec: { template: { spec: { containers } } } }, STRATEGIC);
  const gitops = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd', namespace, labels: { team: 'g' } } },
    spec: { replicas: 4, template: { spec: { containers: [{ name: 'c', env: [{ name: 'A', value: 'g' }] }] } } },
  };
  await rig.write('PATCH', `${path}/d?fieldManager=gitops&force=true`, gitops, APPLY);
  await rig.write('PATCH', `${path}/scaled/scale?fieldManager=kubectl`, { spec: { replicas: 7 } }, MERGE);
}

async function play(namespace: string, fault: Fault, owners?: (entries: readonly Tree[]) => readonly Tree[]) {
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const location = { ...LOCATION, name: namespace };
  const bundleOf = (revision: 1 | 2, conflicts: string) =>
    rig.bundle(revision, objects(namespace, revision), { location, conflicts, drift: DRIFT });
  const apply = async (revision: number, bundle: Digest, previous: Digest | null) => {
    const taken = output(await rig.run({ kind: 'snapshot', location, bundle, previous }), 'snapshot');
    const preImages = taken.preImages as Digest;
    output(await rig.run({ kind: 'apply', location, revision, bundle, preImages }), 'receipt');
    return preImages;
  };
  const first = await bundleOf(1, 'refuse');
  await apply(1, first, null);
  await others(namespace);
  const then = await look(namespace);
  const bundle = await bundleOf(2, 'take');
  const preImages = await apply(2, bundle, first);
  assert.notDeepEqual(imageDifferences(then, await look(namespace)), []);
  planted.set(namespace, fault);
  const previous = { revision: 1, bundle: first };
  // what is answered as if it were gone would be waited for, a minute long
  undeleted.set(namespace, () => void rig.run({ kind: 'cancel', command: `${namespace}/undo` }));
  await rig.run({ kind: 'undo', location, bundle, preImages, previous }, `${namespace}/undo`);
  planted.delete(namespace);
  if (owners !== undefined) {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/d`;
    const entries = (await rig.get(path))?.metadata.managedFields as unknown as readonly Tree[];
    await rig.write(
      'PATCH',
      `${path}?fieldManager=x`,
      { metadata: { managedFields: owners(entries) as never } },
      MERGE,
    );
  }
  const verified = output(await rig.run({ kind: 'verify', locations: [{ location, preImages, bundle }] }), 'verify');
  return { really: imageDifferences(then, await look(namespace)), verified };
}

interface Started {
  readonly client: Client;
  close(): Promise<void>;
}

/** @param start undefined: an API server of our own, without controllers. */
export function undoPlantedCases(
  title: string,
  start: (() => Promise<Started>) | undefined,
  skip: string | false,
): void {
  describe(`planted faults of an undo, on ${title}`, { skip }, () => {
    let cluster: Started | undefined;
    before(async () => {
      cluster = await start?.();
      rig = await startRig({
        ...(cluster === undefined ? {} : { cluster: cluster.client }),
        client: (inner) => ({
          ...inner,
          async request(request) {
            const uid = shownOwner.get(request.path);
            if (uid !== undefined) return owning(await inner.request(request), uid);
            const fault = planted.get(request.path.split('/namespaces/')[1]?.split('/')[0] ?? '');
            if (fault === undefined || request.method === 'GET') return inner.request(request);
            const sent = fault(request);
            if (request.method === 'DELETE' && sent !== request) undeleted.get(request.path.split('/')[4] ?? '')?.();
            return inner.request(sent ?? { method: 'GET', path: request.path });
          },
        }),
      });
    });

    after(async () => {
      await rig?.close();
      await cluster?.close();
    });

    it('an undo that leaves out or does wrong any line of its own is judged different', async () => {
      const played = await Promise.all([
        ...Object.entries(FAULTS).map(async ([name, fault], index) => ({ name, ...(await play(`f${index}`, fault)) })),
        ...Object.entries(OWNERS).map(async ([name, owners], index) => ({ name, ...(await play(`o${index}`, (request) => request, owners)) })), // biome-ignore format: a row
      ]);
      const wrong = played.filter(({ really, verified }) => verified.equal !== (really.length === 0));
      const tell = ({ name, really, verified }: (typeof played)[number]) =>
        `${name}: said equal=${verified.equal}\n  really: ${really.join('\n          ')}\n  said:   ${verified.differences.map((one) => JSON.stringify([one.ref.name, one.field, one.before, one.after, one.explained])).join('\n          ')}`;
      const healed = played.filter(({ really }) => really.length === 0).map(({ name }) => name);
      assert.equal(wrong.length, 0, wrong.map(tell).join('\n'));
      // some are mended by the lines that follow: an undo looks at what is left after each of its own
      assert.ok(played.length - healed.length >= 25, `no fault at all: ${healed.join('; ')}`);
      assert.ok(healed.includes('nothing is left out'));
    });

    it('an object that names an owner by the uid that it had before it was made anew is no rollback, however equal it looks', async () => {
      const namespace = 'linked';
      await rig.write('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
      const location = { ...LOCATION, name: namespace };
      const maps = `/api/v1/namespaces/${namespace}/configmaps`;
      const bundleOf = (revision: number) => {
        const metadata = (name: string) => ({ name, namespace, labels: LABELS });
        const all = ['own', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(name), data: { x: String(revision) } })); // biome-ignore format: a row
        return rig.bundle(revision, all as never, { location, drift: DRIFT });
      };
      const names = (uid: string) => shownOwner.set(`${maps}/b`, uid);
      const uidOf = async () => String((await rig.get(`${maps}/own`))?.metadata.uid);
      const first = await bundleOf(1);
      const apply = async (revision: number, bundle: Digest, previous: Digest | null) => {
        const taken = output(await rig.run({ kind: 'snapshot', location, bundle, previous }), 'snapshot');
        const preImages = taken.preImages as Digest;
        output(await rig.run({ kind: 'apply', location, revision, bundle, preImages }), 'receipt');
        return { location, bundle, preImages };
      };
      await apply(1, first, null);
      const before_ = await uidOf();
      names(before_);
      const applied = await apply(2, await bundleOf(2), first);
      await rig.write('DELETE', `${maps}/own`);
      output(await rig.run({ kind: 'undo', ...applied, previous: { revision: 1, bundle: first } }), 'receipt');
      const after_ = await uidOf();
      assert.notEqual(after_, before_);
      const look = async () => output(await rig.run({ kind: 'verify', locations: [applied] }), 'verify');
      names(before_);
      const dead = await look();
      const links = dead.differences.filter(({ ref }) => ref.name === 'b');
      assert.deepEqual([dead.equal, links.map(({ field, explained }) => [field, explained])], [false, [['.metadata.ownerReferences[name=own].uid', undefined]]]); // biome-ignore format: a row
      assert.match(String(links[0]?.after), /which is gone: its owner was made anew as/);
      names(after_);
      const alive = await look();
      assert.ok(alive.equal, JSON.stringify(alive.differences));
      assert.match(JSON.stringify(alive.differences), /its owner was made anew/);
    });
  });
}
