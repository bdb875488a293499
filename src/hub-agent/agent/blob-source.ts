/** Blobs from the hub: asked for once however many want them, kept while they are used and there is room. */
import { type Clock, type Digest, digestOf, type Refusal } from '../../base/index.ts';
import type { Blob, SealKey } from '../../protocol/index.ts';
import type { OpenBlob } from './bundle.ts';
import { Halted } from './halted.ts';

/** Of a burst, two for each location under way. */
const KEPT_MAX = 256;
/** As JSON; what is parsed of them takes a few times as much. One that is larger is kept alone. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;
/** What nobody has used for so long is asked for anew: a transaction's steps are closer together, but for those that wait for a person. */
const IDLE_MS_MAX = 10 * 60_000;
const WAIT_MS_MAX = 30_000;

export interface BlobSource {
  get(digest: Digest): Promise<OpenBlob>;
  /** One that was made here, and will be asked for by its digest: it need not come back from the hub. */
  made(digest: Digest, blob: OpenBlob): void;
  /** A blob came from the hub. */
  received(blob: Blob): void;
  /** It is not coming; `refusal` says why when the hub has it. */
  missing(digest: Digest, refusal?: Refusal): void;
  /** The line ended: who waits is told to ask again. */
  lineEnded(): void;
}

export function createBlobSource(clock: Clock, sealKey: SealKey, ask: (digest: Digest) => boolean): BlobSource {
  const kept = createKept(clock);
  const waiting = new Map<Digest, PromiseWithResolvers<OpenBlob>>();

  function fail(digest: Digest, error: Halted): void {
    waiting.get(digest)?.reject(error);
    waiting.delete(digest);
  }
  return {
    async get(digest) {
      const known = kept.get(digest);
      if (known !== undefined) return known;
      const already = waiting.get(digest);
      if (already !== undefined) return already.promise;
      const wait = Promise.withResolvers<OpenBlob>();
      waiting.set(digest, wait);
      const late = clock.after(WAIT_MS_MAX, () => fail(digest, cut('the hub did not send a blob in time')));
      if (!ask(digest)) fail(digest, cut('the line to the hub is down'));
      try {
        return await wait.promise;
      } finally {
        late();
      }
    },
    made: kept.keep,
    received(blob) {
      const wait = waiting.get(blob.digest);
      if (wait === undefined) return;
      waiting.delete(blob.digest);
      if (digestOf(blob.value) !== blob.digest) return wait.reject(cut(`blob ${blob.digest} has another digest`));
      try {
        const text = blob.secrets === undefined ? '{}' : Buffer.from(sealKey.open(blob.secrets)).toString('utf8');
        const open = {
          value: blob.value,
          secrets: new Map(Object.entries(JSON.parse(text) as { [k: string]: string })),
        };
        kept.keep(blob.digest, open);
        wait.resolve(open);
      } catch {
        wait.reject(cut('Secret values were sealed to another key'));
      }
    },
    missing(digest, refusal) {
      const why = refusal ?? {
        kind: 'blobMissing',
        message: `the hub does not have ${digest}`,
        hint: 'apply the stack again',
      };
      fail(digest, new Halted({ kind: 'refused', refusal: why }));
    },
    lineEnded() {
      for (const digest of [...waiting.keys()]) fail(digest, cut('the line to the hub ended'));
    },
  };
}

/** The ones that were used last. */
function createKept(clock: Clock) {
  /** The one that was used longest ago first. */
  const kept = new Map<Digest, { readonly blob: OpenBlob; readonly bytes: number; readonly usedMs: number }>();
  let keptBytes = 0;
  let waits = false;

  function forget(digest: Digest): void {
    keptBytes -= kept.get(digest)?.bytes ?? 0;
    kept.delete(digest);
  }
  function forgetIdle(): void {
    waits = false;
    for (const [digest, { usedMs }] of kept) {
      const leftMs = usedMs + IDLE_MS_MAX - clock.monotonic();
      if (leftMs > 0) {
        waits = true;
        clock.after(leftMs, forgetIdle);
        return;
      }
      forget(digest);
    }
  }
  function keep(digest: Digest, blob: OpenBlob): void {
    const bytes = kept.get(digest)?.bytes ?? JSON.stringify(blob.value).length;
    forget(digest);
    kept.set(digest, { blob, bytes, usedMs: clock.monotonic() });
    keptBytes += bytes;
    for (const oldest of kept.keys()) {
      if (kept.size === 1 || (kept.size <= KEPT_MAX && keptBytes <= KEPT_BYTES_MAX)) break;
      forget(oldest);
    }
    if (!waits) clock.after(IDLE_MS_MAX, forgetIdle);
    waits = true;
  }
  return {
    keep,
    get(digest: Digest): OpenBlob | undefined {
      const blob = kept.get(digest)?.blob;
      if (blob !== undefined) keep(digest, blob);
      return blob;
    },
  };
}

function cut(reason: string): Halted {
  return new Halted({ kind: 'unknown', reason });
}
