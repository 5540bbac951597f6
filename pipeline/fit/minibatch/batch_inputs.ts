import { createLoader, loadEach } from "../../chunks/chunk_store.ts";
import { type DesignMatrix, fitWeightsOf, forRowRanges } from "../../encode/design_matrix.ts";
import { type BatchRows, shuffleChunks } from "./row_order.ts";

/** The rows of a batch. Overwritten by the next batch. */
export interface BatchInputs {
  readonly rowCount: number;
  /** Shape (rows, codes): columns in which a row has a 1; −1 for none. */
  readonly codes: Int32Array;
  readonly codeCount: number;
  /** Shape (rows, numbers): values of the numeric columns that are not fixed. */
  readonly numbers: Float32Array;
  readonly numberCount: number;
  /** Shape (rows). */
  readonly labels: Uint8Array;
  /** Shape (rows); absent if every row counts once. */
  readonly weights: Float64Array | undefined;
}

/** Reads rows of a design into the arrays of a batch. */
export interface BatchFiller {
  /** Columns of the numbers. */
  readonly numericColumns: readonly number[];
  /** Reads the first `rowCount` rows of `batch`. */
  fill(batch: BatchRows, rowCount: number): BatchInputs;
}

/** A batch may begin in one shuffle buffer and end in the next. */
const loadedChunks = 2 * shuffleChunks;

/** @param zeroColumns Columns whose weights stay 0: they are left out of the rows. @param rowsMax Rows of the largest batch. */
export function createBatchFiller(
  design: DesignMatrix,
  zeroColumns: readonly number[],
  rowsMax: number,
): BatchFiller {
  const zero = new Set(zeroColumns);
  const groups = design.groups.map(({ fieldCount, columns }) => ({
    fieldCount,
    columns: Int32Array.from(columns, (column) => zero.has(column) ? -1 : column),
  }));
  const numericCount = design.numericColumns.length;
  const used = [...design.numericColumns.keys()].filter((j) => !zero.has(design.numericColumns[j]));
  const codeCount = groups.reduce((sum, { fieldCount }) => sum + fieldCount, 0);
  const codes = new Int32Array(rowsMax * codeCount);
  const numbers = new Float32Array(rowsMax * used.length);
  const labels = new Uint8Array(rowsMax);
  const weights = new Float64Array(rowsMax);
  const loader = createLoader(loadedChunks);
  return {
    numericColumns: used.map((j) => design.numericColumns[j]),
    fill(batch, rowCount) {
      let isWeighted = false;
      for (let i = 0, code = 0, number = 0; i < rowCount; i++) {
        const chunk = loader.load(design.chunks[batch.chunks[i]]);
        const row = batch.rows[i];
        for (let j = 0; j < used.length; j++) numbers[number++] = chunk.numeric[row * numericCount + used[j]];
        for (let g = 0; g < groups.length; g++) {
          const { fieldCount, columns } = groups[g];
          const at = chunk.cells[g][row] * fieldCount;
          for (let field = 0; field < fieldCount; field++) codes[code++] = columns[at + field];
        }
        labels[i] = chunk.labels[row];
        const weightsOfChunk = fitWeightsOf(chunk);
        if (weightsOfChunk) isWeighted = true;
        weights[i] = weightsOfChunk === undefined ? 1 : weightsOfChunk[row];
      }
      return {
        rowCount,
        codes: codes.subarray(0, rowCount * codeCount),
        codeCount,
        numbers: numbers.subarray(0, rowCount * used.length),
        numberCount: used.length,
        labels: labels.subarray(0, rowCount),
        weights: isWeighted ? weights.subarray(0, rowCount) : undefined,
      };
    },
  };
}

/** Returns the columns that are 0 on all training rows. They have no gradient, so that a random weight would stay as noise. */
export function emptyColumns(
  { columnCount, numericColumns, groups, chunks }: DesignMatrix,
  trainParts: readonly number[],
): number[] {
  const seen = new Uint8Array(columnCount);
  for (const column of numericColumns) seen[column] = 1;
  groups.forEach(({ cellCount, fieldCount, columns }, g) => {
    const occurs = new Uint8Array(cellCount);
    for (const chunk of loadEach(chunks)) {
      forRowRanges(chunk, trainParts, (from, to) => {
        for (let i = from; i < to; i++) occurs[chunk.cells[g][i]] = 1;
      });
    }
    for (let at = 0; at < columns.length; at++) {
      if (columns[at] >= 0 && occurs[Math.floor(at / fieldCount)]) seen[columns[at]] = 1;
    }
  });
  return [...seen.keys()].filter((column) => seen[column] === 0);
}
