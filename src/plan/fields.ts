import { isObject, type Json, jsonEqual } from '../base/index.ts';

/** The places where two JSON values differ, such as `.spec.template.spec.containers[0].image`; at most `max`, in order. */
export function changedFields(before: Json | undefined, after: Json | undefined, max: number): readonly string[] {
  const found: string[] = [];
  visit(before, after, '', found, max);
  return found;
}

function visit(before: Json | undefined, after: Json | undefined, path: string, found: string[], max: number): void {
  if (found.length >= max || jsonEqual(before, after)) return;
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const key of keys) visit(before[key], after[key], `${path}${step(key)}`, found, max);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      visit(before[i], after[i], `${path}[${i}]`, found, max);
    }
    return;
  }
  found.push(path === '' ? '.' : path);
}

/** Keys that are no plain words stand in brackets: `.metadata.labels["app.kubernetes.io/name"]`. */
function step(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Whether a place is the other one or lies within it. */
export function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}
