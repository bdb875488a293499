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
  let left = spread(total, sorted, counts, total >= sorted.length ? 1 : 0);
  // those that were given the least of one may still take what limits kept away from others
  while (left > 0 && sorted.some((share) => roomOf(share, counts) > 0)) left = spread(left, sorted, counts, 0);
  return { counts, left };
}

/** Hands out `amount` among those with room, at least `least` to each; answers what is left. */
function spread(amount: number, shares: readonly Share[], counts: Map<string, number>, least: 0 | 1): number {
  let rest = amount;
  let open = shares.filter((share) => roomOf(share, counts) > 0);
  const give = (share: Share, count: number) => {
    counts.set(share.name, (counts.get(share.name) ?? 0) + count);
    rest -= count;
  };
  for (;;) {
    const ideals = idealsOf(rest, open);
    // who falls short of the least gets it, then who would exceed its room gets that; the others share the rest anew
    const short = open.filter((share) => (ideals.get(share) ?? 0) < least);
    const settled = short.length > 0 ? short : open.filter((share) => (ideals.get(share) ?? 0) > roomOf(share, counts));
    if (settled.length === 0) {
      largestRemainder(ideals, give, () => rest);
      return rest;
    }
    for (const share of settled) give(share, short.length > 0 ? least : roomOf(share, counts));
    open = open.filter((share) => !settled.includes(share));
  }
}

function idealsOf(amount: number, shares: readonly Share[]): ReadonlyMap<Share, number> {
  const weights = shares.reduce((sum, share) => sum + share.weight, 0);
  return new Map(
    shares.map((share) => [share, weights > 0 ? (amount * share.weight) / weights : amount / shares.length]),
  );
}

function largestRemainder(
  ideals: ReadonlyMap<Share, number>,
  give: (share: Share, count: number) => void,
  rest: () => number,
): void {
  for (const [share, ideal] of ideals) give(share, Math.floor(ideal));
  const byRemainder = [...ideals].sort(([, a], [, b]) => b - Math.floor(b) - (a - Math.floor(a)));
  for (const [share] of byRemainder.slice(0, rest())) give(share, 1);
}

function roomOf(share: Share, counts: ReadonlyMap<string, number>): number {
  return share.limit - (counts.get(share.name) ?? 0);
}
