import { binOf } from "../encode/divisions.ts";
import { levelNames } from "../encode/column_names.ts";
import type { DesignChunk, DesignMatrix } from "../encode/design_matrix.ts";
import { type Encoder, type LeveledEncoder, widthOf } from "../encode/encoder.ts";
import { type ColumnValues, createColumnValues } from "../evaluate/divisions.ts";
import { numberGroups } from "../evaluate/ranked_rows.ts";
import { strongestField } from "../evaluate/single_field.ts";
import type { NumberBins } from "./number_bins.ts";
import type { SampledRow } from "./sampled_rows.ts";

/** Divides rows of a design by the values of a field. */
export interface RowDivider {
  readonly name: string;
  readonly levels: readonly string[];
  /** Returns the index of a row's level. */
  codeOf(chunk: DesignChunk, row: number): number;
}

/** Returns the field by which some rows are predicted best; undefined if there is none. */
export function strongestOf(rows: readonly SampledRow[], { features }: Encoder): string | undefined {
  const columns = features.flatMap(({ name, type }): ColumnValues[] =>
    type === "words" || type === "time" || type === "clock"
      ? []
      : [createColumnValues(name, { areLevels: type !== "numeric" && type !== "binned" })]
  );
  for (const { features: values } of rows) {
    for (const column of columns) column.add(values[column.name] ?? null);
  }
  const labelled = {
    labels: Uint8Array.from(rows, ({ label }) => label),
    groups: Uint32Array.from(rows, ({ group }) => group),
    weights: Float64Array.from(rows, ({ weight }) => weight),
  };
  return strongestField(labelled, numberGroups(labelled.groups), columns.map((column) => column.division()))
    ?.name;
}

/** @returns undefined if the design's rows do not have the field apart from others. */
export function rowDivider(
  design: DesignMatrix,
  { features }: Encoder,
  bins: readonly NumberBins[],
  name: string,
): RowDivider | undefined {
  const feature = features.find((one) => one.name === name);
  if (!feature) return undefined;
  if (feature.type === "categorical" || feature.type === "ordinal") return levelDivider(design, feature);
  const own = bins.find(({ plan }) => plan.column === feature.column);
  const at = design.numericColumns.indexOf(feature.column);
  if (!own || at < 0) return undefined;
  const stride = design.numericColumns.length;
  return {
    name,
    levels: Array.from({ length: own.edges.length + 1 }, (_, bin) => String(bin)),
    codeOf: ({ numeric }, row) => binOf(own.edges, numeric[row * stride + at]),
  };
}

function levelDivider({ groups }: DesignMatrix, feature: LeveledEncoder): RowDivider | undefined {
  const [from, to] = [feature.column, feature.column + widthOf(feature)];
  const g = groups.findIndex(({ columns }) => columns.some((column) => column >= from && column < to));
  if (g < 0) return undefined;
  const { cellCount, fieldCount, columns } = groups[g];
  const levels = levelNames(feature);
  // An ordinal level has the columns of all levels from the second one to it; the first has none.
  const isOrdinal = feature.type === "ordinal";
  const positions = new Int32Array(cellCount).fill(isOrdinal ? 0 : levels.length - 1);
  for (let cell = 0, at = 0; cell < cellCount; cell++) {
    for (let field = 0; field < fieldCount; field++, at++) {
      const column = columns[at];
      if (column < from || column >= to) continue;
      const position = column - from + (isOrdinal ? 1 : 0);
      positions[cell] = isOrdinal ? Math.max(positions[cell], position) : position;
    }
  }
  return { name: feature.name, levels, codeOf: ({ cells }, row) => positions[cells[g][row]] };
}
