/** Field sets written under an older schema of the same version, fitted to the present one. */
import { type Atom, deduced, fold } from './atom.ts';
import { differenceBelow, type FieldSet, insert, isEmptySet, newSet, union } from './field-set.ts';
import type { Element } from './path.ts';

type Set = ReturnType<typeof newSet>;

/** Finds lists and maps that are owned item by item though they are now owned as a whole. */
function findWholes(set: FieldSet, ownsWhole: boolean, atom: Atom, path: Element[], wholes: Set): void {
  fold(atom, {
    map: (map) => {
      const open = map.fields.size === 0 && map.element?.() === deduced;
      if (open) return;
      if (!ownsWhole && map.atomic) {
        if (!isEmptySet(set)) insert(wholes, path);
        return;
      }
      below(set, (element) => (map.fields.get(element.slice(2))?.type ?? map.element)?.(), path, wholes);
    },
    scalar: () => {},
    list: (list) => {
      if (!ownsWhole && list.atomic) insert(wholes, path);
      else below(set, () => list.element(), path, wholes);
    },
  });
}

function below(set: FieldSet, typeOf: (element: Element) => Atom | undefined, path: Element[], wholes: Set): void {
  for (const [element, child] of set.children) {
    const atom = typeOf(element);
    if (atom === undefined) continue;
    path.push(element);
    findWholes(child, false, atom, path, wholes);
    path.pop();
  }
}

/** The set with each such list or map replaced by its own path. The same set if there is none. */
export function reconcile(set: FieldSet, atom: Atom): FieldSet {
  const wholes = newSet();
  findWholes(set, false, atom, [], wholes);
  return isEmptySet(wholes) ? set : union(differenceBelow(set, wholes), wholes);
}
