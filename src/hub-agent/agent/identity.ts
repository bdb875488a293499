/** Who the agent is: its key and certificate, kept in its cluster, renewed in time. */
import { X509Certificate } from 'node:crypto';
import { type Cancel, type Clock, errorText, type Logger, type Random } from '../../base/index.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';
import { Halted, refuse } from './halted.ts';
import type { Memory } from './memory.ts';

/** Its library is loaded with it: only who enrols or renews needs it. */
const certificates = () => import('../certificates.ts');

const CHECK_MS = 3_600_000;
const RETRY_MS = 60_000;

export interface Candidate {
  readonly door: HubDoor;
  readonly join: { readonly token: string; readonly name: string } | undefined;
  /** Of the cluster (readClusterUid). */
  readonly uid: string | undefined;
  /** Whom this process was before it began anew: the cluster may have forgotten it (an old etcd backup). */
  readonly before: StoredIdentity | undefined;
}

/** The identity that is kept, or a new one by the join token. @throws Halted */
export async function certified(memory: Memory, { door, join, uid, before }: Candidate): Promise<StoredIdentity> {
  const found = await memory.identity();
  const kept = newer(found, before);
  if (kept !== undefined && kept !== found) await memory.saveIdentity(kept);
  // a token for the cluster that it already is changes nothing; one for another name is a wish to join anew
  if (kept !== undefined && kept.certificate !== '' && (join === undefined || isNamed(kept, join.name))) return kept;
  if (join === undefined) {
    return refuse({
      kind: 'notJoined',
      message: 'this cluster has not joined a hub yet',
      hint: 'start the agent with a token: `ldc agent --hub URL --join TOKEN`',
    });
  }
  // the key is kept before it is used: a use of the token is bound to it, and a lost answer is asked for again
  const key = keptFor(join.name, kept) ?? (await newKey(join.name));
  const isSomebody = kept !== undefined && kept.certificate !== '';
  // who it is stays kept until it is the other: a wish that the hub refuses must not cost the cluster its key
  await memory.saveIdentity(
    isSomebody ? { ...kept, wish: { cluster: join.name, key } } : { cluster: join.name, key, certificate: '', ca: '' },
  );
  return enrolled(memory, door, { ...join, key, uid });
}

/** The key with which it has asked for this name before. */
function keptFor(name: string, kept: StoredIdentity | undefined): string | undefined {
  if (kept?.wish?.cluster === name) return kept.wish.key;
  return kept !== undefined && isNamed(kept, name) ? kept.key : undefined;
}

/** The same key certified anew by the token: the hub has refused the certificate. @throws Halted */
export function rejoined(memory: Memory, own: StoredIdentity, { door, join, uid }: Candidate): Promise<StoredIdentity> {
  if (join === undefined || !isNamed(own, join.name)) {
    return refuse({
      kind: 'notJoined',
      message: 'this agent was started without a token for its cluster',
      hint: 'make one by `ldc cluster token`, or join by `ldc cluster join NAME --kubeconfig FILE`',
    });
  }
  return enrolled(memory, door, { ...join, key: own.key, uid });
}

/** A cluster that was renamed is started by its former name until somebody changes that. */
function isNamed({ cluster, formerly = [] }: StoredIdentity, name: string): boolean {
  return cluster === name || formerly.includes(name);
}

async function newKey(name: string): Promise<string> {
  const { createRequest } = await certificates();
  return (await createRequest(name)).key;
}

interface Enrolling {
  readonly token: string;
  readonly name: string;
  readonly key: string;
  readonly uid: string | undefined;
}

async function enrolled(memory: Memory, door: HubDoor, { token, name, key, uid }: Enrolling): Promise<StoredIdentity> {
  const { requestFor } = await certificates();
  const csr = await requestFor(key, name);
  const outcome = await door.enrol({ token, cluster: name, csr, uid });
  if (outcome.kind !== 'done') throw new Halted(outcome);
  const identity = { ...outcome.value, key };
  await memory.saveIdentity(identity);
  return identity;
}

/** Of two identities the one whose certificate is good for longer. */
function newer(found: StoredIdentity | undefined, before: StoredIdentity | undefined): StoredIdentity | undefined {
  if (before === undefined || found === undefined || found.certificate === '') return before ?? found;
  const end = (one: StoredIdentity) => Date.parse(new X509Certificate(one.certificate).validTo);
  return end(before) > end(found) ? before : found;
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
    const { requestFor } = await certificates();
    const outcome = await door.renew(identity, await requestFor(identity.key, identity.cluster));
    if (outcome.kind !== 'done') throw new Halted(outcome);
    identity = { ...outcome.value, key: identity.key, ...formerNames(identity, outcome.value.cluster) };
    await memory.saveIdentity(identity);
    onFresh(identity);
  }
  return () => timer();
}

/** With a renewal comes the name that the hub has for this cluster now. */
function formerNames({ cluster, formerly = [] }: StoredIdentity, now: string): Pick<StoredIdentity, 'formerly'> {
  const all = [...new Set([...formerly, cluster])].filter((name) => name !== now);
  return all.length === 0 ? {} : { formerly: all };
}

function due(identity: StoredIdentity, nowMs: number): boolean {
  const { validFrom, validTo } = new X509Certificate(identity.certificate);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return nowMs > from + ((to - from) * 2) / 3;
}
