import { canonical } from '../../base/index.ts';
import { matchesSelector, selectorMismatch } from '../../ldc/index.ts';
import type { Filter } from './filter.ts';

/** `placement.clusters` and the function's own `clusters`: matchLabels and matchExpressions. */
export const labels: Filter = {
  name: 'labels',
  check(subject, fleet) {
    const wanted = subject.selectors.filter(
      (selector) => Object.keys(selector.matchLabels).length > 0 || selector.matchExpressions.length > 0,
    );
    if (wanted.length === 0) return undefined;
    const masks = wanted.map((selector) =>
      fleet.mask(`labels:${canonical([selector.matchLabels, selector.matchExpressions])}`, (cluster) =>
        matchesSelector(selector, cluster.labels),
      ),
    );
    return {
      refuses: (index) => masks.some((mask) => mask[index] === 0),
      why(index) {
        const mismatches = wanted.map((selector) => selectorMismatch(selector, fleet.clusters[index]?.labels ?? {}));
        return mismatches.find((mismatch) => mismatch !== undefined) ?? '';
      },
    };
  },
};
