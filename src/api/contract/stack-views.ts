import { z } from 'zod';
import type { ObjectRef } from '../../base/index.ts';
import type { LocationChange } from '../../plan/types.ts';
import type {
  FunctionView,
  LocationView,
  ObjectDiff,
  RevisionView,
  StackSummary,
  WhatIfView,
} from '../../stacks/types.ts';
import { digest, json, kubeObject, textMap, time } from './basics.ts';

const objectRef: z.ZodType<ObjectRef> = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string(),
});

const locationView: z.ZodType<LocationView> = z.object({
  cluster: z.string(),
  region: z.string().nullable(),
  revision: z.int(),
  bundle: digest,
  status: z.enum(['current', 'inProgress', 'failed', 'terminating', 'notFound', 'unknown']),
  message: z.string(),
  reason: z.string().optional().describe('the cause in one line'),
  replicas: z.int().nullable(),
  reasons: z.array(json),
});

export const functionView: z.ZodType<FunctionView> = z.object({
  project: z.string(),
  stack: z.string(),
  function: z.string(),
  min: z.int(),
  max: z.union([z.int(), z.literal('all')]),
  healthy: z.int(),
  locations: z.array(locationView),
});

export const stackSummary: z.ZodType<StackSummary> = z.object({
  project: z.string(),
  name: z.string(),
  labels: textMap,
  revision: z.int(),
  state: z.enum(['available', 'degraded', 'down', 'retired', 'new']),
  functions: z.array(functionView),
  databases: z.array(z.object({ name: z.string(), driver: z.string() })),
  transaction: z.string().nullable(),
  updatedAt: time,
});

export const revisionView: z.ZodType<RevisionView> = z.object({
  revision: z.int(),
  digest,
  createdAt: time,
  actor: z.string(),
  transaction: z.string(),
  state: z.enum(['committed', 'superseded', 'rolledBack', 'pending']),
});

export const objectDiff: z.ZodType<ObjectDiff> = z.object({
  location: z.string(),
  ref: objectRef,
  change: z.enum(['create', 'update', 'delete', 'none', 'refused']),
  before: kubeObject.nullable(),
  after: kubeObject.nullable(),
  message: z.string().optional(),
});

export const locationChange: z.ZodType<LocationChange> = z.object({
  location: z.string(),
  change: z.enum(['add', 'update', 'remove', 'none']),
  objects: z.array(
    z.object({
      ref: objectRef,
      change: z.enum(['create', 'update', 'delete', 'none']),
      fields: z.array(z.string()),
    }),
  ),
});

export const whatIfView: z.ZodType<WhatIfView> = z.object({
  lose: z.string(),
  clusters: z.array(z.string()),
  functions: z.array(
    z.object({
      project: z.string(),
      stack: z.string(),
      function: z.string(),
      min: z.int(),
      left: z.int(),
      replacement: z.enum(['notNeeded', 'found', 'none']),
      to: z.array(z.string()),
      missing: z.string().nullable(),
    }),
  ),
  survives: z.boolean(),
});
