import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createSlots } from './slots.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('never more than there are, in order, and all come to their turn', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), sizes, async (count, asked) => {
      const slots = createSlots(count);
      const begun: number[] = [];
      const under = new Set<number>();
      const used = () => [...under].reduce((sum, index) => sum + Math.min(asked[index] ?? 0, count), 0);
      asked.forEach((size, index) => {
        void slots.take(size).then(() => {
          begun.push(index);
          under.add(index);
          assert.ok(used() <= count, `${used()} of ${count}`);
        });
      });
      for (let left = asked.length; left > 0; left--) {
        await settled();
        const [first] = under;
        assert.ok(first !== undefined, 'somebody is under way while others wait');
        under.delete(first);
        slots.give(asked[first]);
      }
      assert.deepEqual(
        begun,
        asked.map((_, index) => index),
      );
    }),
    { numRuns: 100 },
  );
});
