/** Objects that are not well for the same cause, told once: a hundred pods without room are one sentence. Pure. */
import type { KubeObject } from '../base/index.ts';
import { containerTrouble } from './containers.ts';
import { statusOf } from './status/index.ts';

export interface Alike {
  /** The first as it was given stands for all. */
  readonly members: readonly [KubeObject, ...KubeObject[]];
}

/** Groups of the same cause: the larger first, then as they were given. */
export function alike(objects: readonly KubeObject[]): readonly Alike[] {
  const groups = [...Map.groupBy(objects, causeOf).values()] as [KubeObject, ...KubeObject[]][];
  return groups.map((members) => ({ members })).sort((a, b) => weight(b) - weight(a));
}

/** What is only on its way says less than what is stuck, however many there are of it. */
function weight({ members }: Alike): number {
  const [first] = members;
  const coming = containerTrouble(first)[0]?.reason === 'ContainerCreating';
  return members.length - (coming || statusOf(first).status === 'terminating' ? Number.MAX_SAFE_INTEGER / 2 : 0);
}

/** The cause without what differs from one to the next: names, counts, times, back-offs. */
function causeOf(object: KubeObject): string {
  const { status, message } = statusOf(object);
  const trouble = containerTrouble(object).map(({ container, reason, exitCode }) => [container, reason, exitCode]);
  const words = trouble.length > 0 ? '' : message.replaceAll(object.metadata.name, '').replace(/\d+(\.\d+)?/g, '0');
  return JSON.stringify([object.kind, status, trouble, words]);
}
