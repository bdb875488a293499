import type { NeededApi } from '../subject.ts';
import type { Filter } from './filter.ts';

/** A cluster must serve one version of every object, and each API that the function requires. */
export const api: Filter = {
  name: 'api',
  check(subject, fleet) {
    const needed = subject.apis.map((one) => ({ ...one, masks: one.alternatives.map((name) => fleet.serves(name)) }));
    const doubtful = needed.filter(({ masks }) => masks.every((mask) => mask.includes(0)));
    if (doubtful.length === 0) return undefined;
    const lacks = ({ masks, brought }: NeededApi & { readonly masks: readonly Uint8Array[] }, index: number) =>
      !brought?.has(index) && masks.every((mask) => mask[index] === 0);
    return {
      refuses: (index) => doubtful.some((one) => lacks(one, index)),
      why(index) {
        const missing = doubtful.filter((one) => lacks(one, index));
        return `does not serve ${missing.map(({ alternatives }) => alternatives.join(' or ')).join(', ')}`;
      },
    };
  },
};
