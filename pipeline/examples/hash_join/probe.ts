import type { DatabaseSync } from "node:sqlite";
import { arrays } from "../../store/sqlite.ts";
import type { SideColumns } from "../row_layout.ts";
import type { Row } from "../row_values.ts";
import { createKeyFinder } from "./hash_table.ts";
import type { HashJoin } from "./hash_join.ts";
import { createKeyWriter } from "./key_encoding.ts";

/** Rows of the child that have all their parents, and their side columns. */
export interface ProbedRows {
  readonly rows: readonly Row[];
  readonly side: SideColumns;
}

/** Returns a function that joins one batch of the child. Its side columns are valid until the next call. */
export function createProbe(
  db: DatabaseSync,
  { buildSides, clickedIds }: HashJoin,
): (batch: readonly Row[]) => ProbedRows {
  const finders = buildSides.map((side) => ({
    finder: "table" in side ? createKeyFinder(side.table) : undefined,
    keyAt: side.keyAt,
  }));
  const later = buildSides.flatMap((side) =>
    "table" in side ? [] : [{ ...side, writer: createKeyWriter(side.encoding) }]
  );
  const statement = arrays(db.prepare(clickedIds));
  // In arrays, which the types of `all` do not know.
  const clicksBetween = (first: unknown, last: unknown) =>
    statement.all(first as number, last as number) as unknown as [id: number][];
  let parentRows: Int32Array[] = [];
  /** @returns Whether all parents exist. */
  const findParents = (row: Row, at: number) => {
    for (let i = 0; i < finders.length; i++) {
      const parentRow = finders[i].finder?.find(row[finders[i].keyAt]) ?? 0;
      if (parentRow < 0) return false;
      parentRows[i][at] = parentRow;
    }
    return later.every(({ writer, keyAt }, i) => {
      const key = row[keyAt];
      // A key that the encoding cannot represent is not in the parent.
      if (typeof key !== "string" || !writer.write(key)) return false;
      parentKeys[i].set(writer.words, at * writer.words.length);
      return true;
    });
  };
  let labels = new Uint8Array(0);
  let parentKeys = later.map(() => new Uint32Array(0));
  return (batch) => {
    if (labels.length < batch.length) {
      parentRows = buildSides.map(() => new Int32Array(batch.length));
      labels = new Uint8Array(batch.length);
      parentKeys = later.map(({ encoding: { width } }) => new Uint32Array(batch.length * width));
    }
    const rows: Row[] = [];
    const clicks = batch.length === 0 ? [] : clicksBetween(batch[0][0], batch[batch.length - 1][0]);
    let next = 0;
    for (const row of batch) {
      const id = Number(row[0]);
      while (next < clicks.length && clicks[next][0] < id) next++;
      if (!findParents(row, rows.length)) continue;
      labels[rows.length] = next < clicks.length && clicks[next][0] === id ? 1 : 0;
      rows.push(row);
    }
    return { rows, side: { parentRows, labels, parentKeys } };
  };
}
