/** Who the agent is: its key and certificate, kept in its cluster, renewed in time. */
import { X509Certificate } from 'node:crypto';
import { type Cancel, type Clock, errorText, type Logger, type Random } from '../../base/index.ts';
import { createRequest, requestFor } from '../certificates.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';
import { Halted, refuse } from './halted.ts';
import type { Memory } from './memory.ts';

const CHECK_MS = 3_600_000;
const RETRY_MS = 60_000;

/** The identity that is kept, or a new one by the join token. @throws Halted */
export async function certified(
  memory: Memory,
  door: HubDoor,
  join: { readonly token: string; readonly name: string } | undefined,
): Promise<StoredIdentity> {
  const kept = await memory.identity();
  // a token for the cluster that it already is changes nothing; one for another name is a wish to join anew
  if (kept !== undefined && kept.certificate !== '' && (join === undefined || kept.cluster === join.name)) return kept;
  if (join === undefined) {
    return refuse({
      kind: 'notJoined',
      message: 'this cluster has not joined a hub yet',
      hint: 'start the agent with a token: `ldc agent --hub URL --join TOKEN`',
    });
  }
  // the key is kept before it is used: a use of the token is bound to it, and a lost answer is asked for again
  const key = kept !== undefined && kept.cluster === join.name ? kept.key : (await createRequest(join.name)).key;
  await memory.saveIdentity({ cluster: join.name, key, certificate: '', ca: '' });
  const csr = await requestFor(key, join.name);
  const outcome = await door.enrol({ token: join.token, cluster: join.name, csr });
  if (outcome.kind !== 'done') throw new Halted(outcome);
  const identity = { ...outcome.value, key };
  await memory.saveIdentity(identity);
  return identity;
}

/** Renews when a third of the certificate's life is left; the answer stops it. */
export function keepFresh(
  parts: { memory: Memory; door: HubDoor; clock: Clock; random: Random; logger: Logger; signal: AbortSignal },
  first: StoredIdentity,
  onFresh: (identity: StoredIdentity) => void,
): Cancel {
  const { memory, door, clock, random, logger, signal } = parts;
  let identity = first;
  let timer: Cancel = clock.after(1_000 + random.next() * RETRY_MS, () => void check());

  async function check(): Promise<void> {
    let nextMs = CHECK_MS * (0.75 + random.next() / 2);
    try {
      if (due(identity, clock.now()) && !signal.aborted) await renew();
    } catch (error) {
      nextMs = RETRY_MS;
      logger.warn({ error: errorText(error) }, "the agent's certificate could not be renewed yet");
    }
    if (!signal.aborted) timer = clock.after(nextMs, () => void check());
  }
  async function renew(): Promise<void> {
    const outcome = await door.renew(identity, await requestFor(identity.key, identity.cluster));
    if (outcome.kind !== 'done') throw new Halted(outcome);
    identity = { ...outcome.value, key: identity.key };
    await memory.saveIdentity(identity);
    onFresh(identity);
  }
  return () => timer();
}

function due(identity: StoredIdentity, nowMs: number): boolean {
  const { validFrom, validTo } = new X509Certificate(identity.certificate);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return nowMs > from + ((to - from) * 2) / 3;
}
