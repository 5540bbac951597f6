import type { ColumnMaker } from "../../chunks/chunk_store.ts";
import type { PendingChunk, RawChunk } from "../raw_examples.ts";

export interface RepackOptions {
  /** Parents that a row must have. */
  readonly parentCount: number;
  /** Rows of a chunk, at most. */
  readonly rowsMax: number;
  readonly columns: ColumnMaker;
}

/**
 * Divides the rows that have all their parents into other chunks: each but the last is full, and the last may be empty.
 *
 * @param chunks The chunks of one range of ids; each is used before the next one is taken.
 */
export function* repackRange(
  chunks: Iterable<PendingChunk>,
  { parentCount, rowsMax, columns }: RepackOptions,
): Generator<RawChunk> {
  let target: Target | undefined;
  for (const chunk of chunks) {
    target ??= createTarget(chunk, rowsMax);
    for (let row = 0; row < chunk.rowCount; row++) {
      if (chunk.parentsFound[row] < parentCount) continue;
      if (target.rowCount === rowsMax) yield takeRows(target, columns);
      copyRow(chunk, row, target);
    }
  }
  if (target) yield takeRows(target, columns);
}

interface Target {
  rowCount: number;
  readonly numeric: Float64Array;
  readonly stride: number;
  readonly codes: readonly Uint32Array[];
  readonly labels: Uint8Array;
  readonly groups: Uint32Array;
  readonly weights: Float64Array | undefined;
  readonly times: Float64Array | undefined;
}

function createTarget({ rowCount, numeric, codes, weights, times }: PendingChunk, rowsMax: number): Target {
  const stride = rowCount === 0 ? 0 : numeric.length / rowCount;
  return {
    rowCount: 0,
    numeric: new Float64Array(rowsMax * stride),
    stride,
    codes: codes.map(() => new Uint32Array(rowsMax)),
    labels: new Uint8Array(rowsMax),
    groups: new Uint32Array(rowsMax),
    weights: weights && new Float64Array(rowsMax),
    times: times && new Float64Array(rowsMax),
  };
}

function copyRow(chunk: PendingChunk, row: number, target: Target): void {
  const at = target.rowCount++;
  const { stride } = target;
  for (let j = 0; j < stride; j++) target.numeric[at * stride + j] = chunk.numeric[row * stride + j];
  for (let field = 0; field < target.codes.length; field++) target.codes[field][at] = chunk.codes[field][row];
  target.labels[at] = chunk.labels[row];
  target.groups[at] = chunk.groups[row];
  if (target.weights && chunk.weights) target.weights[at] = chunk.weights[row];
  if (target.times && chunk.times) target.times[at] = chunk.times[row];
}

function takeRows(target: Target, columns: ColumnMaker): RawChunk {
  const { rowCount, numeric, stride, codes, labels, groups, weights, times } = target;
  const numbers = (source: Float64Array, count: number) => {
    const column = columns.float64(count);
    column.set(source.subarray(0, count));
    return column;
  };
  const integers = (source: Uint32Array) => {
    const column = columns.uint32(rowCount);
    column.set(source.subarray(0, rowCount));
    return column;
  };
  const label = columns.uint8(rowCount);
  label.set(labels.subarray(0, rowCount));
  target.rowCount = 0;
  return {
    rowCount,
    numeric: numbers(numeric, rowCount * stride),
    codes: codes.map(integers),
    labels: label,
    groups: integers(groups),
    ...(weights ? { weights: numbers(weights, rowCount) } : {}),
    ...(times ? { times: numbers(times, rowCount) } : {}),
  };
}
