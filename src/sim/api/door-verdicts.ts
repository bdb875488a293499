/** What webhooks say of the writes of a cluster's own controllers, which cannot wait: they are refused once, and try again. */
import { canonical, type Json, type JsonObject } from '../../base/index.ts';
import type { Question, Verdicts } from './admit-webhooks.ts';
import type { Cluster } from './cluster.ts';
import { askWebhook } from './reviewed.ts';
import { fields } from './strategy.ts';
import { targetOf } from './webhook-call.ts';
import type { Verdict } from './webhook-review.ts';

/** A verdict waits for the next try this long, and serves those that are just alike for a moment after its first use. */
const UNUSED_MS = 60_000;
const USED_MS = 1_000;

interface Kept {
  readonly verdict: Verdict;
  untilMs: number;
  used: boolean;
}

export function doorVerdicts(cluster: Cluster): Verdicts {
  const kept = new Map<string, Kept>();
  const open = new Set<string>();
  const ask = async (key: string, question: Question): Promise<void> => {
    const verdict = await askWebhook(cluster, question);
    open.delete(key);
    const nowMs = cluster.clock.monotonic();
    for (const [other, { untilMs }] of kept) if (untilMs < nowMs) kept.delete(other);
    kept.set(key, { verdict, untilMs: nowMs + UNUSED_MS, used: false });
  };
  return {
    get(question) {
      const target = targetOf(cluster, question.concern.webhook);
      if (target.kind === 'nowhere') return { kind: 'failed', why: target.why };
      const key = alike(question);
      const found = kept.get(key);
      const nowMs = cluster.clock.monotonic();
      if (found !== undefined && found.untilMs >= nowMs) {
        if (!found.used) found.untilMs = nowMs + USED_MS;
        found.used = true;
        return found.verdict;
      }
      if (!open.has(key)) {
        open.add(key);
        void ask(key, question);
      }
      return undefined;
    },
  };
}

/** Times, and the name that each pod's token volume is given. */
const DRAWN = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|kube-api-access-\w{5}/g;

/** The same for every try of one write: without names and numbers that are drawn anew, and without times. */
function alike({ concern, request }: Question): string {
  const { role, configuration, name, said } = concern.webhook;
  const { name: given, ...rest } = request;
  const isEvent = fields(request.kind).kind === 'Event';
  const generated =
    isEvent || [request.object, request.oldObject].some((object) => fields(fields(object).metadata).generateName);
  const object = undrawn(request.object, generated);
  const oldObject = undrawn(request.oldObject, false);
  const shown = { ...rest, object, oldObject, name: generated && request.oldObject === null ? '' : (given ?? '') };
  return canonical([role, configuration, name, said as Json, shown]).replace(DRAWN, '');
}

function undrawn(object: Json | undefined, generated: boolean): Json {
  if (object === undefined || object === null) return null;
  const {
    uid: _uid,
    resourceVersion: _version,
    name,
    managedFields: _managers,
    ...rest
  } = fields(fields(object).metadata);
  const metadata = (generated ? rest : { ...rest, name }) as JsonObject;
  return { ...fields(object), metadata } as Json;
}
