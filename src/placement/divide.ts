/** One that gets a share. */
export interface Share {
  readonly name: string;
  readonly weight: number;
  /** It takes no more than this. */
  readonly limit: number;
}

/**
 * Divides `total` by weight into whole numbers by the largest remainder; ties go to the first by name. Everyone gets at
 * least one if there are enough; what a limit keeps away goes to the others. `left` is what nobody could take.
 */
export function divide(
  total: number,
  shares: readonly Share[],
): { readonly counts: ReadonlyMap<string, number>; readonly left: number } {
  const sorted = shares.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const counts = new Map(sorted.map((share) => [share.name, 0]));
  let left = total;
  if (total >= sorted.length) {
    for (const share of sorted) {
      if (share.limit < 1) continue;
      counts.set(share.name, 1);
      left--;
    }
  }
  for (;;) {
    const open = sorted.filter((share) => (counts.get(share.name) as number) < share.limit);
    if (left === 0 || open.length === 0) return { counts, left };
    left = round(left, sum(counts, open) + left, open, counts);
  }
}

/** One round of the largest remainder among those that can take more; answers what is left. Each round fills up a limit or ends. */
function round(left: number, whole: number, open: readonly Share[], counts: Map<string, number>): number {
  const weights = open.reduce((total, share) => total + share.weight, 0);
  const ideals = open.map((share) => {
    const part = weights > 0 ? share.weight / weights : 1 / open.length;
    return { share, ideal: whole * part, has: counts.get(share.name) as number };
  });
  let rest = left;
  const given = new Map<string, number>();
  for (const { share, ideal, has } of ideals) {
    const more = Math.min(rest, Math.max(0, Math.min(Math.floor(ideal), share.limit) - has));
    given.set(share.name, more);
    rest -= more;
  }
  const missing = (one: (typeof ideals)[number]) => one.ideal - one.has - (given.get(one.share.name) as number);
  for (const one of ideals.toSorted((a, b) => missing(b) - missing(a))) {
    const has = one.has + (given.get(one.share.name) as number);
    if (rest === 0 || has >= one.share.limit) continue;
    given.set(one.share.name, (given.get(one.share.name) as number) + 1);
    rest--;
  }
  for (const [name, more] of given) counts.set(name, (counts.get(name) as number) + more);
  return rest;
}

function sum(counts: ReadonlyMap<string, number>, shares: readonly Share[]): number {
  return shares.reduce((total, share) => total + (counts.get(share.name) as number), 0);
}
