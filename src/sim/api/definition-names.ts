/** Which of the names that a CustomResourceDefinition asks for it may have: none that another one of its group has. */
import type { Json, KubeObject } from '../../base/index.ts';
import { type Fields, part } from './cluster.ts';
import { fields } from './strategy.ts';

export interface NamesVerdict {
  /** What is accepted so far. */
  readonly accepted: Fields;
  /** The last conflict found, as a real server reports it; undefined: all names are accepted. */
  readonly conflict?: { readonly reason: string; readonly message: string };
}

const strings = (value: Json | undefined): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** @param others definitions of the same group. */
export function judgeNames(crd: KubeObject, others: readonly KubeObject[]): NamesVerdict {
  const wanted = fields(part(crd, 'spec').names);
  const before = fields(part(crd, 'status').acceptedNames);
  const taken = others.map((other) => fields(part(other, 'status').acceptedNames));
  const resources = new Set(
    taken.flatMap(({ plural, singular, shortNames }) => [String(plural), String(singular), ...strings(shortNames)]),
  );
  const kinds = new Set(taken.flatMap(({ kind, listKind }) => [String(kind), String(listKind)]));
  const accepted: { [name: string]: Json | undefined } = { ...before };
  let conflict: NamesVerdict['conflict'];
  const settle = (name: string, reason: string, clashing: readonly string[]) => {
    if (clashing.length === 0) {
      accepted[name] = wanted[name];
      return;
    }
    const message = clashing.map((one) => `${JSON.stringify(one)} is already in use`).join(', ');
    conflict = { reason, message: clashing.length > 1 ? `[${message}]` : message };
  };
  const clash = (name: string, used: ReadonlySet<string>) =>
    [wanted[name], ...strings(wanted[name])].filter((one) => typeof one === 'string').filter((one) => used.has(one));
  settle('plural', 'PluralConflict', clash('plural', resources));
  settle('singular', 'SingularConflict', clash('singular', resources));
  settle('shortNames', 'ShortNamesConflict', clash('shortNames', resources));
  settle('kind', 'KindConflict', clash('kind', kinds));
  settle('listKind', 'ListKindConflict', clash('listKind', kinds));
  accepted.categories = wanted.categories;
  const known = Object.entries({ plural: '', kind: '', ...accepted }).filter(([, value]) => value !== undefined);
  const names = Object.fromEntries(known) as Fields;
  return conflict === undefined ? { accepted: names } : { accepted: names, conflict };
}
