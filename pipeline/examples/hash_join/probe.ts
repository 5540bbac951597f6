import type { DatabaseSync } from "node:sqlite";
import type { ChunkStore } from "../../chunks/chunk_store.ts";
import { arrays } from "../../store/sqlite.ts";
import type { SideColumns } from "../row_layout.ts";
import type { Row } from "../row_values.ts";
import type { BuildSide, ClickedIds, HashJoin } from "./hash_join.ts";
import { createKeyFinder } from "./hash_table.ts";
import { createKeyWriter, keyText } from "./key_encoding.ts";
import { createReferences, type Partitions } from "./partitions.ts";

/** Usable rows of the child that have all their parents, as far as those are in memory, and their side columns. */
export interface ProbedRows {
  /** Of the rows that have all their parents, usable or not. */
  readonly joinedCount: number;
  readonly rows: readonly Row[];
  readonly side: SideColumns;
}

/** Rows that are joined at a time, at most. */
const batchRowsMax = 512;

/** Joins the rows of the child that one thread reads. @param isUsable Whether a row of the view is one to train on. */
export function createProbe(
  db: DatabaseSync,
  { buildSides, clickedIds }: HashJoin,
  chunkStore: ChunkStore,
  isUsable: (row: Row) => boolean,
) {
  const sides = buildSides.map((side) => createSideProbe(side, chunkStore));
  const clicksBetween = createClicks(db, clickedIds);
  const parentRows = sides.map(() => new Int32Array(batchRowsMax));
  const labels = new Uint8Array(batchRowsMax);
  let rowCount = 0;
  /** @returns Whether all parents in memory exist, and the others may. */
  const findParents = (row: Row, at: number) => {
    for (let i = 0; i < sides.length; i++) {
      const parentRow = sides[i].find(row);
      if (parentRow < 0) return false;
      parentRows[i][at] = parentRow;
    }
    return true;
  };
  return {
    /** Joins a batch of up to 512 rows. Its side columns are valid until the next call. */
    join(batch: readonly Row[]): ProbedRows {
      const rows: Row[] = [];
      let joinedCount = 0;
      const clicks = batch.length === 0
        ? []
        : clicksBetween(Number(batch[0][0]), Number(batch[batch.length - 1][0]));
      let next = 0;
      for (const row of batch) {
        const id = Number(row[0]);
        while (next < clicks.length && clicks[next] < id) next++;
        if (!findParents(row, rows.length)) continue;
        joinedCount++;
        if (!isUsable(row)) continue;
        for (const { words, references } of sides) references?.append(words, rowCount);
        rowCount++;
        labels[rows.length] = next < clicks.length && clicks[next] === id ? 1 : 0;
        rows.push(row);
      }
      return { joinedCount, rows, side: { parentRows, labels } };
    },
    /** Returns, per parent that comes later, the keys that the rows refer to. */
    references: (): Partitions[] => sides.flatMap(({ references }) => references ? [references.take()] : []),
  };
}

/** Returns a function that returns the ids from one up to another whose label is 1, ascending. */
function createClicks(
  db: DatabaseSync,
  clickedIds: ClickedIds,
): (first: number, last: number) => ArrayLike<number> {
  if (typeof clickedIds === "string") {
    const statement = arrays(db.prepare(clickedIds));
    // In arrays, which the types of `all` do not know.
    return (first, last) => (statement.all(first, last) as unknown as [id: number][]).map(([id]) => id);
  }
  return (first) => {
    let [low, high] = [0, clickedIds.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (clickedIds[middle] < first) low = middle + 1;
      else high = middle;
    }
    return clickedIds.subarray(low);
  };
}

function createSideProbe(side: BuildSide, chunkStore: ChunkStore) {
  const { keyAt } = side;
  const { encoding } = "table" in side ? side.table : side.partitioning;
  const { words, write } = createKeyWriter(encoding);
  const find = "table" in side ? createKeyFinder(side.table) : () => 0;
  return {
    /** Returns the row of the parent; 0 if that is found later, −1 if there is none. */
    find(row: Row): number {
      const key = keyText(row[keyAt]);
      // A key that the encoding cannot represent is not in the parent.
      return key !== undefined && write(key) ? find(words, 0) : -1;
    },
    /** The key of the last row that was looked up. */
    words,
    /** Of a parent whose rows are found later. */
    references: "table" in side ? undefined : createReferences(side.partitioning, chunkStore),
  };
}
