/** At most `count` at once; the others wait their turn in order. Who is large takes several, at most all of them. */
export interface Slots {
  take(size?: number): Promise<void>;
  /** As many as were taken. */
  give(size?: number): void;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: { readonly size: number; readonly begin: () => void }[] = [];
  const bounded = (size: number) => Math.min(size, count);
  function beginNext(): void {
    for (let next = waiting[0]; next !== undefined && next.size <= free; next = waiting[0]) {
      waiting.shift();
      free -= next.size;
      next.begin();
    }
  }
  return {
    take(size = 1) {
      return new Promise((begin) => {
        waiting.push({ size: bounded(size), begin });
        beginNext();
      });
    },
    give(size = 1) {
      free += bounded(size);
      beginNext();
    },
  };
}
