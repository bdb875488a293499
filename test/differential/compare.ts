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
  /** Of a refusal's cause only how it prints the value may differ: `Invalid value: <this>: what is wrong`. */
  readonly only?: 'values';
}

export const LISTED = JSON.parse(readFileSync(new URL('./differences.json', import.meta.url), 'utf8')) as Listed[];

/** Where the status differs the rest follows from it, and is not told apart. */
export function compareAnswers(at: string, real: Answer, embedded: Answer): readonly Difference[] {
  if (real.status !== embedded.status) {
    return [{ at, path: 'status', real: outcome(real), embedded: outcome(embedded) }];
  }
  const found = paths(real as unknown as Json, embedded as unknown as Json, '');
  const causes = found.some(([path]) => path.startsWith('body.details.causes'));
  return found
    .filter(([path]) => !(causes && path === 'body.message')) // it is made of the causes
    .map(([path, theirs, ours]) => ({ at, path, real: shown(theirs), embedded: shown(ours) }));
}

function outcome({ status, body }: Answer): string {
  return `${status} ${isObject(body) ? shown(body.message) : shown(body)}`;
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

function shown(value: Json | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/** Whether two causes are `Kind of fault: VALUE: what is wrong` and the same but for the value. */
function sameButValue(real: string, embedded: string): boolean {
  const head = /^"[A-Z][a-z ]+: /.exec(real)?.[0];
  if (head === undefined || !embedded.startsWith(head)) return false;
  if (head === '"Duplicate value: ') return true; // nothing follows the value
  for (let at = real.indexOf(': ', head.length); at >= 0; at = real.indexOf(': ', at + 1)) {
    if (embedded.indexOf(real.slice(at), head.length) === embedded.length - (real.length - at)) return true;
  }
  return false;
}

/** What is not listed, and the places of the list at which nothing differs any more. */
export function judge(
  differences: readonly Difference[],
  minor: string,
  listed: readonly Listed[] = LISTED,
): { readonly unlisted: readonly Difference[]; readonly equal: readonly string[] } {
  const places = listed
    .filter(({ minors }) => minors === undefined || minors.includes(minor))
    .flatMap(({ places, only }) => places.map((place) => ({ place, only, pattern: patternOf(place) })));
  const seen = new Set<string>();
  const unlisted = differences.filter((difference) => {
    const { at, path, real, embedded } = difference;
    const found = places.filter(
      ({ pattern, only }) => pattern.test(`${at} ${path}`) && (only === undefined || sameButValue(real, embedded)),
    );
    for (const { place } of found) seen.add(place);
    return found.length === 0;
  });
  return { unlisted, equal: places.map(({ place }) => place).filter((place) => !seen.has(place)) };
}

function patternOf(place: string): RegExp {
  const escaped = place.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`);
}
