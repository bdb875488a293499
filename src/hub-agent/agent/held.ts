/**
 * What an agent holds, remembered in its cluster: one Secret per location with its bundle, and beside it which revision that is
 * and which commands were begun for it. So that one location costs one small write however many there are.
 */
import { type Clock, type Json, type KubeObject, type Logger, sha256Hex } from '../../base/index.ts';
import type { Held } from '../types.ts';
import type { Location, OpenBlob } from './bundle.ts';
import { Halted } from './halted.ts';
import { createLeftovers } from './leftovers.ts';
import { countOf, type Stored } from './stored.ts';

export interface HeldLocations {
  all(): readonly Held[];
  at(location: Location): Held | undefined;
  /** Whether that command was begun for it; of each location the latest ones are known. */
  hasBegun(location: Location, command: string): boolean;
  /** Resolves when it is written, with the bundle, and that this command is begun. */
  hold(held: Held, blob: OpenBlob, command?: string): Promise<void>;
  release(location: Location): Promise<void>;
  bundle(location: Location): Promise<OpenBlob | undefined>;
  /** Whether the records are those that were last written or read; undefined: that cannot be told now. */
  isAsWritten(): Promise<boolean | undefined>;
  /** Those that are found again only if they are written elsewhere: there is no record of theirs, or none that can be listed. */
  unrecorded(): readonly Held[];
}

interface LargeBundle {
  readonly value: Json;
  readonly secrets: { readonly [reference: string]: string };
}

/** Beside a bundle, in its first part. */
const RECORD = 'ldc.dev/held';
const BEGUN_MAX = 4;

interface Record {
  readonly held: Held;
  readonly begun: readonly string[];
}

interface Known extends Record {
  /** Of the Secret; undefined: it has not been seen. */
  readonly resourceVersion: string | undefined;
  /** The record as it was last written or read; undefined: the Secret has none. */
  readonly written: string | undefined;
  /** How many Secrets its bundle takes. */
  readonly parts: number;
  /** Its parts do not belong together: it is written anew, also if it is the same again. */
  readonly torn?: true;
}

/**
 * Reads all that is held. `before`: what an older agent, or one that may not list Secrets (its Role is an older one), has
 * written elsewhere. `onForeign`: another agent has written a location meanwhile.
 */
export async function openHeld(
  stored: Stored,
  before: readonly Held[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  onForeign: () => void,
): Promise<HeldLocations> {
  const listed = await stored.list('secrets');
  const known = knownOf(listed ?? [], before);
  const leftovers = createLeftovers(stored, logger);
  leftovers.add(beyond(listed ?? []));
  await leftovers.remove();

  const { writing, marked } = createMarks();
  /** What may be written although nobody said so: an answer was lost. */
  const unsure = new Set<string>();
  return {
    all: () => [...known.values()].map(({ held }) => held),
    at: (location) => known.get(locationKey(location))?.held,
    hasBegun: (location, command) => known.get(locationKey(location))?.begun.includes(command) === true,
    async hold(held, { value, secrets }, command) {
      const key = locationKey(held.location);
      const now = known.get(key);
      const record: Record = { held, begun: begunWith(now?.begun ?? [], command) };
      const written = JSON.stringify(record);
      if (now?.written === written && now.torn === undefined) return leftovers.remove();
      unsure.add(key);
      const name = bundleName(held.location);
      const large = { value, secrets: Object.fromEntries(secrets), atMs: clock.now() } as Json;
      const [first, ...others] = stored.parts(name, large, { [RECORD]: written });
      await leftovers.keep(others.map((part) => part.metadata.name));
      if (now !== undefined && others.length > 0)
        known.set(key, { ...now, torn: true, parts: Math.max(now.parts, others.length + 1) });
      // the first is written last: half a value is never read
      for (const part of others.reverse()) await stored.put('secrets', part);
      const resourceVersion = await marked(held.location, () => {
        return writeGuarded(stored, first as KubeObject, now, written, onForeign);
      });
      known.set(key, { ...record, resourceVersion, written, parts: others.length + 1 });
      unsure.delete(key);
      leftovers.add(partNames(name, others.length + 1, now?.parts ?? 0));
      await leftovers.remove();
    },
    async release(location) {
      const key = locationKey(location);
      if (known.has(key) || unsure.has(key)) await marked(location, () => stored.removeLarge(bundleName(location)));
      known.delete(key);
      unsure.delete(key);
      await leftovers.remove();
    },
    async bundle(location) {
      const found = (await stored.loadLarge(bundleName(location))) as LargeBundle | undefined;
      if (found !== undefined) return { value: found.value, secrets: new Map(Object.entries(found.secrets)) };
      const now = known.get(locationKey(location));
      if (now !== undefined) known.set(locationKey(location), { ...now, torn: true });
      return undefined;
    },
    async isAsWritten() {
      const [before, busy] = [new Map(known), new Set(writing)];
      const now = await stored.list('secrets').catch(() => undefined);
      if (now === undefined) return undefined;
      const isQuiet = (key: string) => !busy.has(key) && !writing.has(key) && before.get(key) === known.get(key);
      return agree(known, knownOf(now, []), isQuiet);
    },
    unrecorded() {
      const lost = [...known.values()].filter(({ written }) => listed === undefined || written === undefined);
      return lost.map(({ held }) => held);
    },
  };
}

/** Keeps a check from taking a write that is under way for somebody else's. */
function createMarks() {
  const writing = new Set<string>();
  async function marked<T>(location: Location, write: () => Promise<T>): Promise<T> {
    const key = locationKey(location);
    writing.add(key);
    return write().finally(() => writing.delete(key));
  }
  return { writing, marked };
}

/** Whether what is found is what is known, of those that `isQuiet` names. */
function agree(known: Map<string, Known>, found: Map<string, Known>, isQuiet: (key: string) => boolean): boolean {
  const isSame = (key: string) => found.get(key)?.resourceVersion === known.get(key)?.resourceVersion;
  return [...new Set([...known.keys(), ...found.keys()])]
    .filter(isQuiet)
    .every((key) => (known.get(key)?.written === undefined ? !found.has(key) : isSame(key)));
}

/** By location, from the Secrets' records, and from what was written elsewhere of those without one. */
function knownOf(secrets: readonly KubeObject[], before: readonly Held[]): Map<string, Known> {
  const known = new Map<string, Known>();
  const byName = new Map(secrets.map((secret) => [secret.metadata.name, secret]));
  for (const held of before) {
    const first = byName.get(`${bundleName(held.location)}-0`);
    const { resourceVersion } = first?.metadata ?? {};
    known.set(locationKey(held.location), {
      held,
      begun: [],
      resourceVersion,
      written: undefined,
      parts: countOf(first),
    });
  }
  for (const secret of secrets) {
    const { metadata } = secret;
    const written = metadata.annotations?.[RECORD];
    const record = recordIn(written);
    if (record === undefined) continue;
    const { resourceVersion } = metadata;
    known.set(locationKey(record.held.location), { ...record, resourceVersion, written, parts: countOf(secret) });
  }
  return known;
}

function begunWith(earlier: readonly string[], command: string | undefined): readonly string[] {
  const begun = command === undefined || earlier.includes(command) ? earlier : [...earlier, command];
  return begun.slice(-BEGUN_MAX);
}

/** Parts of former, larger bundles, and of new ones that were not finished: the agent was killed before it had deleted or written the others. */
function beyond(secrets: readonly KubeObject[]): readonly string[] {
  const byName = new Map(secrets.map((secret) => [secret.metadata.name, secret]));
  return [...byName.keys()].filter((name) => {
    const [, bundle, index] = /^(ldc-bundle-[0-9a-f]+)-(\d+)$/.exec(name) ?? [];
    return bundle !== undefined && Number(index) >= countOf(byName.get(`${bundle}-0`));
  });
}

function partNames(name: string, from: number, to: number): readonly string[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => `${name}-${from + at}`);
}

/** One that a person has edited is as good as none: the hub says anew what it wants there. */
function recordIn(written: string | undefined): Record | undefined {
  try {
    const record = JSON.parse(written ?? 'null') as Record | null;
    return record !== null && locationKey(record.held.location) !== '' && Array.isArray(record.begun)
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}

/** There is one agent, and it knows what it wrote. Answers the version that the Secret has then. */
async function writeGuarded(
  stored: Stored,
  secret: KubeObject,
  now: Known | undefined,
  next: string,
  onForeign: () => void,
): Promise<string | undefined> {
  let resourceVersion = now?.resourceVersion;
  for (;;) {
    const metadata = { ...secret.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const answer = await stored.write('secrets', { ...secret, metadata });
    if (answer !== 'conflict') return answer.metadata.resourceVersion;
    const live = await stored.read('secrets', secret.metadata.name);
    const theirs = live?.metadata.annotations?.[RECORD];
    // what was never seen may be there from before; a write whose answer was lost has happened all the same
    const isOurs = live === undefined || resourceVersion === undefined || theirs === next || theirs === now?.written;
    if (!isOurs) {
      onForeign();
      throw new Halted({ kind: 'unknown', reason: "another agent has written this cluster's memory" });
    }
    resourceVersion = live?.metadata.resourceVersion;
  }
}

/** `project/stack/name`, members marked: the name of a location within its cluster. */
export function locationKey(location: Location): string {
  const { project, name } = location.stack;
  return `${location.kind === 'member' ? 'member ' : ''}${project}/${name}/${location.name}`;
}

function bundleName(location: Location): string {
  return `ldc-bundle-${sha256Hex(locationKey(location)).slice(0, 24)}`;
}
