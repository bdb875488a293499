import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { KubeObject } from '../../base/index.ts';
import { groupOf } from '../../base/index.ts';
import type { FieldError, ResourceInfo } from '../types.ts';
import { applyDefaults, builtinResources, validate } from './index.ts';

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')) as T;
}

function resourceOf(object: KubeObject): ResourceInfo {
  const found = builtinResources().find(
    (resource) =>
      resource.kind === object.kind && resource.group === groupOf(object.apiVersion) && resource.storageVersion,
  );
  assert.ok(found, object.kind);
  return found;
}

const line = (error: FieldError) => `${error.reason} ${error.field}: ${error.message}`;

test('refusals of built-in objects: the same fields, reasons and words as the registries of a real server (recorded)', () => {
  const cases = read<{ object: KubeObject; old?: KubeObject }[]>('rules.cases');
  const answers = read<FieldError[][]>('rules.recorded');
  assert.equal(cases.length, answers.length);
  assert.ok(cases.length >= 75);
  for (const [index, { object, old }] of cases.entries()) {
    const resource = resourceOf(object);
    const before = old === undefined ? undefined : applyDefaults(old, resource);
    const ours = validate(applyDefaults(object, resource), resource, before).map(line).sort();
    assert.deepEqual(ours, answers[index]?.map(line).sort(), `case ${index} (${object.kind})`);
  }
});

test('what is valid stays valid, also against itself', () => {
  const cases = read<{ object: KubeObject; old?: KubeObject }[]>('rules.cases');
  const olds = cases.flatMap(({ old }) => (old === undefined ? [] : [old]));
  for (const old of olds) {
    const resource = resourceOf(old);
    const object = applyDefaults(old, resource);
    assert.deepEqual(validate(object, resource, object), [], old.kind);
  }
});

test('defaults are idempotent for every case', () => {
  for (const { object } of read<{ object: KubeObject }[]>('rules.cases')) {
    const resource = resourceOf(object);
    const once = applyDefaults(object, resource);
    assert.deepEqual(applyDefaults(once, resource), once, object.kind);
  }
});
