/**
 * Webhooks in a write. A write runs in one go, while a webhook's answer takes its time: so a write that needs one that has not
 * come ends with `Unanswered`, and is begun anew when it has (`reviewed`), on what is there then.
 */
import { canonical, type Json, type JsonObject, jsonEqual, type KubeObject } from '../../base/index.ts';
import type { Call, Cluster } from './cluster.ts';
import { ApiError } from './status.ts';
import { type Attempt, type Concern, concerns, hasWebhooks, isMeant, type Operation } from './webhook-match.ts';
import { internal, requestOf, type Verdict, withPatch } from './webhook-review.ts';

/** What is to be asked; `key` stands for the webhook and everything that it is told. */
export interface Question {
  readonly key: string;
  readonly concern: Concern;
  readonly request: JsonObject;
}

/** The verdicts that a write already has. */
export interface Verdicts {
  get(question: Question): Verdict | undefined;
}

/** Thrown through a write: nothing has been changed yet. */
export class Unanswered extends Error {
  readonly questions: readonly Question[];
  constructor(questions: readonly Question[]) {
    super(`${questions.length} webhooks are to be asked`);
    this.questions = questions;
  }
}

export interface Write {
  readonly operation: Operation;
  readonly object?: KubeObject;
  readonly before?: KubeObject;
  readonly options?: JsonObject;
}

const OPTIONS: { readonly [operation in Operation]: string } = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
};

function attemptOf(call: Call, { operation, options = {}, ...objects }: Write): Attempt {
  const { dryRun, asked = {} } = call;
  const said = { ...asked, ...options };
  return {
    call,
    operation,
    ...objects,
    options: {
      kind: OPTIONS[operation],
      apiVersion: 'meta.k8s.io/v1',
      ...said,
      ...(dryRun ? { dryRun: ['All'] } : {}),
    },
  };
}

function questionOf(cluster: Cluster, attempt: Attempt, concern: Concern): Question | undefined {
  const request = requestOf(cluster, attempt, concern);
  if (!isMeant(concern.webhook, attempt, request)) return undefined;
  const { role, configuration, name, said } = concern.webhook;
  return { key: canonical([role, configuration, name, said as Json, request]), concern, request };
}

/** @throws Unanswered, ApiError 4xx (denied), 500 (could not be called, and that counts). */
function settled(call: Call, question: Question): Json | undefined {
  const verdict = call.verdicts?.get(question);
  if (verdict === undefined) throw new Unanswered([question]);
  if (verdict.kind === 'failed') {
    const { name, said } = question.concern.webhook;
    if (said.failurePolicy === 'Ignore') return undefined;
    throw internal(`failed calling webhook ${JSON.stringify(name)}: ${verdict.why}`);
  }
  for (const warning of verdict.warnings) call.warn(warning);
  if (verdict.kind === 'denied') throw verdict.error;
  return verdict.patch;
}

/**
 * The object as the mutating webhooks leave it, asked one after the other; those with `reinvocationPolicy: IfNeeded` are asked
 * once more when a later one has changed something.
 */
export function mutated(cluster: Cluster, call: Call, write: Write & { readonly object: KubeObject }): KubeObject {
  if (call.isExempt || !hasWebhooks(cluster)) return write.object;
  let { object } = write;
  const pass = (all: readonly Concern[]): readonly Concern[] => {
    let again: readonly Concern[] = [];
    const asked: Concern[] = [];
    for (const concern of all) {
      const attempt = attemptOf(call, { ...write, object });
      const question = questionOf(cluster, attempt, concern);
      const patch = question === undefined ? undefined : settled(call, question);
      const next = patch === undefined ? object : withPatch(cluster, call, concern, object, patch);
      if (!jsonEqual(next as unknown as Json, object as unknown as Json)) again = [...asked];
      object = next;
      if (concern.webhook.said.reinvocationPolicy === 'IfNeeded') asked.push(concern);
    }
    return again;
  };
  pass(pass(concerns(cluster, 'mutating', attemptOf(call, write))));
  return object;
}

/** Asks the validating webhooks, all at once. @throws Unanswered, ApiError: of several refusals the first webhook's. */
export function judged(cluster: Cluster, call: Call, write: Write): void {
  if (call.isExempt || !hasWebhooks(cluster)) return;
  const attempt = attemptOf(call, write);
  const questions = concerns(cluster, 'validating', attempt).flatMap(
    (concern) => questionOf(cluster, attempt, concern) ?? [],
  );
  const open = questions.filter((question) => call.verdicts?.get(question) === undefined);
  if (open.length > 0) throw new Unanswered(open);
  const refusals: ApiError[] = [];
  for (const question of questions) {
    try {
      settled(call, question);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      refusals.push(error);
    }
  }
  if (refusals[0] !== undefined) throw refusals[0];
}

function unchangeable({ webhook }: Concern): ApiError {
  const which = `admission webhook ${JSON.stringify(webhook.name)}`;
  return internal(`${which} attempted to modify the object, which is not supported for this operation`);
}

/** A real server would take the change; passing over it would be pretending. */
function unserved({ webhook }: Concern, { kind }: KubeObject): ApiError {
  const which = `admission webhook ${JSON.stringify(webhook.name)}`;
  return new ApiError(501, 'NotImplemented', `${which} changes a ${kind}, which an embedded cluster does not serve`);
}

/** Both roles, for what is no stored object of its own: a deletion, a Scale, an eviction, a review. @throws ApiError for a change of it. */
export function asked(cluster: Cluster, call: Call, write: Write): void {
  if (call.isExempt || !hasWebhooks(cluster)) return;
  const attempt = attemptOf(call, write);
  for (const concern of concerns(cluster, 'mutating', attempt)) {
    const question = questionOf(cluster, attempt, concern);
    const patch = question === undefined ? undefined : settled(call, question);
    if (patch !== undefined) throw write.object === undefined ? unchangeable(concern) : unserved(concern, write.object);
  }
  judged(cluster, call, write);
}
