/** One undo over its objects: what one of them refuses does not keep the others from being brought back, and all of it is said. */
import { type ObjectRef, type Refusal, refText } from '../../../base/index.ts';
import type { ObjectReceipt } from '../../../protocol/index.ts';
import { Halted, refuse } from '../halted.ts';
import type { Work } from './work.ts';

export interface Undoing {
  /** Undoes one object and goes on when it is refused. @throws Halted when its server cannot do it now: nor would it the next. */
  each(ref: ObjectRef, run: () => Promise<ObjectReceipt>): Promise<void>;
  isRefused(): boolean;
  /** Waits until what is being deleted is gone. @throws Halted with all that was refused. */
  ended(): Promise<ObjectReceipt[]>;
}

export function createUndoing({ objects, signal }: Pick<Work, 'objects' | 'signal'>): Undoing {
  const receipts: ObjectReceipt[] = [];
  const refused: { readonly ref: ObjectRef; readonly refusal: Refusal }[] = [];
  return {
    async each(ref, run) {
      try {
        receipts.push(await run());
      } catch (error) {
        if (!(error instanceof Halted) || error.outcome.kind !== 'refused') throw error;
        refused.push({ ref, refusal: error.outcome.refusal });
      }
    },
    isRefused: () => refused.length > 0,
    async ended() {
      const [first] = refused;
      if (first !== undefined) {
        const named = refused.map(({ ref, refusal }) => ({ ref: { ...ref }, why: refusal.message }));
        const texts = named.map(({ ref, why }) => (why.includes(ref.name) ? why : `${refText(ref)}: ${why}`));
        refuse({ ...first.refusal, message: texts.join('; '), details: { objects: named } });
      }
      for (const { ref, uid, change } of receipts) {
        if (change === 'deleted' && uid !== undefined) await objects.gone(ref, uid, signal);
      }
      return receipts;
    },
  };
}
