/** metadata.managedFields read into field sets by manager, and written back. */
import { isObject, type Json, type KubeObject, type ObjectMeta } from '../../base/index.ts';
import { type FieldSet, fromFieldsV1, isEmptySet, toFieldsV1 } from './field-set.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** '' for the object itself. */
  readonly subresource: string;
  readonly fields: FieldSet;
  /** RFC 3339; absent when this manager has never changed the object. */
  readonly time?: string;
}

/** By identity: name, operation, subresource and, for updates, version (an applier is the same one under any version). */
export type Managers = ReadonlyMap<string, Manager>;

export function managerId(manager: Omit<Manager, 'fields' | 'time'>): string {
  const { name, operation, subresource, apiVersion } = manager;
  return JSON.stringify([name, operation, subresource, operation === 'Apply' ? '' : apiVersion]);
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function readEntry(entry: Json, index: number): Manager {
  const fields = isObject(entry) ? entry : {};
  const { operation } = fields;
  if (operation !== 'Apply' && operation !== 'Update') throw new Error('operation must be `Apply` or `Update`');
  const apiVersion = text(fields.apiVersion);
  if (apiVersion === '') throw new Error('apiVersion must not be empty');
  const type = text(fields.fieldsType);
  if (type === '') throw new Error(`missing fieldsType in managed fields entry ${index}`);
  if (type !== 'FieldsV1') throw new Error(`invalid fieldsType "${type}" in managed fields entry ${index}`);
  const manager: Manager = {
    name: text(fields.manager),
    operation,
    apiVersion,
    subresource: text(fields.subresource),
    fields: fromFieldsV1(fields.fieldsV1),
  };
  const time = text(fields.time);
  return time === '' ? manager : { ...manager, time };
}

/** @throws Error when an entry cannot be understood. */
export function readManagers(managedFields: Json | undefined): Map<string, Manager> {
  const managers = new Map<string, Manager>();
  if (!Array.isArray(managedFields)) return managers;
  for (const [index, entry] of managedFields.entries()) {
    const manager = readEntry(entry as Json, index);
    managers.set(managerId(manager), manager);
  }
  return managers;
}

/** As readManagers, but what cannot be understood counts as nothing. */
export function readManagersOrNone(managedFields: Json | undefined): Map<string, Manager> {
  try {
    return readManagers(managedFields);
  } catch {
    return new Map();
  }
}

/** Whether a request asks for a reset of all ownership: `[]` or one empty entry. */
export function asksForReset(managedFields: Json | undefined): boolean {
  if (!Array.isArray(managedFields)) return false;
  const [first] = managedFields as readonly Json[];
  if (first === undefined) return true;
  return managedFields.length === 1 && isObject(first) && Object.keys(first).length === 0;
}

function seconds(manager: Manager): number {
  return manager.time === undefined ? 0 : Math.floor(Date.parse(manager.time) / 1000);
}

/** Go compares strings by bytes; managers and versions are ASCII, so code units give the same order. */
function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function inOrder(a: Manager, b: Manager): number {
  return (
    byText(a.operation, b.operation) ||
    seconds(a) - seconds(b) ||
    byText(a.name, b.name) ||
    byText(a.apiVersion, b.apiVersion) ||
    byText(a.subresource, b.subresource)
  );
}

function writeEntry(manager: Manager): Json {
  const { name, operation, apiVersion, time, subresource, fields } = manager;
  return {
    manager: name,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(fields),
    ...(subresource === '' ? {} : { subresource }),
  };
}

/** The list of metadata.managedFields; undefined when nobody owns anything. */
export function writeManagers(managers: Managers): readonly Json[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()].sort(inOrder).map(writeEntry);
}

/** The object with this list in its metadata; undefined: with none. */
export function withManagedFields(object: KubeObject, managedFields: readonly Json[] | undefined): KubeObject {
  if (managedFields === undefined && object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return {
    ...object,
    metadata: (managedFields === undefined ? metadata : { ...metadata, managedFields }) as ObjectMeta,
  };
}

/** The managers with one entry put in, or taken out when it owns nothing. */
export function withManager(managers: Managers, manager: Manager): Map<string, Manager> {
  const out = new Map(managers);
  if (isEmptySet(manager.fields)) out.delete(managerId(manager));
  else out.set(managerId(manager), manager);
  return out;
}

/** Oldest first, as the limit on managers counts them. */
export function byAge(a: [string, Manager], b: [string, Manager]): number {
  return seconds(a[1]) - seconds(b[1]) || byText(a[0], b[0]);
}
