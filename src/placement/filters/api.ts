import type { Filter } from './filter.ts';

/** A cluster must serve one version of every object, and each API that the function requires. */
export const api: Filter = {
  name: 'api',
  check(subject, fleet) {
    const needed = subject.apis.map((alternatives) => ({
      alternatives,
      masks: alternatives.map((one) => fleet.serves(one)),
    }));
    const lacking = needed.filter(({ masks }) => masks.some((mask) => mask.includes(0)));
    if (lacking.length === 0) return undefined;
    return {
      refuses: (index) => lacking.some(({ masks }) => masks.every((mask) => mask[index] === 0)),
      why(index) {
        const missing = lacking.filter(({ masks }) => masks.every((mask) => mask[index] === 0));
        return `does not serve ${missing.map(({ alternatives }) => alternatives.join(' or ')).join(', ')}`;
      },
    };
  },
};
