/** Parts of former, larger bundles: nobody reads them any more, but Secret values are in them. They are deleted until they are gone. */
import { errorText, type Logger } from '../../base/index.ts';
import type { Stored } from './stored.ts';

export interface Leftovers {
  /** These Secrets are nobody's. */
  add(names: readonly string[]): void;
  /** These are written anew: from when it resolves none of them is deleted. */
  keep(names: readonly string[]): Promise<void>;
  /** Deletes all; what cannot be deleted now (said in the log) is tried again by the next call. Never rejects. */
  remove(): Promise<void>;
}

export function createLeftovers(stored: Pick<Stored, 'remove'>, logger: Logger): Leftovers {
  const left = new Set<string>();
  const going = new Map<string, Promise<boolean>>();

  async function removeOne(name: string): Promise<boolean> {
    try {
      await stored.remove('secrets', name);
      left.delete(name);
      return true;
    } catch (error) {
      const why = { secret: name, error: errorText(error) };
      logger.warn(why, 'a part of a former bundle could not be deleted: it is tried again when something is held next');
      return false;
    } finally {
      going.delete(name);
    }
  }
  return {
    add(names) {
      for (const name of names) left.add(name);
    },
    async keep(names) {
      for (const name of names) left.delete(name);
      await Promise.all(names.map((name) => going.get(name)));
    },
    async remove() {
      for (const name of [...left]) {
        if (!left.has(name) || going.has(name)) continue;
        const gone = removeOne(name);
        going.set(name, gone);
        // who refuses one refuses the others: not each of them costs whoever waits a request
        if (!(await gone)) return;
      }
    },
  };
}
