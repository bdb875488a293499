/** What an API server's answer means for who asked: done, refused for good, or worth asking again. */
import { isObject, type Json, type Refusal } from '../base/index.ts';
import { createMask, maskedLine } from './masking.ts';
import type { ApiAnswer } from './types.ts';

export type Verdict =
  | {
      readonly kind: 'ok';
      readonly status: number;
      readonly body: Json;
      readonly auditId?: string;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'notFound'; readonly refusal: Refusal }
  /** Somebody else was faster: read again. */
  | { readonly kind: 'stale'; readonly refusal: Refusal }
  /** Other field managers own these fields. */
  | {
      readonly kind: 'conflict';
      readonly refusal: Refusal;
      readonly fields: readonly { field: string; manager: string }[];
    }
  | { readonly kind: 'refused'; readonly status: number; readonly refusal: Refusal }
  /** The same again may succeed. `sent`: the server may have acted. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly reason: string; readonly sent: boolean };

const RETRY_MS = 1_000;
/** A server repeats what it was sent: webhooks and schemas put no end to it. */
const MESSAGE_CHARACTERS_MAX = 8 * 1024;
const LOOK = createMask();

/** `where` names the object in messages. What looks like a secret in the server's words is masked; what it stands for is not. */
export function verdictOf(answer: ApiAnswer, where: string): Verdict {
  if (answer.kind === 'unreachable')
    return { kind: 'retry', afterMs: RETRY_MS, reason: answer.reason, sent: answer.sent };
  const { status, body, warnings } = answer;
  if (status < 300) {
    return {
      kind: 'ok',
      status,
      body,
      warnings: warnings.map(shown),
      ...(answer.auditId === undefined ? {} : { auditId: answer.auditId }),
    };
  }
  const said = isObject(body) && typeof body.message === 'string' ? body.message : `HTTP ${status}`;
  const message = shown(said);
  const afterMs = (answer.retryAfterSeconds ?? RETRY_MS / 1_000) * 1_000;
  if (status === 429 || status === 401 || status === 504 || status === 503) {
    return { kind: 'retry', afterMs, reason: `${where}: ${message}`, sent: false };
  }
  // the server's own parser refuses with a 500 what does not fit the schema: asking again changes nothing
  const schema = /not declared in schema|failed to create typed patch object|expected .* got/.test(said);
  if (status >= 500 && !schema) return { kind: 'retry', afterMs, reason: `${where}: ${message}`, sent: true };
  const refusal = refusalOf(status, { said, message }, where, body);
  if (status === 404) return { kind: 'notFound', refusal };
  if (status === 409) {
    const fields = conflictFields(body);
    if (fields.length > 0)
      return { kind: 'conflict', refusal: { ...refusal, kind: 'fieldConflict', hint: TAKE }, fields };
    return { kind: 'stale', refusal };
  }
  return { kind: 'refused', status, refusal };
}

const TAKE = 'leave those fields out, or set `conflicts: take` on the function to take them by force';

function shown(text: string): string {
  return maskedLine(LOOK, text, MESSAGE_CHARACTERS_MAX);
}

interface Told {
  /** As the server said it. */
  readonly said: string;
  readonly message: string;
}

function refusalOf(status: number, { said, message }: Told, where: string, body: Json): Refusal {
  const reason =
    isObject(body) && typeof body.reason === 'string' && body.reason !== '' ? body.reason : `HTTP${status}`;
  const immutable = isImmutable(said);
  return {
    kind: immutable ? 'immutable' : `kubernetes${reason}`,
    message: `the API server refused ${where}: ${message}`,
    where,
    hint: immutable
      ? RECREATE
      : (HINTS[status] ?? 'what the API server says is to be mended there, or in the manifest'),
  };
}

const RECREATE = 'annotate the object with `ldc.dev/replace: recreate` to have it deleted and made anew';

/** By HTTP status; the server's own words stand beside it. */
const HINTS: { readonly [status: number]: string } = {
  400: 'correct the manifest',
  401: 'the credentials of the agent are not taken: join the cluster again, or renew its kubeconfig',
  403: 'give who applies it the right (`ldc agent manifests`, or a Role for the ServiceAccount of the stack), or satisfy the quota or admission that is named',
  404: 'make first what it needs, or look who deleted it',
  405: 'the API server does not do this with that kind: leave it out of the manifests',
  409: 'somebody else changes it: look who, and apply the stack again',
  413: 'the object is too large: split it',
  422: 'correct the manifest',
};

/** Whether a refusal says that the field can never change on an object that exists. */
export function isImmutable(message: string): boolean {
  return /field is immutable|updates to .* (spec|parameters).* (are|is) forbidden|is immutable after creation|may not be changed/i.test(
    message,
  );
}

function conflictFields(body: Json): readonly { field: string; manager: string }[] {
  const details = isObject(body) && isObject(body.details) ? body.details : {};
  const causes = Array.isArray(details.causes) ? details.causes.filter(isObject) : [];
  return causes
    .filter((cause) => cause.reason === 'FieldManagerConflict')
    .map((cause) => ({
      field: String(cause.field ?? ''),
      manager: /conflict with "([^"]*)"/.exec(String(cause.message ?? ''))?.[1] ?? '',
    }));
}
