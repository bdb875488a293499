/** What a command that did not end well says to the hub: without the values of Secrets that it was handed. */
import { isObject, type KubeObject, type Outcome, type Refusal } from '../../base/index.ts';
import { fillSecret } from '../../base/secrets.ts';
import { createMask, type Mask, secretTexts } from '../../kubernetes/index.ts';
import type { OpenBlob } from './bundle.ts';

type NotDone = Exclude<Outcome<never>, { kind: 'done' }>;

/** Remembers what a command reads, so that its end can be masked; nothing is looked at until then. */
export interface SeenSecrets {
  /** The same source of blobs, remembered. */
  through<Source extends { blob(digest: string): Promise<OpenBlob> }>(source: Source): Source;
  mask: Mask;
}

export function createSeenSecrets(): SeenSecrets {
  const seen = new Set<OpenBlob>();
  return {
    through: (source) => ({
      ...source,
      async blob(digest: string) {
        const blob = await source.blob(digest);
        if (blob.secrets.size > 0) seen.add(blob);
        return blob;
      },
    }),
    mask: (text) => createMask(secretTexts([...seen].flatMap(secretsIn)))(text),
  };
}

export function maskedOutcome(outcome: NotDone, mask: Mask): NotDone {
  return outcome.kind === 'refused'
    ? { ...outcome, refusal: maskedRefusal(outcome.refusal, mask) }
    : { ...outcome, reason: mask(outcome.reason) };
}

/** Names and what to do stay: they are ours. */
export function maskedRefusal(refusal: Refusal, mask: Mask): Refusal {
  return { ...refusal, message: mask(refusal.message) };
}

/** The Secrets of a bundle, or of pre-images, as they are in the cluster. */
function secretsIn({ value, secrets }: OpenBlob): readonly KubeObject[] {
  const listed = isObject(value) && Array.isArray(value.objects) ? value.objects.filter(isObject) : [];
  const objects = listed.map((one) => (isObject(one.object) ? one.object : one)) as unknown as readonly KubeObject[];
  return objects
    .filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Secret')
    .flatMap((object) => {
      try {
        return [fillSecret(object, secrets)];
      } catch {
        return []; // a value that was not sent cannot be repeated
      }
    });
}
