import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isObject, type Json, type KubeObject } from '../../base/index.ts';
import { builtinResources, throughWire } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import { trackUpdate } from './index.ts';

function resource(kind: string): ResourceInfo {
  const found = builtinResources().find((item) => item.kind === kind);
  assert.ok(found?.schema, kind);
  return found;
}

/** Who owns `field` of the spec after `second` wrote `sent` over what `first` had created. */
function ownersAfter(kind: string, field: string, created: Json, sent: Json): readonly string[] {
  const info = resource(kind);
  const head = { apiVersion: `${info.group}/${info.version}`, kind, metadata: { name: 'n', namespace: 'ns' } };
  const wire = (spec: Json) => {
    assert.ok(info.schema);
    return throughWire({ ...head, spec }, info.schema) as unknown as KubeObject;
  };
  const first = { resource: info, manager: 'first', time: '2026-01-02T03:04:05Z', next: wire(created) };
  const live = trackUpdate(first);
  const { managedFields } = live.metadata;
  const next = { ...wire(sent), metadata: { ...live.metadata, managedFields } } as KubeObject;
  const raw = { ...next, spec: sent } as unknown as KubeObject;
  const after = trackUpdate({ ...first, manager: 'second', time: '2026-01-02T03:05:05Z', live, next, sent: raw });
  const managers = (after.metadata.managedFields ?? []) as readonly { readonly [key: string]: Json | undefined }[];
  return managers
    .filter(({ fieldsV1 }) => {
      const spec = isObject(fieldsV1) ? fieldsV1['f:spec'] : undefined;
      return isObject(spec) && `f:${field}` in spec;
    })
    .map(({ manager }) => String(manager));
}

test('an explicit empty list inside a list that is owned as a whole changes it, though nothing of it is stored', () => {
  const live = { podSelector: {}, egress: [{}] };
  assert.deepEqual(ownersAfter('NetworkPolicy', 'egress', live, live), ['first']);
  const explicit = { podSelector: {}, egress: [{ ports: [] }] };
  assert.deepEqual(ownersAfter('NetworkPolicy', 'egress', live, explicit), ['second']);
});

test('an explicit empty list beside it does not', () => {
  const live = { podSelector: {}, egress: [{}] };
  const beside = { podSelector: { matchExpressions: [] }, egress: [{}], ingress: [] };
  assert.deepEqual(ownersAfter('NetworkPolicy', 'egress', live, beside), ['first']);
  assert.deepEqual(ownersAfter('NetworkPolicy', 'ingress', live, beside), []);
});
