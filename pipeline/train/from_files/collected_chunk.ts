import type { ColumnMaker } from "../../chunks/chunk_store.ts";
import { type ColumnPlaces, pick, placeColumns } from "../../examples/hash_join/placed_columns.ts";
import type { KeyedRows } from "../../examples/hash_join/keyed_rows.ts";
import { inputColumnsOf } from "../../examples/input_columns.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import type { RawChunk } from "../../examples/raw_examples.ts";

/** Rows in the order in which they were read, with the columns that are known by then. */
export interface CollectedChunk extends RawChunk {
  /** Shape (rows). */
  readonly ids: Float64Array<SharedArrayBuffer>;
  readonly firstId: number;
  readonly lastId: number;
  /** 1 if the ids ascend; else 0. */
  readonly isAscending: number;
}

export const chunkRowsMax = 16_384;

/** Columns of a table, and the row of it that each kept row reads. */
export interface RowSource {
  readonly numbers: KeyedRows["numbers"];
  readonly codes: KeyedRows["codes"];
  readonly rows: Uint32Array;
  readonly places: ColumnPlaces;
}

interface KeptRows {
  /** Rows of the run. */
  readonly kept: Uint32Array;
  readonly from: number;
  readonly to: number;
}

interface ChunkOptions {
  readonly plan: JoinPlan;
  /** Per row of the run. */
  readonly ids: Float64Array;
  readonly labels: Uint32Array | undefined;
  readonly maker: ColumnMaker;
}

/** Makes a chunk of some of a run's rows. Columns that no source has are to be filled in later. */
export function chunkOfRows(
  sources: readonly RowSource[],
  { kept, from, to }: KeptRows,
  { plan: { spec, time }, ids, labels, maker }: ChunkOptions,
): CollectedChunk {
  const rowCount = to - from;
  const inputs = inputColumnsOf(spec.features);
  const stride = inputs.filter(({ kind }) => kind === "number").length;
  const chunk = {
    rowCount,
    numeric: maker.float64(rowCount * stride),
    codes: inputs.filter(({ kind }) => kind === "category").map(() => maker.uint32(rowCount)),
    labels: maker.uint8(rowCount),
    groups: maker.uint32(rowCount),
    ...(time ? { times: maker.float64(rowCount) } : {}),
    ids: maker.float64(rowCount),
  };
  for (const { numbers, codes, rows, places } of sources) {
    placeColumns(
      { numbers, codes },
      places,
      { ...chunk, stride },
      (values, column) => pick(values, rows, { from, to }, column),
    );
  }
  pick(ids, kept, { from, to }, { target: chunk.ids, first: 0, stride: 1 });
  if (labels) pick(labels, kept, { from, to }, { target: chunk.labels, first: 0, stride: 1 });
  return { ...chunk, ...orderOf(chunk.ids) };
}

/** Describes the order of ids. */
export function orderOf(ids: Float64Array): Pick<CollectedChunk, "firstId" | "lastId" | "isAscending"> {
  let isAscending = 1;
  let [firstId, lastId] = [Infinity, -Infinity];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] < lastId) isAscending = 0;
    if (ids[i] < firstId) firstId = ids[i];
    if (ids[i] > lastId) lastId = ids[i];
  }
  return { firstId, lastId, isAscending };
}
