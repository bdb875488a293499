import { z } from 'zod';
import { isObject, type Json, type JsonObject } from '../base/index.ts';
import type { AnyRoute } from './contract/index.ts';
import { problemDetails } from './contract/problem.ts';
import { functionView, stackSummary, whatIfView } from './contract/stack-views.ts';
import { transactionSummary, transactionView } from './contract/transaction-view.ts';

/** Views that many routes answer: shared under components.schemas. */
const named = z.registry<{ id: string }>();
named.add(transactionView, { id: 'Transaction' });
named.add(transactionSummary, { id: 'TransactionSummary' });
named.add(stackSummary, { id: 'Stack' });
named.add(functionView, { id: 'Function' });
named.add(whatIfView, { id: 'WhatIf' });
named.add(problemDetails, { id: 'Problem' });

/** OpenAPI 3.1 of the mounted routes, made from the schemas that check the calls. */
export function openApiDocument(routes: readonly AnyRoute[], version: string): JsonObject {
  const schemas: Record<string, Json> = {};
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const {
      $defs,
      $schema: _,
      ...rest
    } = z.toJSONSchema(schema, {
      io,
      metadata: named,
      unrepresentable: 'any',
    }) as Record<string, Json>;
    if (isObject($defs)) for (const [name, body] of Object.entries($defs)) schemas[name] = hoist(withoutId(body));
    const id = named.get(schema)?.id;
    if (id === undefined) return hoist(rest);
    if (rest.$ref === undefined) schemas[id] = hoist(withoutId(rest));
    return { $ref: `#/components/schemas/${id}` };
  };
  schemaOf(problemDetails, 'output');
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, Json>)[route.method.toLowerCase()] = operation(route, schemaOf);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'ldc',
      version,
      description: 'Deploys stacks over many clusters as one verifiable transaction.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(routes.map(tagOf))].map((name) => ({ name })),
    security: [{ bearer: [] }],
    paths,
    components: { schemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Json;

function operation(route: AnyRoute, schemaOf: SchemaOf): Json {
  const answer = schemaOf(route.answer, 'output');
  const forms = Object.fromEntries(route.forms.map((form) => [form, { schema: { type: 'string' } }]));
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  const body =
    route.body === undefined
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: { 'application/json': { schema: schemaOf(route.body, 'input') } },
          },
        };
  return {
    operationId: route.id,
    tags: [tagOf(route)],
    summary: route.summary,
    ...(route.role === null ? { security: [] } : { 'x-ldc-role': route.role }),
    parameters: [
      ...parametersOf(schemaOf(route.params, 'input'), 'path'),
      ...parametersOf(schemaOf(route.query, 'input'), 'query'),
      ...(route.changes ? [header('Idempotency-Key', 'same key, same request: done once, answered the same')] : []),
      ...(route.changes ? [header('If-Match', 'refused (412) when it is at another version')] : []),
    ],
    ...body,
    responses: {
      [String(route.status)]: { description: 'done', content: { 'application/json': { schema: answer }, ...forms } },
      default: { description: 'a problem (RFC 9457)', content: problem },
    },
  };
}

function parametersOf(schema: Json, place: 'path' | 'query'): Json[] {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(schema.properties).map(([name, property]) => {
    const described = isObject(property) && typeof property.description === 'string' ? property.description : undefined;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(described === undefined ? {} : { description: described }),
      schema: property ?? {},
    };
  });
}

function header(name: string, description: string): Json {
  return { name, in: 'header', required: false, description, schema: { type: 'string' } };
}

function tagOf(route: AnyRoute): string {
  return route.id.split('.')[0] as string;
}

/** References into a schema's own $defs become references into components. */
function hoist(value: Json): Json {
  if (Array.isArray(value)) return value.map(hoist);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]): [string, Json | undefined] => {
    if (key === '$ref' && typeof item === 'string') return [key, item.replace('#/$defs/', '#/components/schemas/')];
    return [key, item === undefined ? undefined : hoist(item)];
  });
  return Object.fromEntries(entries);
}

function withoutId(schema: Json | undefined): Json {
  if (!isObject(schema)) return schema ?? {};
  const { id: _, ...rest } = schema;
  return rest;
}
