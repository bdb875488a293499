import type { Candidates } from './candidates.ts';
import type { Domains, Fleet } from './fleet.ts';
import type { Subject } from './subject.ts';

/**
 * Chooses up to `max` clusters: first those where it runs (unless `freely`), then one after the other the cluster in
 * the failure domain with the fewest so far, of these the best score, of these the first by name.
 */
export function select(subject: Subject, candidates: Candidates, fleet: Fleet, freely: boolean): readonly number[] {
  if (!freely && candidates.fitting.length <= subject.max) return candidates.fitting;
  const crowds = crowdsOf(subject, fleet);
  const chosen = freely ? [] : candidates.fitting.filter((index) => subject.held.has(index));
  for (const index of chosen) for (const crowd of crowds) crowd.add(index, 1);
  while (chosen.length > subject.max) {
    const worst = chosen.reduce((a, b) => (better(b, a, candidates, crowds) ? a : b));
    chosen.splice(chosen.indexOf(worst), 1);
    for (const crowd of crowds) crowd.add(worst, -1);
  }
  const free = new Set(chosen);
  while (chosen.length < subject.max) {
    let best = -1;
    for (const index of candidates.fitting) {
      if (!free.has(index) && (best === -1 || better(index, best, candidates, crowds))) best = index;
    }
    if (best === -1) break;
    chosen.push(best);
    free.add(best);
    for (const crowd of crowds) crowd.add(best, 1);
  }
  return chosen.sort((a, b) => a - b);
}

/** How many locations each failure domain has; the one that must survive counts before the one to spread over. */
class Crowd {
  readonly #domains: Domains;
  readonly #counts: Int32Array;
  constructor(domains: Domains) {
    this.#domains = domains;
    this.#counts = new Int32Array(domains.names.length);
  }
  add(cluster: number, by: number): void {
    const domain = this.#domains.of[cluster] as number;
    this.#counts[domain] = (this.#counts[domain] as number) + by;
  }
  around(cluster: number): number {
    return this.#counts[this.#domains.of[cluster] as number] as number;
  }
}

function crowdsOf(subject: Subject, fleet: Fleet): readonly Crowd[] {
  const labels = [subject.survive?.lose, subject.spread].filter((label) => label !== undefined);
  return [...new Set(labels)].map((label) => new Crowd(fleet.domains(label)));
}

/** Whether `a` is to be chosen before `b`. Of two chosen ones, the one of the fuller domain is the worse. */
function better(a: number, b: number, candidates: Candidates, crowds: readonly Crowd[]): boolean {
  for (const crowd of crowds) {
    const difference = crowd.around(a) - crowd.around(b);
    if (difference !== 0) return difference < 0;
  }
  if (candidates.avoided.size > 0) {
    const avoided = Number(candidates.avoided.has(a)) - Number(candidates.avoided.has(b));
    if (avoided !== 0) return avoided < 0;
  }
  const difference = (candidates.total[a] as number) - (candidates.total[b] as number);
  return difference === 0 ? a < b : difference > 0;
}
