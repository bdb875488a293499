/** Lays a configuration over the live object. */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import { type Atom, fold, type ListAtom, type MapAtom, narrowed } from './atom.ts';
import { type Element, itemElement } from './path.ts';

type Maybe = Json | undefined;

/** `over` laid on `under`; undefined: nothing is left to say (an associative list or map without items). */
export function merge(under: Maybe, over: Maybe, atom: Atom): Maybe {
  return fold(narrowed(atom, over === undefined ? under : over), {
    map: (map) => mergeMaps(under, over, map),
    scalar: () => whole(under, over),
    list: (list) => mergeLists(under, over, list),
  });
}

function whole(under: Maybe, over: Maybe): Maybe {
  return over === undefined ? under : over;
}

function mergeMaps(under: Maybe, over: Maybe, map: MapAtom): Maybe {
  const left: JsonObject = isObject(under) ? under : {};
  const right: JsonObject = isObject(over) ? over : {};
  // Both empty: kept as a whole, so that null, {} and absent stay apart.
  if (map.atomic || (Object.keys(left).length === 0 && Object.keys(right).length === 0)) return whole(under, over);
  const out: { [key: string]: Json } = {};
  const put = (key: string) => {
    const type = map.fields.get(key)?.type ?? map.element;
    const merged = type === undefined ? whole(left[key], right[key]) : merge(left[key], right[key], type());
    if (merged !== undefined) out[key] = merged;
  };
  for (const key of Object.keys(left)) put(key);
  for (const key of Object.keys(right)) if (!Object.hasOwn(left, key)) put(key);
  return Object.keys(out).length === 0 ? undefined : out;
}

/** One side of a list: its elements in order, and the item of each, unless it is there twice. */
interface Side {
  readonly items: readonly Json[];
  readonly elements: readonly Element[];
  readonly byElement: ReadonlyMap<Element, Json | undefined>;
}

function sideOf(value: Maybe, list: ListAtom): Side {
  const items: readonly Json[] = Array.isArray(value) ? value : [];
  const elements: Element[] = [];
  const byElement = new Map<Element, Json | undefined>();
  for (const [index, item] of items.entries()) {
    const element = itemElement(list, item);
    const key = typeof element === 'string' ? element : `i:${index}`;
    elements.push(key);
    byElement.set(key, byElement.has(key) ? undefined : item);
  }
  return { items, elements, byElement };
}

function mergeLists(under: Maybe, over: Maybe, list: ListAtom): Maybe {
  const left = sideOf(under, list);
  const right = sideOf(over, list);
  if (list.atomic || (left.items.length === 0 && right.items.length === 0)) return whole(under, over);
  const out: Json[] = [];
  const element = list.element();
  for (const step of interleave(left, right)) {
    const merged =
      step.kind === 'left'
        ? merge(left.items[step.index], undefined, element)
        : merge(left.byElement.get(step.element), right.byElement.get(step.element), element);
    if (merged !== undefined) out.push(merged);
  }
  return out.length === 0 ? undefined : out;
}

type Step = { readonly kind: 'left'; readonly index: number } | { readonly kind: 'shared'; readonly element: Element };

/**
 * The order of a merged list: the configuration's own order holds among its items; items only in the live list stay in
 * front of the shared item that they stood in front of. A live item that the configuration has elsewhere is moved there.
 */
function interleave(left: Side, right: Side): Step[] {
  const steps: Step[] = [];
  const placed = new Set<Element>();
  const shared = right.elements.filter((element) => left.byElement.has(element));
  let next = 0;
  let l = 0;
  let r = 0;
  const place = (element: Element) => {
    placed.add(element);
    steps.push({ kind: 'shared', element });
    r += 1;
  };
  while (l < left.elements.length || r < right.elements.length) {
    const mine = left.elements[l];
    const theirs = right.elements[r];
    if (mine !== undefined && theirs !== undefined) {
      if (mine === theirs) {
        place(theirs);
        l += 1;
        next += 1;
        continue;
      }
      if (right.byElement.has(mine) && next < shared.length && shared[next] !== mine) {
        // Shared, but its turn comes later or has passed.
        l += 1;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!right.byElement.has(mine)) {
        steps.push({ kind: 'left', index: l });
        l += 1;
        continue;
      }
      if (placed.has(mine)) l += 1;
    }
    if (theirs !== undefined) {
      const isNext = shared[next] === theirs;
      place(theirs);
      if (isNext) next += 1;
    }
  }
  return steps;
}
