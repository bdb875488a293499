/** Where the answers of two servers to the same scripts differ, and which of it is listed. */
import { readFileSync } from 'node:fs';
import { isObject, type Json } from '../../src/base/index.ts';
import type { Answer, Difference } from './types.ts';

/** A known difference; its reason stands in docs/embedded-clusters.md in the same words. */
export interface Listed {
  readonly reason: string;
  /** Kubernetes minors where it shows; absent: all. */
  readonly minors?: readonly string[];
  /** `script/step path`, each with `*` for any text. */
  readonly places: readonly string[];
}

export const LISTED = JSON.parse(readFileSync(new URL('./differences.json', import.meta.url), 'utf8')) as Listed[];

/** Where the status differs the rest follows from it, and is not told apart. */
export function compareAnswers(at: string, real: Answer, embedded: Answer): readonly Difference[] {
  if (real.status !== embedded.status) {
    return [{ at, path: 'status', real: outcome(real), embedded: outcome(embedded) }];
  }
  return paths(real as unknown as Json, embedded as unknown as Json, '').map(([path, theirs, ours]) => ({
    at,
    path,
    real: short(theirs),
    embedded: short(ours),
  }));
}

function outcome({ status, body }: Answer): string {
  return `${status} ${isObject(body) ? short(body.message) : short(body)}`;
}

type Found = readonly [path: string, real: Json | undefined, embedded: Json | undefined];

function paths(real: Json | undefined, embedded: Json | undefined, path: string): readonly Found[] {
  if (Array.isArray(real) && Array.isArray(embedded)) {
    const length = Math.max(real.length, embedded.length);
    return Array.from({ length }, (_, index) =>
      paths(real[index] as Json, embedded[index] as Json, `${path}[${index}]`),
    ).flat();
  }
  if (isObject(real) && isObject(embedded)) {
    const keys = [...new Set([...Object.keys(real), ...Object.keys(embedded)])];
    const prefix = path === '' ? '' : `${path}.`;
    return keys.flatMap((key) => paths(real[key] as Json, embedded[key] as Json, `${prefix}${key}`));
  }
  return JSON.stringify(real) === JSON.stringify(embedded) ? [] : [[path, real, embedded]];
}

function short(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** What is not listed, and the places of the list at which nothing differs any more. */
export function judge(
  differences: readonly Difference[],
  minor: string,
  listed: readonly Listed[] = LISTED,
): { readonly unlisted: readonly Difference[]; readonly equal: readonly string[] } {
  const places = listed
    .filter(({ minors }) => minors === undefined || minors.includes(minor))
    .flatMap((entry) => entry.places)
    .map((place) => ({ place, pattern: patternOf(place) }));
  const seen = new Set<string>();
  const unlisted = differences.filter((difference) => {
    const shown = `${difference.at} ${difference.path}`;
    const found = places.filter(({ pattern }) => pattern.test(shown));
    for (const { place } of found) seen.add(place);
    return found.length === 0;
  });
  return { unlisted, equal: places.map(({ place }) => place).filter((place) => !seen.has(place)) };
}

function patternOf(place: string): RegExp {
  const escaped = place.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`);
}
