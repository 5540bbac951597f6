import type { ChunkStore } from "../../chunks/chunk_store.ts";
import type { MemoryBudget } from "../../chunks/memory_budget.ts";
import { matchPartitions, type PartitionMatches } from "../../examples/hash_join/matching.ts";
import {
  createPartitionWriter,
  createReferences,
  notInStream,
  type Partitioning,
  type Partitions,
} from "../../examples/hash_join/partitions.ts";
import { sumOf } from "../../examples/hash_join/placement.ts";
import { runToEnd } from "../../runtime/steps.ts";
import { sharedInt32 } from "../../runtime/shared_memory.ts";

/** Rows of a parent in partitions, and what refers to them. */
export type LaterRows = ReturnType<typeof createLaterRows>;

export function createLaterRows(
  partitioning: Partitioning,
  { budget, chunkStore }: { readonly budget: MemoryBudget; readonly chunkStore: ChunkStore },
) {
  const rows = createPartitionWriter(partitioning, chunkStore);
  const references = createReferences(partitioning, chunkStore);
  let parents: Partitions | undefined;
  let referred = 0;
  const matches: PartitionMatches[][] = [];
  /** Matches what was added since the last call. @returns References whose parent does not exist. */
  const match = (): number => {
    parents ??= rows.take();
    const next = sharedInt32(1);
    const job = {
      kind: "match",
      partitioning,
      parents,
      references: [references.take()],
      next,
      budget,
    } as const;
    const found = runToEnd(matchPartitions(job));
    matches.push(found);
    const missing = referred - sumOf(found, ({ foundCount }) => foundCount);
    referred = 0;
    return missing;
  };
  return {
    partitioning,
    rows,
    /** Adds a reference. @param place The number of the child's row; `notInStream` if the reference is only counted. */
    refer(words: Uint32Array | undefined, place = notInStream): void {
      referred++;
      if (words) references.append(words, place);
    },
    match,
    /** Per partition: the matches, in the order of the child's rows. */
    blocks() {
      if (referred > 0) match();
      return Array.from(
        { length: partitioning.partitionCount },
        (_, partition) => matches.flatMap((found) => found[partition].streams[0]),
      );
    },
  };
}
