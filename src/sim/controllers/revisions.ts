/** The templates that a StatefulSet or DaemonSet has had, as ControllerRevisions: what `kubectl rollout undo` goes back to. */
import { digestOf, jsonEqual, type KubeObject } from '../../base/index.ts';
import { byAge, controllerReference, type PodTemplate } from '../kinds/index.ts';
import { type Context, MANAGER, remove, safeEncode, written } from './controller.ts';

export const REVISIONS = 'controllerrevisions.apps';
const HISTORY_LIMIT = 10;

/** What the owner's spec says about its history. */
export type WithHistory = KubeObject & {
  readonly spec: { readonly template: PodTemplate; readonly revisionHistoryLimit?: number };
};

/** The owner's revisions, oldest first. */
export function revisionsOf({ informers }: Context, owner: KubeObject): readonly KubeObject[] {
  const own = informers.of(REVISIONS).ownedBy(owner.metadata.uid);
  return [...own].sort((a, b) => Number(a.revision) - Number(b.revision) || byAge(a, b));
}

export function templateHash(template: PodTemplate): string {
  return safeEncode(String(Number.parseInt(digestOf(template).slice(7, 15), 16)));
}

/**
 * The stored revision of the present template: an equal earlier one is raised to the newest, as for a rollback.
 * @param hashLabel under which the revision carries its hash.
 */
export function ensureRevision(
  { door }: Context,
  owner: WithHistory,
  revisions: readonly KubeObject[],
  hashLabel: string,
): KubeObject {
  const { template } = owner.spec;
  const newest = Number(revisions.at(-1)?.revision ?? 0);
  const equal = revisions.find((revision) => jsonEqual(templateOf(revision) as never, template as never));
  if (equal !== undefined) {
    if (equal.revision === newest) return equal;
    return written(door.update(REVISIONS, { ...equal, revision: newest + 1 }, MANAGER));
  }
  const { name, namespace = '' } = owner.metadata;
  const hash = templateHash(template);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const metadata = { name: `${name}-${hash}`, namespace, labels, ownerReferences: [controllerReference(owner)] };
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  const object = { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata, data, revision: newest + 1 };
  return written(door.create(REVISIONS, object as unknown as KubeObject, MANAGER));
}

/** Removes the oldest of those that nothing uses, beyond the owner's limit. */
export function forgetRevisions(
  context: Context,
  owner: WithHistory,
  revisions: readonly KubeObject[],
  isUsed: (revision: KubeObject) => boolean,
): void {
  const unused = revisions.filter((revision) => !isUsed(revision));
  const surplus = unused.length - (owner.spec.revisionHistoryLimit ?? HISTORY_LIMIT);
  for (const revision of unused.slice(0, Math.max(0, surplus))) remove(context, REVISIONS, revision);
}

export function templateOf(revision: KubeObject): PodTemplate | undefined {
  const data = revision.data as { spec?: { template?: PodTemplate & { $patch?: string } } } | undefined;
  if (data?.spec?.template === undefined) return undefined;
  const { $patch: _, ...template } = data.spec.template;
  return template as PodTemplate;
}
