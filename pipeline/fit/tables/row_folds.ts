import { Failure } from "../../failure.ts";
import { mixed } from "../../math/hash.ts";
import { sharedUint8 } from "../../runtime/shared_memory.ts";
import { onlyScored } from "./boost_rows.ts";
import type { RowFolds, SearchRows } from "./found_model.ts";

/** Folds of many rows, and the most of few. */
const [foldsMin, foldsMax] = [3, 10];
/** Rows of all folds together, at most, if there are more folds than the least. */
const foldRowsMax = 20_000;
/** Groups of a fold, in the mean. */
const foldGroups = 20;

/**
 * Returns the number of folds. Few rows cost little time and say little about what is best; with more folds, trees are fitted to nearly
 * as many rows as the final ones. Folds by time are few, since the first of many would be fitted to next to no rows.
 */
function foldCountOf({ groups, times }: Pick<SearchRows, "groups" | "times">): number {
  if (times) return foldsMin;
  const most = Math.min(foldsMax, foldRowsMax / groups.length, new Set(groups).size / foldGroups);
  return Math.max(foldsMin, Math.floor(most));
}

/**
 * Divides rows into folds: by group, so that a group's rows are in one fold; or by time, so that each fold is fitted to the rows
 * before those it is scored on.
 *
 * @throws {Failure} `examples-invalid` if a fold has no rows to score, or only one label to fit.
 */
export function divideRows(rows: SearchRows, seed: number, foldCount = foldCountOf(rows)): RowFolds {
  const folds = rows.times ? foldsByTime(rows, rows.times, foldCount) : foldsByGroup(rows, seed, foldCount);
  requireRows(rows, folds);
  return folds;
}

/**
 * Holds some rows out: the groups of about the given share, or the last rows by time. The result has one fold, fitted to block 0 and
 * scored on block 1.
 */
export function holdOut(rows: SearchRows, seed: number, share: number): RowFolds {
  const { groups, times } = rows;
  const blocks = sharedUint8(groups.length);
  if (times) {
    const [cut] = timeCuts(times, [1 - share]);
    for (let i = 0; i < blocks.length; i++) blocks[i] = times[i] >= cut ? 1 : 0;
    if (rows.split === "both") markSeenGroups(blocks, groups);
  } else {
    for (let i = 0; i < blocks.length; i++) blocks[i] = placeOf(groups[i], seed) < share ? 1 : 0;
  }
  const held = { blocks, folds: [{ fittedTo: [0], scoredOn: 1 }] };
  requireRows(rows, held);
  return held;
}

/** Returns a group's place in [0, 1), which depends on the seed. */
export function placeOf(group: number, seed: number): number {
  return mixed(group ^ mixed(seed + 0x51ed270b)) / 2 ** 32;
}

function foldsByGroup({ groups }: SearchRows, seed: number, foldCount: number): RowFolds {
  const blocks = sharedUint8(groups.length);
  for (let i = 0; i < blocks.length; i++) blocks[i] = Math.floor(placeOf(groups[i], seed) * foldCount);
  const all = Array.from({ length: foldCount }, (_, fold) => fold);
  return {
    blocks,
    folds: all.map((fold) => ({ fittedTo: all.filter((other) => other !== fold), scoredOn: fold })),
  };
}

/** Blocks of about equal numbers of rows, one more than folds. */
function foldsByTime({ groups, split }: SearchRows, times: Float64Array, foldCount: number): RowFolds {
  const cuts = timeCuts(times, Array.from({ length: foldCount }, (_, k) => (k + 1) / (foldCount + 1)));
  const blocks = sharedUint8(groups.length);
  for (let i = 0; i < blocks.length; i++) {
    while (blocks[i] < cuts.length && times[i] >= cuts[blocks[i]]) blocks[i]++;
  }
  if (split === "both") markSeenGroups(blocks, groups);
  return {
    blocks,
    folds: Array.from({ length: foldCount }, (_, fold) => ({
      fittedTo: Array.from({ length: fold + 1 }, (_, block) => block),
      scoredOn: fold + 1,
    })),
  };
}

/** Returns the times at which shares of the rows are earlier. Equal times are never divided. */
function timeCuts(times: Float64Array, shares: readonly number[]): number[] {
  const sorted = Float64Array.from(times).sort();
  return shares.map((share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length))]);
}

/** Rows of a group before its last block are only scored: no fold is then scored on a group that it was fitted to. */
function markSeenGroups(blocks: Uint8Array, groups: Uint32Array): void {
  const last = new Map<number, number>();
  for (let i = 0; i < blocks.length; i++) {
    if (blocks[i] > (last.get(groups[i]) ?? 0)) last.set(groups[i], blocks[i]);
  }
  for (let i = 0; i < blocks.length; i++) {
    if (blocks[i] < (last.get(groups[i]) ?? 0)) blocks[i] += onlyScored;
  }
}

function requireRows({ labels, weights }: SearchRows, { blocks, folds }: RowFolds): void {
  const counts = new Float64Array(512);
  for (let i = 0; i < blocks.length; i++) if (!weights || weights[i] > 0) counts[2 * blocks[i] + labels[i]]++;
  for (const { fittedTo, scoredOn } of folds) {
    const fitted = [0, 1].map((label) => fittedTo.reduce((sum, block) => sum + counts[2 * block + label], 0));
    const scored = [scoredOn, scoredOn + onlyScored].reduce(
      (sum, b) => sum + counts[2 * b] + counts[2 * b + 1],
      0,
    );
    if (scored > 0 && fitted[0] > 0 && fitted[1] > 0) continue;
    const found = scored === 0 ? "has no rows to be scored on" : "is fitted to rows of one label only";
    throw new Failure(
      "examples-invalid",
      `Cannot search for tables: one of ${folds.length} folds of ${blocks.length} training rows ${found}. ` +
        "All rows of a group or of the same time are in one fold. Load more rows, or train without a search.",
    );
  }
}
