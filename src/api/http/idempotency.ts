import {
  type Clock,
  type Documents,
  isObject,
  type Json,
  keyedDigest,
  StoreError,
  sha256Hex,
  timestamp,
} from '../../base/index.ts';
import { HttpProblem, problemOf } from './problem.ts';

/** What was answered, kept for who asks the same again. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: Json;
}

/**
 * Idempotency-Key: the same key with the same request is answered the same, and done once; with another request it is
 * refused (422). The intent is written before the call acts: after a crash in between, the outcome is unknown and said
 * to be so (409), never guessed. Kept for a day in collection `idempotency`.
 */
export interface Idempotency {
  once(
    caller: string,
    key: string,
    request: string,
    storable: boolean,
    act: () => Promise<KeptAnswer>,
  ): Promise<KeptAnswer & { readonly replayed: boolean }>;
}

const COLLECTION = 'idempotency';
const KEPT_MS = 24 * 3_600_000;
/** Each new key pays with a look at so many others, so that what is kept stays in proportion to what comes. */
const SWEEP_ITEMS = 10;
const ANSWER_BYTES_MAX = 1024 * 1024;

export function createIdempotency(ports: { documents: Documents; clock: Clock; key: Uint8Array }): Idempotency {
  const { documents, clock } = ports;
  const running = new Map<string, { readonly fingerprint: string; readonly answer: Promise<KeptAnswer> }>();
  let sweptTo = '';

  const sweep = async () => {
    const looked = documents.list(COLLECTION, { after: sweptTo, limit: SWEEP_ITEMS });
    sweptTo = looked.length < SWEEP_ITEMS ? '' : (looked.at(-1)?.key ?? '');
    const before = timestamp(clock.now() - KEPT_MS);
    const old = looked.filter(({ body, key }) => String(body.at) < before && !running.has(key));
    if (old.length > 0) await documents.write(old.map(({ key }) => ({ collection: COLLECTION, key, body: null })));
  };

  const remember = async (id: string, request: string, storable: boolean, act: () => Promise<KeptAnswer>) => {
    const at = timestamp(clock.now());
    const written = await documents.write([
      { collection: COLLECTION, key: id, body: { request, at, state: 'begun' }, ifVersion: 0 },
    ]);
    if (written === 'conflict') throw unknownOutcome();
    let answer: KeptAnswer;
    try {
      answer = await act();
    } catch (error) {
      if (leftNothingBehind(error)) await documents.write([{ collection: COLLECTION, key: id, body: null }]);
      throw error;
    }
    const keep = storable && Buffer.byteLength(JSON.stringify(answer.body)) <= ANSWER_BYTES_MAX;
    const body = { request, at, state: 'answered', status: answer.status, ...(keep ? { body: answer.body } : {}) };
    await documents.write([{ collection: COLLECTION, key: id, body }]);
    return answer;
  };

  return {
    async once(caller, key, request, storable, act) {
      await sweep();
      const id = `${caller}/${sha256Hex(key)}`;
      const fingerprint = keyedDigest(ports.key, request);
      const kept = documents.get(COLLECTION, id)?.body;
      const atIt = running.get(id);
      if ((atIt?.fingerprint ?? kept?.request ?? fingerprint) !== fingerprint) throw otherRequest();
      if (atIt !== undefined) return { ...(await atIt.answer), replayed: true };
      if (kept?.state === 'begun') throw unknownOutcome();
      if (kept?.state === 'answered') return { ...keptAnswer(kept), replayed: true };
      const promise = remember(id, fingerprint, storable, act);
      running.set(id, { fingerprint, answer: promise });
      try {
        return { ...(await promise), replayed: false };
      } finally {
        running.delete(id);
      }
    },
  };
}

/** A refusal changed nothing, so that the same key may try again; of anything else nobody knows. */
function leftNothingBehind(error: unknown): boolean {
  const problem = error instanceof StoreError ? undefined : problemOf(error);
  return problem !== undefined && problem.status !== 504;
}

function keptAnswer(kept: unknown): KeptAnswer {
  if (isObject(kept) && typeof kept.status === 'number' && kept.body !== undefined)
    return { status: kept.status, body: kept.body };
  throw new HttpProblem(409, {
    kind: 'answerNotKept',
    message: 'this was done before under the same Idempotency-Key, but its answer is not kept',
    hint: 'look at what it made; use a new key to do it once more',
  });
}

function unknownOutcome(): HttpProblem {
  return new HttpProblem(409, {
    kind: 'outcomeUnknown',
    message: 'a call with this Idempotency-Key was begun, and the hub stopped before it was answered',
    hint: 'look at /api/v1/transactions; ask again with a new key if it did not happen',
  });
}

function otherRequest(): HttpProblem {
  return new HttpProblem(422, {
    kind: 'idempotencyKeyReused',
    message: 'this Idempotency-Key was used with another request',
    hint: 'use a new key for a new request',
  });
}
