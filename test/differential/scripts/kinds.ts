/** For every kind the same life (`<plural>`), and what is refused of it (`<plural>-bad`). The kinds are data: kinds.yaml. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { JsonObject } from '../../../src/base/index.ts';
import { mergePatch } from '../../../src/sim/patch/index.ts';
import { applied, get, jsonPatch, merge, post, put, remove, strategic, table } from '../build.ts';
import type { Script, Step } from '../types.ts';

export interface Kind {
  readonly api: string;
  readonly plural: string;
  readonly script?: string;
  readonly cluster?: boolean;
  readonly scale?: boolean;
  readonly noDelete?: boolean;
  readonly object: JsonObject & { readonly metadata: { readonly name: string } };
  readonly apply: JsonObject;
  readonly status?: JsonObject;
  readonly changes?: readonly (readonly JsonObject[])[];
  readonly bad?: { readonly [name: string]: JsonObject };
}

export const KINDS: readonly Kind[] = parse(readFileSync(new URL('./kinds.yaml', import.meta.url), 'utf8'), {
  merge: true,
}) as Kind[];

export function homeOf(kind: Kind): string {
  return kind.cluster === true ? `/${kind.api}/${kind.plural}` : `/${kind.api}/namespaces/{{ns}}/${kind.plural}`;
}

function life(kind: Kind): Script {
  const home = homeOf(kind);
  const { name } = kind.object.metadata;
  const one = `${home}/${name}`;
  const { apiVersion, kind: type } = kind.object;
  const config = { apiVersion, kind: type, metadata: { name }, ...kind.apply } as JsonObject;
  const steps: Step[] = [
    post('dry create', `${home}?dryRun=All`, kind.object),
    post('create', home, kind.object, { keep: 'created' }),
    post('create again', home, kind.object),
    get('get', one, { keep: 'got' }),
    table('table', `${home}?fieldSelector=metadata.name=${name}`),
    table('table of one', one),
    put('put the same', one, 'got', []),
    get('get what was put', one, { keep: 'got' }),
    put('put a label', `${one}?fieldManager=putter`, 'got', [
      { op: 'add', path: '/metadata/labels', value: { a: 'b', put: 'it' } },
    ]),
    put('put what is stale', one, 'got', [{ op: 'add', path: '/metadata/labels', value: { stale: 'x' } }]),
    put('put another uid', one, 'got', [{ op: 'add', path: '/metadata/uid', value: 'other' }]),
    put('put another name', one, 'got', [{ op: 'replace', path: '/metadata/name', value: 'other' }]),
    merge('merge patch', `${one}?fieldManager=merger`, {
      metadata: { annotations: { m: '1' }, labels: { put: null } },
    }),
    strategic('strategic patch', `${one}?fieldManager=strategist`, { metadata: { annotations: { s: '1' } } }),
    jsonPatch('json patch', one, [{ op: 'add', path: '/metadata/annotations/j', value: '1' }]),
    jsonPatch('json patch that fails its test', one, [{ op: 'test', path: '/metadata/name', value: 'z' }]),
    merge('unknown field', `${one}?fieldValidation=Strict`, { nothing: 1, metadata: { nothing: 2 } }),
    merge('unknown field with a warning', `${one}?fieldValidation=Warn`, { nothing: 1 }),
    applied('apply', `${one}?fieldManager=applier`, config),
    applied('apply by force', `${one}?fieldManager=applier&force=true`, config),
    applied('apply again', `${one}?fieldManager=applier`, config),
    applied('apply less', `${one}?fieldManager=applier`, { apiVersion, kind: type, metadata: { name } } as JsonObject),
    applied('apply anew', `${home}/{{run}}-new?fieldManager=applier`, {
      ...config,
      metadata: { ...(config.metadata as JsonObject), name: '{{run}}-new' },
    } as JsonObject),
    ...changes(kind, one),
    ...subresources(kind, one),
    get('get at last', one),
    ...(kind.noDelete === true ? [] : deletion(one, home)),
  ];
  return { name: kind.script ?? kind.plural, steps };
}

function changes(kind: Kind, one: string): Step[] {
  return (kind.changes ?? []).flatMap((change, index) => [
    get(`get before change ${index}`, one, { keep: 'now' }),
    put(`change ${index}`, one, 'now', change),
  ]);
}

function subresources(kind: Kind, one: string): Step[] {
  const status = kind.status ?? { status: { phase: 'None' } };
  return [
    merge('status', `${one}/status?fieldManager=reporter`, status),
    merge('status through the object', one, { status: { observedGeneration: 77 } }),
    get('get status', `${one}/status`),
    ...(kind.scale === true
      ? [
          get('get scale', `${one}/scale`, { keep: 'scale' }),
          merge('scale', `${one}/scale?fieldManager=scaler`, { spec: { replicas: 7 } }),
          put('put a stale scale', `${one}/scale`, 'scale', [{ op: 'replace', path: '/spec/replicas', value: 8 }]),
          merge('scale below zero', `${one}/scale`, { spec: { replicas: -1 } }),
        ]
      : [get('get scale', `${one}/scale`)]),
  ];
}

function deletion(one: string, home: string): Step[] {
  const options = { apiVersion: 'v1', kind: 'DeleteOptions' };
  return [
    remove('delete in a dry run', `${one}?dryRun=All`),
    remove('delete another uid', one, { ...options, preconditions: { uid: 'other' } }),
    remove('delete another revision', one, { ...options, preconditions: { resourceVersion: '1' } }),
    remove('delete with an unknown policy', one, { ...options, propagationPolicy: 'Other' }),
    remove('delete', one, { ...options, propagationPolicy: 'Background' }),
    get('get what is gone', one),
    remove('delete what is gone', one),
    remove('delete the new one', `${home}/{{run}}-new`),
  ];
}

function refused(kind: Kind): Script {
  const steps = Object.entries(kind.bad ?? {}).map(([name, change]) => {
    const changed = mergePatch(kind.object, change);
    if (changed.kind !== 'patched') throw new Error(changed.message);
    return post(name, `${homeOf(kind)}?dryRun=All`, changed.value);
  });
  return { name: `${kind.script ?? kind.plural}-bad`, steps };
}

export const kindScripts: readonly Script[] = KINDS.flatMap((kind) => [life(kind), refused(kind)]);
