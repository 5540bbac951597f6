import { loadEach } from "../chunks/chunk_store.ts";
import { type DesignMatrix, forRowRanges } from "../encode/design_matrix.ts";
import { createGroupTable } from "../examples/group_table.ts";
import { leftOutPart, trainPart } from "../examples/split.ts";
import { createTimeCutSearch } from "../examples/time_cut.ts";

/** How training rows are divided into blocks, of which folds are made. */
export interface FoldOf {
  /** Number of the blocks that rows are divided into. */
  readonly blockCount: number;
  /** The block that a row is in. */
  blockOf(group: number, time: number): number;
  /** Whether the row is only scored: no fold is fitted to it. */
  isOnlyScored(group: number, block: number): boolean;
  /** The blocks that each fold is fitted to, and the one that it is scored on. */
  readonly folds: readonly { readonly fittedTo: readonly number[]; readonly scoredOn: number }[];
}

/**
 * Divides the training rows by time into blocks of about equal numbers of rows, one more than folds. Fold k is fitted to the
 * first k blocks and scored on the next one, as a model is trained on the past and used on what comes after.
 *
 * @param options.split `both`: only the rows of a group's last block are fitted to, so that no fold is scored on a group that it has
 *   seen.
 */
export function timeFolds(
  design: DesignMatrix,
  { foldCount, split }: { foldCount: number; split: "time" | "both" },
): FoldOf {
  const blockCount = foldCount + 1;
  const cuts = cutsOf(design, blockCount);
  const blockOf = (_group: number, time: number) => {
    let block = 0;
    while (block < cuts.length && time >= cuts[block]) block++;
    return block;
  };
  const lastBlocks = createGroupTable();
  if (split === "both") {
    visitRows(design, (time, group) => {
      const block = blockOf(group, time);
      if (block > 0) lastBlocks.raise(group, block);
    });
  }
  return {
    blockCount,
    blockOf,
    isOnlyScored: (group, block) => block < lastBlocks.stageOf(group),
    folds: Array.from({ length: foldCount }, (_, fold) => ({
      fittedTo: Array.from({ length: fold + 1 }, (_, block) => block),
      scoredOn: fold + 1,
    })),
  };
}

/** Returns the first times of all blocks but the first, in ascending order. Equal times are in one block, which may leave others empty. */
function cutsOf(design: DesignMatrix, blockCount: number): number[] {
  const searches = Array.from(
    { length: blockCount - 1 },
    (_, i) => createTimeCutSearch((blockCount - 1 - i) / blockCount),
  );
  let open = searches;
  while (open.length > 0) {
    visitRows(design, (time) => {
      for (const search of open) search.add(time);
    });
    open = open.filter((search) => search.endWalk());
  }
  return searches.map((search) => search.cut() ?? Infinity);
}

/** Visits the training rows, and those left out by sampling. */
function visitRows(design: DesignMatrix, visit: (time: number, group: number) => void): void {
  for (const chunk of loadEach(design.chunks)) {
    const { times, groups } = chunk;
    if (!times || !groups) throw new Error("the design has no times or no group hashes");
    forRowRanges(chunk, [trainPart, leftOutPart], (from, to) => {
      for (let i = from; i < to; i++) visit(times[i], groups[i]);
    });
  }
}
