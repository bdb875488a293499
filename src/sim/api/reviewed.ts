/** Runs writes that webhooks have a say in. */
import type { Clock, Random } from '../../base/index.ts';
import { uuid } from '../objects/index.ts';
import { type Question, Unanswered, type Verdicts } from './admit-webhooks.ts';
import type { Call, Cluster } from './cluster.ts';
import { callWebhook } from './webhook-call.ts';
import { hasWebhooks } from './webhook-match.ts';
import { internal, reviewOf, type Verdict, verdictOf } from './webhook-review.ts';

/** A write that others keep changing the ground of. */
const ROUNDS_MAX = 200;

/**
 * Runs the write; when webhooks are to be asked, asks them and runs it again from the start, on what is stored by then. Its random
 * numbers and its time stay those of the first run, so that what a webhook has seen is what is stored.
 * @throws ApiError what the write or a webhook refuses.
 */
export async function reviewed<T>(
  cluster: Cluster,
  call: Call,
  write: (cluster: Cluster, call: Call) => T,
): Promise<T> {
  if (!hasWebhooks(cluster)) return write(cluster, call);
  const known = new Map<string, Verdict>();
  const verdicts: Verdicts = { get: ({ key }) => known.get(key) };
  const tape: Drawn[] = [];
  const clock = stopped(cluster.clock);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    try {
      return write({ ...cluster, clock, random: replaying(cluster.random, tape) }, { ...call, verdicts });
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      await Promise.all(
        error.questions.map(async (question) => known.set(question.key, await askWebhook(cluster, question))),
      );
    }
  }
  throw internal('the object changed whenever its webhooks had been asked');
}

export async function askWebhook(cluster: Cluster, { concern, request }: Question): Promise<Verdict> {
  const uid = uuid(cluster.random.bytes(16));
  return verdictOf(concern.webhook, uid, await callWebhook(cluster, concern.webhook, reviewOf(uid, request)));
}

type Drawn = { readonly bytes: Uint8Array } | { readonly number: number };

/** Gives what was drawn before in the same order, then draws on. */
function replaying(random: Random, tape: Drawn[]): Random {
  let at = 0;
  const draw = (make: () => Drawn): Drawn => {
    const drawn = tape[at] ?? make();
    tape[at] = drawn;
    at += 1;
    return drawn;
  };
  return {
    next() {
      const drawn = draw(() => ({ number: random.next() }));
      return 'number' in drawn ? drawn.number : random.next();
    },
    bytes(count) {
      const drawn = draw(() => ({ bytes: random.bytes(count) }));
      return 'bytes' in drawn && drawn.bytes.length === count ? drawn.bytes : random.bytes(count);
    },
  };
}

function stopped(clock: Clock): Clock {
  const now = clock.now();
  return {
    now: () => now,
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(delayMs, run),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  };
}
