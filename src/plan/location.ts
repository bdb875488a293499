import type { Location, LocationId } from './types.ts';

/** `project/stack/name@cluster`. */
export function locationId({ stack, name, cluster }: Omit<Location, 'kind'>): LocationId {
  return `${stack.project}/${stack.name}/${name}@${cluster}`;
}

/** `name@cluster`: a location within its stack, as step ids and people name it. */
export function shortId({ name, cluster }: Pick<Location, 'name' | 'cluster'>): string {
  return `${name}@${cluster}`;
}
