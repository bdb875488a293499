/** The columns of built-in kinds. */
import type { Json, KubeObject } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import { age } from './age.ts';
import { qualified } from './status.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, 1 only by `-o wide`. */
  readonly priority: number;
  readonly cell: (object: KubeObject, nowMs: number) => Json;
}

const NAME_DESCRIPTION =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';
const CREATED_DESCRIPTION =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: NAME_DESCRIPTION,
  priority: 0,
  cell: (object) => object.metadata.name,
};

export const AGE: Column = {
  name: 'Age',
  type: 'string',
  format: '',
  description: CREATED_DESCRIPTION,
  priority: 0,
  cell: (object, nowMs) => age(object.metadata.creationTimestamp, nowMs),
};

const CREATED_AT: Column = {
  name: 'Created At',
  type: 'date',
  format: '',
  description: CREATED_DESCRIPTION,
  priority: 0,
  cell: (object) => object.metadata.creationTimestamp ?? null,
};

export function columnsOf(resource: ResourceInfo): readonly Column[] {
  return COLUMNS.get(qualified(resource)) ?? [NAME, CREATED_AT];
}

const COLUMNS = new Map<string, readonly Column[]>();
