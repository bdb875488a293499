/** Named queues: one thing at a time in each, in order. */
export interface Queues {
  run<T>(name: string, job: () => Promise<T>): Promise<T>;
  busy(name: string): boolean;
}

export function createQueues(): Queues {
  const tails = new Map<string, Promise<unknown>>();
  return {
    run(name, job) {
      const before = tails.get(name) ?? Promise.resolve();
      const own = before.then(job, job);
      const tail = own.catch(() => {});
      tails.set(name, tail);
      void tail.then(() => tails.get(name) === tail && tails.delete(name));
      return own;
    },
    busy: (name) => tails.has(name),
  };
}
