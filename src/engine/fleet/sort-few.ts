/**
 * Sorts in place, the least `costOf` first; equals keep their order. For a handful of items, of which
 * `Array.sort` makes copies first: that was 6 % of the CPU time of a read of 4 KB.
 */
export function sortFew<T>(items: T[], costOf: (item: T) => number): T[] {
  for (let i = 1; i < items.length; i++) {
    const item = items[i]!
    const cost = costOf(item)
    let to = i
    for (; to > 0 && costOf(items[to - 1]!) > cost; to--) items[to] = items[to - 1]!
    items[to] = item
  }
  return items
}
