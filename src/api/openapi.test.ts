import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject, type Json, type JsonObject } from '../base/index.ts';
import { type AnyRoute, roles, routes } from './contract/index.ts';
import { openApiDocument } from './openapi.ts';

const all = Object.values(routes).flatMap((noun) => Object.values(noun)) as unknown as AnyRoute[];
const document = openApiDocument(all, '1.2.3');
const operations = Object.entries(document.paths as JsonObject).flatMap(([path, item]) =>
  Object.entries(item as JsonObject).map(([method, operation]) => ({
    path,
    method,
    operation: operation as JsonObject,
  })),
);

describe('the route table', () => {
  it('names each operation and each method of a path once', () => {
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    assert.equal(new Set(all.map(({ method, path }) => `${method} ${path}`)).size, all.length);
    assert.ok(all.length >= 40, `${all.length} routes`);
  });

  it('says of each route who may call it, and lets viewers change nothing', () => {
    for (const route of all) {
      assert.ok(route.role !== null && roles.includes(route.role), route.id);
      assert.ok(!(route.changes && (route.role === 'viewer' || route.role === 'auditor')), route.id);
      assert.ok(!(route.method === 'GET' && route.changes), route.id);
      assert.ok(!route.secretAnswer || route.changes, route.id);
    }
  });

  it('has a schema for each parameter of a path', () => {
    for (const route of all) {
      const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
      const operation = (document.paths as JsonObject)[route.path] as JsonObject;
      const parameters = (operation[route.method.toLowerCase()] as JsonObject).parameters as JsonObject[];
      const declared = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      assert.deepEqual(declared.sort(), inPath, route.id);
    }
  });
});

describe('OpenAPI document', () => {
  it('is 3.1 with an operation for each route', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.equal((document.info as JsonObject).version, '1.2.3');
    assert.equal(operations.length, all.length);
    for (const { operation } of operations) {
      assert.equal(typeof operation.operationId, 'string');
      assert.equal(typeof operation.summary, 'string');
      const responses = operation.responses as JsonObject;
      assert.ok('default' in responses && Object.keys(responses).some((status) => /^2\d\d$/.test(status)));
    }
  });

  it('has every reference within itself, and no schema that belongs to no one', () => {
    const references = new Set(referencesIn(document));
    for (const reference of references) assert.ok(lookUp(reference) !== undefined, reference);
    const schemas = Object.keys((document.components as JsonObject).schemas as JsonObject);
    assert.deepEqual(
      schemas.filter((name) => !references.has(`#/components/schemas/${name}`)),
      [],
    );
    assert.ok(schemas.includes('Transaction') && schemas.includes('Problem'));
  });

  it('describes an apply: required stack, 32 MiB of files, defaults', () => {
    const apply = operations.find(({ operation }) => operation.operationId === 'stacks.apply')?.operation as JsonObject;
    const body = apply.requestBody as { required: boolean; content: JsonObject };
    assert.equal(body.required, true);
    const { schema } = body.content['application/json'] as { schema: JsonObject };
    assert.deepEqual(schema.required, ['stack']);
    assert.equal(((schema.properties as JsonObject).ifBusy as JsonObject).default, 'wait');
    assert.equal(apply['x-ldc-role'], 'operator');
    const approve = operations.find(({ operation }) => operation.operationId === 'transactions.approve')?.operation;
    assert.equal((approve as unknown as { requestBody: { required: boolean } }).requestBody.required, false);
  });
});

function referencesIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' ? [item] : referencesIn(item),
  );
}

function lookUp(reference: string): Json | undefined {
  let at: Json | undefined = document;
  for (const part of reference.replace(/^#\//, '').split('/')) at = isObject(at) ? at[part] : undefined;
  return at;
}
