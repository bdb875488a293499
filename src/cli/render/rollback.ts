/** The proof of a rollback in words: is it as it was, what others changed meanwhile, what differs, what stays by rule. */
import { isObject, type Json } from '../../base/index.ts';
import type { RollbackVerified, TransactionView } from '../../saga/types.ts';

/** Places named one by one on a terminal; `-o json` and `rollback-report` have them all. */
const PLACES_SHOWN_MAX = 20;
const VALUE_CHARACTERS_MAX = 60;

export function rollbackText({ rollback, forced }: Pick<TransactionView, 'rollback' | 'forced'>): string {
  const verified = rollback?.verified;
  if (!verified) return '';
  const clusters = Object.entries(verified.clusters).map(([cluster, verdict]) => `${cluster} ${verdict}`);
  const theirs = verified.differences.filter(isTheirs);
  const open = verified.differences.filter((one) => !isTheirs(one));
  const lines = [
    `  undone and read back: ${verdictText(verified, forced)}`,
    ...(clusters.length === 0 ? [] : [`    ${clusters.join(', ')}`]),
    `    before ${verified.digestBefore}`,
    `    after  ${verified.digestAfter}`,
    ...listed(open, (one) => `    differs: ${differenceText(one)}`),
    ...listed(theirs, (one) => `    changed by others: ${differenceText(one)}`),
    ...listed(verified.kept, (one) => `    kept: ${keptText(one)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** `equal to the state before, but for 2 places that others changed` */
function verdictText(verified: RollbackVerified, forced: boolean): string {
  const { equal, clusters, differences } = verified;
  const theirs = verified.explained ?? differences.filter(isTheirs).length;
  const butFor = theirs === 0 ? '' : `, but for ${places(theirs)} that others changed`;
  if (equal) return `equal to the state before${butFor}`;
  const verdicts = Object.values(clusters);
  const open = differences.filter((one) => !isTheirs(one)).length;
  const why = [
    ...(open === 0 ? [] : [`it differs in ${places(open)}`]),
    ...(verdicts.includes('owed') ? ['a part is owed'] : []),
    ...(forced ? ['it was ended by force'] : []),
  ];
  return `NOT equal to the state before${why.length === 0 ? '' : `: ${why.join(', ')}`}${butFor}`;
}

function places(count: number): string {
  return count === 1 ? '1 place' : `${count} places`;
}

function isTheirs(difference: Json): boolean {
  return isObject(difference) && difference.explained !== undefined;
}

function listed(items: readonly Json[], text: (item: Json) => string): readonly string[] {
  const rest = items.length - PLACES_SHOWN_MAX;
  return [...items.slice(0, PLACES_SHOWN_MAX).map(text), ...(rest > 0 ? [`    and ${rest} more`] : [])];
}

/** `ConfigMap shop/settings on eu-1: .data.mode was "a", is "b" (hand has changed it meanwhile)` */
function differenceText(difference: Json): string {
  if (!isObject(difference)) return JSON.stringify(difference);
  const { field, before, after, explained, why } = difference;
  const said = typeof why === 'string' ? why : changeText(String(field), before ?? null, after ?? null);
  return `${placeText(difference)}${said}${typeof explained === 'string' ? ` (${explained})` : ''}`;
}

function changeText(field: string, before: Json, after: Json): string {
  switch (field) {
    case 'object':
      return before === null ? 'was not there, is there now' : 'was there, is not there any more';
    case 'readiness':
      return `was ready, is not: ${String(after)}`;
    case 'owner':
      return ownersText(before, after);
    default:
      return `${field} ${before === null ? 'was not there' : `was ${valueText(before)}`}, ${after === null ? 'is gone' : `is ${valueText(after)}`}`; // biome-ignore format: one sentence
  }
}

/** `owned no more: gitops (Apply) .spec.replicas; owned now: …` */
function ownersText(before: Json, after: Json): string {
  const names = (list: Json) => (Array.isArray(list) ? list.map(String) : []);
  const [lost, gained] = [names(before), names(after)];
  const parts = [
    ...(lost.length === 0 ? [] : [`owned no more: ${lost.join(', ')}`]),
    ...(gained.length === 0 ? [] : [`owned now: ${gained.join(', ')}`]),
  ];
  return parts.join('; ');
}

function keptText(kept: Json): string {
  return isObject(kept) ? `${placeText(kept)}${String(kept.why)}` : JSON.stringify(kept);
}

function placeText({ ref, cluster }: { readonly [key: string]: Json | undefined }): string {
  const named = isObject(ref) ? `${String(ref.kind)} ${ref.namespace === undefined ? '' : `${String(ref.namespace)}/`}${String(ref.name)}` : ''; // biome-ignore format: one name
  const on = typeof cluster === 'string' ? `${named === '' ? '' : ' '}on ${cluster}` : '';
  return named === '' && on === '' ? '' : `${named}${on}: `;
}

function valueText(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > VALUE_CHARACTERS_MAX ? `${text.slice(0, VALUE_CHARACTERS_MAX)}…` : text;
}
