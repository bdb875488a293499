import { PAGE_ITEMS, type Page } from '../contract/index.ts';

/** A page of a list that is in memory anyway: items in the order of their keys, after `after`. */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  query: { readonly after?: string | undefined; readonly limit?: number | undefined },
): Page<T> {
  const { after } = query;
  const limit = query.limit ?? PAGE_ITEMS;
  const sorted = items
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const shown = sorted.slice(0, limit);
  return {
    items: shown.map(({ item }) => item),
    next: sorted.length > limit ? (shown.at(-1)?.key ?? null) : null,
  };
}

/** Query fields that were given, for filters whose fields may be absent but not undefined. */
export function given<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
