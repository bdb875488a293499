import { applyPatch, type Operation } from 'rfc6902';
import { type Json, type KubeObject, limits } from '../base/index.ts';
import { matchesSelector } from './selector.ts';
import type { Override } from './types.ts';

type PatchOperation = Override['patch'][number];

/** Whether an operation is meant for an object. */
export function targets(operation: PatchOperation, object: KubeObject): boolean {
  const { apiVersion, kind, name } = operation.target;
  return (
    object.kind === kind &&
    (apiVersion === undefined || object.apiVersion === apiVersion) &&
    (name === undefined || object.metadata.name === name)
  );
}

/** An object after the operations that are meant for it, or the first one that cannot be done. The input stays as it is. */
export function patched(
  object: KubeObject,
  operations: readonly PatchOperation[],
):
  | { readonly kind: 'patched'; readonly object: KubeObject }
  | { readonly kind: 'failed'; readonly index: number; readonly message: string } {
  let copy: KubeObject | undefined;
  for (const [index, operation] of operations.entries()) {
    if (!targets(operation, object)) continue;
    copy ??= structuredClone(object);
    const { target: _, ...rest } = operation;
    // the value is cloned: an object of the plan never shares parts with the stack definition
    const [error] = applyPatch(copy, [structuredClone(rest) as Operation]);
    if (error) return { kind: 'failed', index, message: failureText(operation, error) };
    // each copy may double the object: a few dozen lines of text would fill the memory
    if (operation.op === 'copy' && JSON.stringify(copy).length > limits.stackObjectBytesMax) {
      const message = `copying ${operation.from} makes the object larger than ${limits.stackObjectBytesMax} bytes`;
      return { kind: 'failed', index, message };
    }
  }
  return { kind: 'patched', object: copy ?? object };
}

/**
 * The objects of a function on a cluster with these labels: every override that matches, in order.
 * @throws Error naming the object when an operation cannot be done there (`resolve` finds this out beforehand).
 */
export function applyOverrides(
  objects: readonly KubeObject[],
  overrides: readonly Override[],
  clusterLabels: { readonly [key: string]: string },
): readonly KubeObject[] {
  const operations = overrides
    .filter((override) => matchesSelector(override.on, clusterLabels))
    .flatMap((override) => override.patch);
  if (operations.length === 0) return objects;
  return objects.map((object) => {
    const result = patched(object, operations);
    if (result.kind === 'failed') throw new Error(`${object.kind} ${object.metadata.name}: ${result.message}`);
    return result.object;
  });
}

function failureText(operation: PatchOperation, error: Error): string {
  if (error.name === 'TestError') return `the test of ${operation.path} fails`;
  const where =
    operation.op === 'move' || operation.op === 'copy' ? `${operation.from} or ${operation.path}` : operation.path;
  return `cannot ${operation.op} ${where}: there is no such place`;
}

/** What an operation needs beside its path, or undefined when it has it. */
export function operationProblem(operation: {
  readonly op?: Json;
  readonly value?: Json;
  readonly from?: Json;
}): string | undefined {
  const needsValue = operation.op === 'add' || operation.op === 'replace' || operation.op === 'test';
  if (needsValue && operation.value === undefined) return `${operation.op} needs a value`;
  const needsFrom = operation.op === 'move' || operation.op === 'copy';
  if (needsFrom && operation.from === undefined) return `${operation.op} needs from`;
  return undefined;
}
