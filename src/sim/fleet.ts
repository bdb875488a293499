/** Clusters of this machine that are started and closed together. */
import type { LocalCluster } from './local-cluster.ts';

export interface Fleet<C extends LocalCluster = LocalCluster> {
  readonly clusters: readonly C[];
  get(name: string): C | undefined;
  /** Ends everything cleanly; the state stays. */
  close(): Promise<void>;
}

/** Waits for all of them; when one fails the others are closed. @throws what the first of them failed with */
export async function gather<C extends LocalCluster>(starting: readonly Promise<C>[]): Promise<Fleet<C>> {
  const started = await Promise.allSettled(starting);
  const clusters = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const close = async () => {
    await Promise.all(clusters.map((cluster) => cluster.close()));
  };
  const failed = started.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return { clusters, get: (name) => clusters.find((cluster) => cluster.name === name), close };
}
