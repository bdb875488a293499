import type { Location, LocationId } from '../plan/index.ts';

/** `project/stack/name@cluster`, as locks, views and documents name a location. */
export function locationText({ stack, name, cluster }: Location): LocationId {
  return `${stack.project}/${stack.name}/${name}@${cluster}`;
}
