/** Returns the places of the largest sizes, in their order; of equal ones, the first. Sorting all places of a million takes seconds. */
export function largest(sizes: ArrayLike<number>, count: number): number[] {
  const order = (a: number, b: number) => sizes[b] - sizes[a] || a - b;
  let kept: number[] = [];
  let least = -Infinity;
  for (let i = 0; i < sizes.length; i++) {
    if (!(sizes[i] > least)) continue;
    kept.push(i);
    if (kept.length < 2 * count) continue;
    kept = kept.sort(order).slice(0, count);
    least = sizes[kept[count - 1]];
  }
  return kept.sort(order).slice(0, count);
}
