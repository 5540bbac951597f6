import type { DesignMatrix, FactorGroup } from "../encode/design_matrix.ts";
import { sharedInt32 } from "../runtime/shared_memory.ts";
import type { Passes } from "./passes.ts";

/** Maximum number of one-hot columns that stay separate: their Hessian costs less than a pass over the rows. */
const columnsMax = 512;

/**
 * An approximation of a wide design with few columns: numeric columns and the most frequent levels are kept, and all other
 * levels of a field share one column. Other words of a text have none, since a row may have several.
 */
export interface CoarseDesign {
  readonly columnCount: number;
  /** The numeric coarse columns. */
  readonly numericColumns: readonly number[];
  /** Shape (columns): the coarse column of each column, or −1. */
  readonly columnOf: Int32Array;
  /** Shape (coarse columns): the number of columns that each represents. */
  readonly sizes: Int32Array;
  /**
   * Estimates the Hessian of the mean loss from a sample of the rows, or computes it where rows are not in memory.
   *
   * @returns Shape (coarse columns + 1, coarse columns + 1), intercept last.
   */
  hessianAt(coefficients: Float64Array): Promise<Float64Array>;
}

/**
 * @param curvatures As returned by `Passes.curvatures`: the one-hot columns with the largest stay separate.
 * @param curvatureMin Columns with less curvature are never separate.
 */
export function createCoarseDesign(
  passes: Passes,
  curvatures: Float64Array,
  curvatureMin: number,
): CoarseDesign {
  const { design, coarseHessian, numericHessian } = passes;
  if (!coarseHessian) return numericDesign(passes, numericHessian);
  const { columnOf, sizes } = assignColumns(design, curvatures, curvatureMin);
  const groups = design.groups.map((group): FactorGroup => {
    const columns = sharedInt32(group.columns.length);
    group.columns.forEach((column, at) => columns[at] = column < 0 ? -1 : columnOf[column]);
    return { ...group, columns };
  });
  const numericColumns = design.numericColumns.map((column) => columnOf[column]);
  const columnCount = sizes.length;
  return {
    columnCount,
    numericColumns,
    columnOf,
    sizes,
    hessianAt: (coefficients) => coarseHessian({ columnCount, numericColumns, groups }, coefficients),
  };
}

/** The coarse design of rows that are not in memory: the numeric columns. Others are scaled by their own curvature. */
function numericDesign({ design, weight }: Passes, numericHessian: Passes["numericHessian"]): CoarseDesign {
  if (!numericHessian) throw new Error("the passes have neither rows nor a Hessian of the numeric columns");
  const columnOf = new Int32Array(design.columnCount).fill(-1);
  design.numericColumns.forEach((column, i) => columnOf[column] = i);
  const columnCount = design.numericColumns.length;
  return {
    columnCount,
    numericColumns: [...design.numericColumns.keys()],
    columnOf,
    sizes: new Int32Array(columnCount).fill(1),
    async hessianAt(coefficients) {
      return (await numericHessian(coefficients)).map((value) => value / weight.all);
    },
  };
}

/** Assigns the coarse columns, in the order of the columns. */
function assignColumns(
  design: DesignMatrix,
  curvatures: Float64Array,
  curvatureMin: number,
): Pick<CoarseDesign, "columnOf" | "sizes"> {
  const { fieldOf, sets } = fieldsOf(design);
  const isSeparate = new Uint8Array(design.columnCount);
  for (const column of design.numericColumns) isSeparate[column] = 1;
  for (const column of strongest(curvatures, fieldOf, curvatureMin)) isSeparate[column] = 1;
  const columnOf = new Int32Array(design.columnCount).fill(-1);
  const restOf = new Map<number, number>();
  const sizes: number[] = [];
  for (let column = 0; column < columnOf.length; column++) {
    const isInField = fieldOf[column] >= 0 && !sets.has(fieldOf[column]) && curvatures[column] > 0;
    if (!isSeparate[column] && !isInField) continue;
    const rest = isSeparate[column] ? undefined : restOf.get(fieldOf[column]);
    columnOf[column] = rest ?? sizes.length;
    if (rest !== undefined) sizes[rest]++;
    else {
      if (!isSeparate[column]) restOf.set(fieldOf[column], sizes.length);
      sizes.push(1);
    }
  }
  return { columnOf, sizes: Int32Array.from(sizes) };
}

/** The fields of a design's one-hot columns. */
interface ColumnFields {
  /** Shape (columns): the field's index; −1 for numeric columns and columns in no cell. */
  readonly fieldOf: Int32Array;
  /** Indices of the fields of texts. */
  readonly sets: ReadonlySet<number>;
}

function fieldsOf({ columnCount, groups }: DesignMatrix): ColumnFields {
  const fieldOf = new Int32Array(columnCount).fill(-1);
  const sets = new Set<number>();
  let first = 0;
  for (const { columns, fieldCount, isSet } of groups) {
    for (let at = 0; at < columns.length; at++) {
      if (columns[at] >= 0) fieldOf[columns[at]] = first + (isSet ? 0 : at % fieldCount);
    }
    if (isSet) sets.add(first);
    first += fieldCount;
  }
  return { fieldOf, sets };
}

/** Returns the one-hot columns with the largest curvature. */
function strongest(curvatures: Float64Array, fieldOf: Int32Array, curvatureMin: number): number[] {
  const candidates: number[] = [];
  for (let column = 0; column < fieldOf.length; column++) {
    if (fieldOf[column] >= 0 && curvatures[column] > curvatureMin) candidates.push(column);
  }
  return candidates.sort((a, b) => curvatures[b] - curvatures[a] || a - b).slice(0, columnsMax);
}
