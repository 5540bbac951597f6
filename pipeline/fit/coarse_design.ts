import { type DesignMatrix, type FactorGroup, forRowRanges } from "../encode/design_matrix.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import { expandSums, passPoint } from "./objective.ts";
import type { Passes } from "./passes.ts";
import { createRowKernel, type RowKernel } from "./row_kernel.ts";
import { layoutOf } from "./sums_layout.ts";

/** Columns of 0 and 1 that stay apart: so many have a Hessian that costs less than a pass over the rows. */
const columnsMax = 512;
/** Rows that its entries are estimated from. */
const sampleRows = 65_536;

/**
 * A wide design with few columns: the numeric ones and the levels with the most rows as they are, and of each field all
 * other levels as one.
 */
export interface CoarseDesign {
  readonly columnCount: number;
  /** Coarse columns that are numeric ones. */
  readonly numericColumns: readonly number[];
  /** Shape (columns): the coarse column of each column; −1 if it has none. */
  readonly columnOf: Int32Array;
  /** Shape (coarse columns): how many columns each stands for. */
  readonly sizes: Int32Array;
  /**
   * Estimates the Hessian of the mean loss from a sample of the rows.
   *
   * @returns Shape (coarse columns + 1, coarse columns + 1), intercept last.
   */
  hessianAt(coefficients: Float64Array): Float64Array;
}

/**
 * @param curvatures As `Passes` gives them: columns of 0 and 1 with the most stay apart.
 * @param curvatureMin Columns with less are never apart.
 */
export function createCoarseDesign(
  passes: Passes,
  curvatures: Float64Array,
  curvatureMin: number,
): CoarseDesign {
  const { design } = passes;
  const { columnOf, sizes } = assignColumns(design, curvatures, curvatureMin);
  const groups = design.groups.map((group): FactorGroup => {
    const columns = sharedInt32(group.columns.length);
    for (let at = 0; at < columns.length; at++) {
      const column = group.columns[at];
      columns[at] = column < 0 ? -1 : columnOf[column];
    }
    return { ...group, columns };
  });
  const numericColumns = design.numericColumns.map((column) => columnOf[column]);
  const coarse: DesignMatrix = { ...design, columnCount: sizes.length, numericColumns, groups };
  const kernel = createRowKernel(coarse, "columns");
  const layout = layoutOf(coarse, "columns");
  return {
    columnCount: sizes.length,
    numericColumns,
    columnOf,
    sizes,
    hessianAt(coefficients) {
      kernel.setPoint(passPoint(design, coefficients));
      kernel.clear(layout);
      const weight = addSample(passes, kernel);
      const { hessian } = expandSums(coarse, layout, kernel.sums());
      if (!hessian) throw new Error("the layout has a Hessian");
      return hessian.map((value) => value / weight);
    },
  };
}

/** Adds rows from all over the data: the first of each chunk. @returns Their weight. */
function addSample({ design, parts, weight, chunks }: Passes, kernel: RowKernel): number {
  const rows = parts.reduce((sum, part) => sum + design.partRows[part], 0);
  const share = Math.min(1, sampleRows / rows);
  let taken = 0;
  for (const chunk of chunks()) {
    forRowRanges(chunk, parts, (from, to) => {
      const end = from + Math.ceil((to - from) * share);
      kernel.add(chunk, from, end);
      taken += end - from;
    });
  }
  return (weight.all / rows) * taken;
}

/** Numbers the coarse columns, in the order of the columns. */
function assignColumns(
  design: DesignMatrix,
  curvatures: Float64Array,
  curvatureMin: number,
): Pick<CoarseDesign, "columnOf" | "sizes"> {
  const fieldOf = fieldsOf(design);
  const isApart = new Uint8Array(design.columnCount);
  for (const column of design.numericColumns) isApart[column] = 1;
  for (const column of strongest(curvatures, fieldOf, curvatureMin)) isApart[column] = 1;
  const columnOf = new Int32Array(design.columnCount).fill(-1);
  const restOf = new Map<number, number>();
  const sizes: number[] = [];
  for (let column = 0; column < columnOf.length; column++) {
    if (!isApart[column] && !(fieldOf[column] >= 0 && curvatures[column] > 0)) continue;
    const rest = isApart[column] ? undefined : restOf.get(fieldOf[column]);
    columnOf[column] = rest ?? sizes.length;
    if (rest !== undefined) sizes[rest]++;
    else {
      if (!isApart[column]) restOf.set(fieldOf[column], sizes.length);
      sizes.push(1);
    }
  }
  return { columnOf, sizes: Int32Array.from(sizes) };
}

/** A number per column for its field; −1 for numeric columns, and for those that no row has. */
function fieldsOf({ columnCount, groups }: DesignMatrix): Int32Array {
  const fieldOf = new Int32Array(columnCount).fill(-1);
  let first = 0;
  for (const { columns, fieldCount } of groups) {
    for (let at = 0; at < columns.length; at++) {
      if (columns[at] >= 0) fieldOf[columns[at]] = first + (at % fieldCount);
    }
    first += fieldCount;
  }
  return fieldOf;
}

/** The columns of 0 and 1 with the most curvature. */
function strongest(curvatures: Float64Array, fieldOf: Int32Array, curvatureMin: number): number[] {
  const candidates: number[] = [];
  for (let column = 0; column < fieldOf.length; column++) {
    if (fieldOf[column] >= 0 && curvatures[column] > curvatureMin) candidates.push(column);
  }
  return candidates.sort((a, b) => curvatures[b] - curvatures[a] || a - b).slice(0, columnsMax);
}
