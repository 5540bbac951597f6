import { ReadingStopped } from "../store/checked_rows.ts";
import { quoted } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import type { FeatureSpec } from "./spec.ts";

/** Ids from the first up to, and excluding, the second. */
export type IdRange = readonly [from: bigint, to: bigint];

/** The least and the greatest id of the examples. */
export interface Ids {
  readonly first: bigint;
  readonly last: bigint;
}

/** Rows of a chunk, at most. */
const chunkRowsMax = 16_384;
/** Of examples with more columns, a chunk has fewer rows: a chunk of 2,000 numbers a row would take 262 MB. */
const chunkColumnsMax = 256;
/** A batch of the reader fits into a chunk. */
const chunkRowsMin = 512;

/** Returns the most rows of a chunk of examples. @param columnCount Columns that features read. */
export function chunkRowsOf(columnCount: number): number {
  if (columnCount <= chunkColumnsMax) return chunkRowsMax;
  return Math.max(chunkRowsMin, Math.floor(chunkRowsMax * chunkColumnsMax / columnCount));
}
/** Ranges of ids that threads take one after the other: enough to share the work evenly. */
const rangeCount = 64;
/** The least integer that SQLite stores. */
const firstInteger = -(2n ** 63n);

/** Returns whether SQLite reads the view in the order of its ids without sorting. */
export function viewOrdersById({ db }: Store, spec: FeatureSpec): boolean {
  const [view, id] = [quoted(spec.view), quoted(spec.id)];
  const plan = db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM ${view} ORDER BY ${id}`).all();
  return plan.every(({ detail }) => !String(detail).includes("TEMP B-TREE"));
}

/**
 * Finds the least and the greatest id of the view.
 *
 * @returns "none" for an empty view; undefined if ids are not integers, or if SQLite would have to sort for each range.
 */
export function idsOf(store: Store, spec: FeatureSpec): Ids | "none" | undefined {
  if (!viewOrdersById(store, spec)) return undefined;
  const { db } = store;
  const [view, id] = [quoted(spec.view), quoted(spec.id)];
  const endOf = (order: string) => {
    const statement = db.prepare(`SELECT ${id} AS id FROM ${view} ORDER BY ${id} ${order} LIMIT 1`);
    statement.setReadBigInts(true);
    try {
      return statement.get()?.id;
    } catch (error) {
      // The view's WHERE fails on a row, which may be the first.
      throw new ReadingStopped(error, { lastKey: undefined, from: firstInteger });
    }
  };
  const [first, last] = [endOf("ASC"), endOf("DESC")];
  if (first === undefined) return "none";
  return typeof first === "bigint" && typeof last === "bigint" ? { first, last } : undefined;
}

/**
 * Splits the ids into ranges. Each range is read in chunks of `chunkRowsOf` rows, so that chunk boundaries depend on the
 * ids alone.
 *
 * @param after Only ids above it.
 */
export function rangesOf({ first: least, last }: Ids, after?: bigint): IdRange[] {
  const first = after !== undefined && after >= least ? after + 1n : least;
  const idCount = last + 1n - first;
  const bounds = Array.from(
    { length: rangeCount + 1 },
    (_, i) => first + (idCount * BigInt(i)) / BigInt(rangeCount),
  );
  return bounds.slice(1).map((to, i) => [bounds[i], to] as const).filter(([from, to]) => from < to);
}
