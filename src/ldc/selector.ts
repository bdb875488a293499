import { unreachable } from '../base/index.ts';
import type { LabelSelector } from './types.ts';

/** Whether labels match a selector, as Kubernetes does: NotIn and DoesNotExist also match when the label is absent. */
export function matchesSelector(
  selector: LabelSelector,
  labels: { readonly [key: string]: string | undefined },
): boolean {
  return selectorMismatch(selector, labels) === undefined;
}

/** The first requirement that labels do not meet, in words, or undefined when they match. */
export function selectorMismatch(
  selector: LabelSelector,
  labels: { readonly [key: string]: string | undefined },
): string | undefined {
  for (const [key, value] of Object.entries(selector.matchLabels)) {
    if (labels[key] !== value) return `label ${key} is ${labels[key] ?? 'absent'}, not ${value}`;
  }
  for (const expression of selector.matchExpressions) {
    const value = labels[expression.key];
    if (!holds(expression, value)) {
      const values = expression.values.length > 0 ? ` (${expression.values.join(', ')})` : '';
      return `label ${expression.key} is ${value ?? 'absent'}, wanted ${expression.operator}${values}`;
    }
  }
  return undefined;
}

function holds(expression: LabelSelector['matchExpressions'][number], value: string | undefined): boolean {
  switch (expression.operator) {
    case 'In':
      return value !== undefined && expression.values.includes(value);
    case 'NotIn':
      return value === undefined || !expression.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return unreachable(expression.operator);
  }
}
