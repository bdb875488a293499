/** Reads everything touched and compares it with the pre-images, and the workloads' readiness with what it was. */
import {
  type Digest,
  digestOf,
  isObject,
  type Json,
  type KubeObject,
  type ObjectRef,
  refOf,
  refText,
} from '../../../base/index.ts';
import {
  isStateful,
  listAll,
  normalize,
  normalizedDigest,
  ownedBy,
  sameRef,
  statusOf,
} from '../../../kubernetes/index.ts';
import { type CommandBody, type Difference, VERIFY_READY_MS_MAX } from '../../../protocol/index.ts';
import { type Bundle, type Location, type PreImage, readBundle, readPreImages } from '../bundle.ts';
import { compareObjects } from '../compare.ts';
import { type Judgement, judgementOf } from '../judging.ts';
import { shownValue } from '../shown-value.ts';
import { type Created, keepReason, managerOf } from './ensure.ts';
import { explanation, isIdentity, isOthers, takenApart } from './explain.ts';
import { type OwnerChange, ownerChanges } from './explain-owners.ts';
import { deadLinks, linkedAnew, type MadeAnew, madeAnew } from './made-anew.ts';
import { presentOf } from './present.ts';
import { groundNote } from './removal.ts';
import { isRecreated } from './wanted.ts';
import type { Done, Work } from './work.ts';

const POLL_MS = 200;
const POLL_MS_MAX = 1_500;

interface Target {
  readonly location: Location;
  readonly bundle: Bundle;
  readonly images: readonly PreImage[];
  readonly judge: Judgement;
  readonly manager: string;
}

interface Finding {
  readonly ref: ObjectRef;
  readonly before: Digest | null;
  readonly after: Digest | null;
  readonly differences: readonly Difference[];
  readonly kept?: string;
}

/** Workloads that were ready get VERIFY_READY_MS_MAX to be it again; a hub that wants to wait longer asks anew. */
export async function verify(work: Work, body: Extract<CommandBody, { kind: 'verify' }>): Promise<Done> {
  const targets = await Promise.all(
    body.locations.map(async ({ location, preImages, bundle: digest }) => {
      const bundle = readBundle(await work.blob(digest));
      const images = [...readPreImages(await work.blob(preImages)).values()];
      const judge = await judgementOf(work.client, bundle);
      return { location, bundle, images, judge, manager: managerOf(location.stack) };
    }),
  );
  const startedMs = work.clock.monotonic();
  for (let waitMs = POLL_MS; ; waitMs = Math.min(waitMs * 1.4, POLL_MS_MAX)) {
    const ensured = lookAtEnsured(work, body.ensured?.created ?? []);
    const findings = (await Promise.all([lookAt(work, targets), ensured])).flat();
    // only readiness is waited for: the rest does not come by itself
    const waiting = findings.some((one) => one.differences.some((difference) => difference.field === 'readiness'));
    const over = work.signal.aborted || work.clock.monotonic() - startedMs > VERIFY_READY_MS_MAX;
    if (!waiting || over) return report(findings);
    await Promise.all(targets.map((target) => replaceStuckPods(work, target)));
    await work.clock.sleep(waitMs, work.signal);
  }
}

/** All is read before anything is compared: an owner that was made anew may be of another location. */
async function lookAt(work: Work, targets: readonly Target[]): Promise<readonly Finding[]> {
  const read = targets.flatMap((target) =>
    target.images.map(async (image) => ({ target, image, past: image.object, live: await presentOf(work, image) })),
  );
  const looks = await Promise.all(read);
  const uids = madeAnew(looks);
  return looks.map((look) => compareOne(work, look, uids));
}

/** What ensure steps made is gone, or stays by rule: then their undo has said so. */
async function lookAtEnsured(work: Work, created: readonly Created[]): Promise<readonly Finding[]> {
  const looks = created.map(async ({ uid, ...ref }): Promise<Finding> => {
    const stays = (await keepReason(work, ref, uid)) === undefined;
    const difference = { location: '', ref, field: 'object', before: null, after: 'present' };
    return { ref, before: null, after: null, differences: stays ? [difference] : [] };
  });
  return Promise.all(looks);
}

interface Look {
  readonly target: Target;
  readonly image: PreImage;
  readonly live: KubeObject | undefined;
}

function compareOne(work: Work, { target, image, live }: Look, uids: MadeAnew): Finding {
  const before = image.digest;
  const after = live === undefined ? null : normalizedDigest(live, work.cutKey);
  const { project, name } = target.location.stack;
  const location = `${project}/${name}/${target.location.name}@${target.location.cluster}`;
  const at = { location, ref: image.ref };
  if (image.object === null) {
    if (live === undefined) return { ref: image.ref, before, after, differences: [] };
    const kept = groundNote(image.ref);
    if (kept !== undefined) return { ref: image.ref, before, after: before, differences: [], kept };
    const foreign = isOthers(live, target.bundle, target.manager);
    const explained = foreign ? { explained: 'another has made it meanwhile' } : {};
    return {
      ref: image.ref,
      before,
      after,
      differences: [{ ...at, field: 'object', before: null, after: 'present', ...explained }],
    };
  }
  if (live === undefined) {
    return { ref: image.ref, before, after, differences: [{ ...at, field: 'object', before: 'present', after: null }] };
  }
  const dead = deadLinks(live, uids);
  const linked = dead.length > 0 ? { past: image.object, links: dead } : linkedAnew(image.object, uids);
  const links = linked.links.map((link) =>
    dead.length > 0 ? link : { ...link, explained: 'its owner was made anew' },
  );
  const fields = before === after ? [] : fieldDifferences(work, target, linked.past, live);
  const differences: Difference[] = [...fields, ...links].map((one) => ({ ...at, ...one }));
  const readiness = target.judge(live, live);
  if (image.ready === true && readiness.status !== 'current') {
    const said = work.mask(target.location.stack)(readiness.message);
    differences.push({ ...at, field: 'readiness', before: 'ready', after: said });
  }
  return { ref: image.ref, before, after, differences };
}

type FieldDifference = Omit<Difference, 'location' | 'ref'>;

function fieldDifferences(work: Work, target: Target, past: KubeObject, live: KubeObject): FieldDifference[] {
  const around = { past, live, bundle: target.bundle, manager: target.manager };
  const [then, now] = [normalize(past, work.cutKey), normalize(live, work.cutKey)];
  const declared =
    isRecreated(past) ||
    target.bundle.objects.some((object) => sameRef(refOf(object), refOf(past)) && isRecreated(object));
  const mask = work.mask(target.location.stack);
  const shown = (value: Json | undefined, field: string) =>
    value === undefined ? null : shownValue(value, field, mask);
  const judged = takenApart(compareObjects(then, now), around).map((change) => {
    return { change, why: isIdentity(change) ? newIdentity(past, declared) : explanation(change, around) };
  });
  const found = judged.map(({ change, why }): FieldDifference => {
    const values = { before: shown(change.before, change.path), after: shown(change.after, change.path) };
    return { field: change.path, ...values, ...(why === undefined ? {} : { explained: why }) };
  });
  const others = judged.flatMap(({ change, why }) => (why === undefined || isIdentity(change) ? [] : [change]));
  return [...found, ...ownerDifferences(ownerChanges(around, others))];
}

/** Why another uid is no difference: what an object says can be brought back, its identity not. Data behind it went with it. */
function newIdentity(past: KubeObject, declared: boolean): string | undefined {
  if (isStateful(past)) return undefined;
  return declared
    ? 'it was deleted and made anew, as `ldc.dev/replace: recreate` says'
    : 'another has deleted it meanwhile; it was made anew as it was';
}

/** Owners that differ of one object and are named one by one. */
const PLACES_SHOWN_MAX = 20;

/** Who owns what: what others did in one difference, what was not brought back in another. */
function ownerDifferences(changes: readonly OwnerChange[]): readonly FieldDifference[] {
  const [explained, open] = [true, false].map((so) => changes.filter((one) => (one.explained !== undefined) === so));
  const named = (list: readonly OwnerChange[], had: boolean) => {
    const all = list.filter((one) => one.had === had).map(({ owner, place }) => `${owner} ${place}`);
    const rest = all.length - PLACES_SHOWN_MAX;
    return rest > 0 ? [...all.slice(0, PLACES_SHOWN_MAX), `… and ${rest} more`] : all;
  };
  const difference = (list: readonly OwnerChange[] = [], why?: string): readonly FieldDifference[] =>
    list.length === 0
      ? []
      : [{ field: 'owner', before: named(list, true), after: named(list, false), ...(why === undefined ? {} : { explained: why }) }]; // biome-ignore format: one row
  return [...difference(open), ...difference(explained, 'other managers have changed their fields meanwhile')];
}

/**
 * A StatefulSet never replaces a pod that is not ready by itself, also not after its template was brought back: such pods
 * of the undone revision are deleted, the highest ordinal first, one at a time.
 */
async function replaceStuckPods(work: Work, target: Target): Promise<void> {
  for (const image of target.images) {
    if (image.ref.kind !== 'StatefulSet' || image.object === null || image.ready !== true) continue;
    const set = await work.objects.get(image.ref);
    const status = isObject(set?.status) ? set.status : {};
    if (set === undefined || status.observedGeneration !== set.metadata.generation) continue;
    const listed = await listAll(work.client, {
      path: `/api/v1/namespaces/${image.ref.namespace ?? 'default'}/pods`,
      apiVersion: 'v1',
      kind: 'Pod',
    });
    if (listed.kind === 'failed') continue;
    const pods = listed.objects.filter((pod) => ownedBy(pod, set));
    if (pods.some((pod) => pod.metadata.deletionTimestamp !== undefined)) continue;
    const stuck = pods
      .filter((pod) => pod.metadata.labels?.['controller-revision-hash'] !== status.updateRevision)
      .filter((pod) => statusOf(pod).status !== 'current')
      .sort((a, b) => ordinal(b) - ordinal(a))[0];
    if (stuck !== undefined) {
      const ref = {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: image.ref.namespace ?? 'default',
        name: stuck.metadata.name,
      };
      await work.objects.remove(ref, String(stuck.metadata.uid));
    }
  }
}

function ordinal(pod: KubeObject): number {
  return Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? -1);
}

function report(findings: readonly Finding[]): Done {
  const sorted = [...findings].sort((a, b) => (refText(a.ref) < refText(b.ref) ? -1 : 1));
  const differences = sorted.flatMap((one) => one.differences);
  return {
    output: {
      kind: 'verify',
      equal: differences.every((one) => one.explained !== undefined),
      differences,
      kept: sorted.flatMap((one) => (one.kept === undefined ? [] : [{ ref: one.ref, why: one.kept }])),
      digestBefore: digestOf(sorted.map((one) => [refText(one.ref), one.before])),
      digestAfter: digestOf(sorted.map((one) => [refText(one.ref), one.after])),
    },
  };
}
