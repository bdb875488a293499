/** JSON patch (RFC 6902), by the kept library; refusals as an API server words them. */
import { applyPatch, type Operation } from 'rfc6902';
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import { badPatch, type PatchOutcome } from './outcome.ts';

/** As the API server: more operations than this are refused, since each may copy the document. */
const OPERATIONS_MAX = 10_000;
const VERBS = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);

/** An operation that does not hold (a failed test, a missing path) is answered with this, whatever it was. */
const REJECTED: PatchOutcome = {
  kind: 'invalid',
  status: 422,
  reason: 'Invalid',
  message: 'the server rejected our request due to an error in our request',
};

function isOperation(value: Json): boolean {
  return isObject(value) && typeof value.op === 'string' && VERBS.has(value.op) && typeof value.path === 'string';
}

/** Applies all operations or none; the document is not changed. */
export function jsonPatch(document: Json, operations: Json): PatchOutcome {
  if (!Array.isArray(operations)) {
    return badPatch('error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp');
  }
  if (operations.length > OPERATIONS_MAX) {
    const message = `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${operations.length}`;
    return { kind: 'invalid', status: 413, reason: 'RequestEntityTooLarge', message };
  }
  if (!operations.every(isOperation)) return REJECTED;
  const value = structuredClone(document) as object;
  for (const operation of structuredClone(operations) as unknown as JsonObject[]) {
    const [error] = applyPatch(value, [lenient(value as Json, operation) as unknown as Operation]);
    if (error !== null) return REJECTED;
  }
  return { kind: 'patched', value: value as unknown as Json };
}

/** To the library of a real server a member that an object does not have is null: it may be replaced, copied and tested. */
function lenient(document: Json, operation: JsonObject): JsonObject {
  const { op, path, from } = operation;
  if (op === 'replace' && isMissing(document, path)) return { ...operation, op: 'add' };
  if (op === 'copy' && isMissing(document, from)) return { op: 'add', path: path ?? '', value: null };
  const isNull = op === 'test' && (operation.value ?? null) === null && isMissing(document, path);
  return isNull ? { op: 'test', path: '', value: document } : operation;
}

/** Whether the place is a member that its object does not have. */
function isMissing(document: Json, pointer: Json | undefined): boolean {
  const steps = String(pointer)
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop();
  let parent: Json | undefined = document;
  for (const step of steps)
    parent = Array.isArray(parent) ? (parent[Number(step)] as Json) : isObject(parent) ? parent[step] : undefined;
  return isObject(parent) && last !== undefined && parent[last] === undefined;
}
