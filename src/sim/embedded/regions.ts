/** A cluster of a local installation before it is started. */
export interface ClusterPlan {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
}

/** Two regions with two clusters each come first, so that four clusters can lose a region; then the rest of the world goes round. */
const FIRST = ['eu', 'us', 'eu', 'us'];
const ROUND = ['ap', 'eu', 'us'];

/** Names and labels of `count` clusters: eu-1, us-1, eu-2, us-2, ap-1, eu-3, us-3, ap-2, … */
export function regionNames(count: number): readonly ClusterPlan[] {
  const numbers = new Map<string, number>();
  return Array.from({ length: count }, (_, index) => {
    const region = FIRST[index] ?? (ROUND[(index - FIRST.length) % ROUND.length] as string);
    const number = (numbers.get(region) ?? 0) + 1;
    numbers.set(region, number);
    const zone = `${region}-${String.fromCharCode(96 + ((number - 1) % 26) + 1)}`;
    return {
      name: `${region}-${number}`,
      labels: { region, zone, provider: number % 2 === 1 ? 'north' : 'south', env: 'prod' },
    };
  });
}
