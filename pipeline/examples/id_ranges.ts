/** Ids from the first up to, and without, the second. */
export type IdRange = readonly [from: bigint, to: bigint];

/** The least and the greatest id of the examples. */
export interface Ids {
  readonly first: bigint;
  readonly last: bigint;
}

/** Rows that are read, and kept, together. */
export const chunkRowsMax = 16_384;
/** Ranges of ids that threads take one after the other: enough to share the work evenly. */
const rangeCount = 64;

/**
 * Splits the ids into ranges. Each is read in chunks of `chunkRowsMax` rows, so that where a chunk ends depends on the ids
 * alone.
 *
 * @param after Only ids above it.
 */
export function rangesOf({ first: least, last }: Ids, after?: bigint): IdRange[] {
  const first = after !== undefined && after >= least ? after + 1n : least;
  const span = last + 1n - first;
  const bounds = Array.from(
    { length: rangeCount + 1 },
    (_, i) => first + (span * BigInt(i)) / BigInt(rangeCount),
  );
  return bounds.slice(1).map((to, i) => [bounds[i], to] as const).filter(([from, to]) => from < to);
}
