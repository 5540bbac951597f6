import { createLabelReader } from "../examples/labels.ts";
import { BadExample } from "../examples/row_values.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { Failure } from "../failure.ts";
import type { Cell } from "../files/columns/batch.ts";
import { parseTime, timeOfInteger } from "../files/columns/field_value.ts";
import { parseReal } from "../files/text/number_text.ts";
import { hashOf } from "../math/hash.ts";

/** Cells of a row's columns that are no fields; undefined for a column that the file does not have. */
export interface RowCells {
  readonly label: Cell;
  readonly id: Cell | undefined;
  readonly group: Cell | undefined;
  readonly weight: Cell | undefined;
  readonly time: Cell | undefined;
}

/** What an evaluation takes of a row besides its fields. */
export interface LabelledRow {
  readonly label: number;
  /** Hash of the group. */
  readonly group: number;
  readonly weight: number;
  /** Microseconds since 1970; NaN is missing. */
  readonly time: number;
}

/** Reads labels, groups, weights and times of files. A row without a label, or of weight 0, is not for evaluation. */
export function createLabelledRowReader(spec: FeatureSpec) {
  const reader = createLabelReader(spec);

  const labelOf = (cell: Cell, nameOf: () => string): number | undefined => {
    // A file may write a label in another way than the table of the store: "1", "1.0", true.
    const number = spec.positive === undefined && typeof cell === "string" ? parseReal(cell) : undefined;
    const value = number ?? cell;
    if (value === null || value !== value) return undefined;
    try {
      // The name of a row costs as much as the rest: it is only made for a message.
      return reader.read(["", value], 1);
    } catch (error) {
      if (error instanceof BadExample) throw invalid(faultOf(value, nameOf()));
      throw error;
    }
  };
  const faultOf = (value: Cell, name: string): string => {
    try {
      return `${name} has the label ${reader.read([name, value], 1)}`;
    } catch (error) {
      if (error instanceof BadExample) return error.message.replace(`${spec.id} `, "");
      throw error;
    }
  };

  const weightOf = (cell: Cell | undefined, nameOf: () => string): number => {
    if (cell === undefined) return 1;
    const weight = typeof cell === "string" ? parseReal(cell) ?? NaN : Number(cell ?? NaN);
    if (weight >= 0 && weight < Infinity) return weight;
    throw invalid(`${nameOf()} has the ${spec.weight} ${String(cell)}, expected 0 or a positive number`);
  };

  return {
    /** @param nameOf Names the row in a message. @returns undefined for a row that is not for evaluation. */
    read(cells: RowCells, nameOf: () => string): LabelledRow | undefined {
      const label = labelOf(cells.label, nameOf);
      if (label === undefined) return undefined;
      const weight = weightOf(cells.weight, nameOf);
      if (weight === 0) return undefined;
      // A row without a group is a group by itself.
      return {
        label,
        group: hashOf(cells.group ?? nameOf()),
        weight,
        time: timeOf(cells.time),
      };
    },
  };
}

function timeOf(cell: Cell | undefined): number {
  if (cell === undefined || cell === null) return NaN;
  return Number((typeof cell === "string" ? parseTime(cell) : timeOfInteger(cell)) ?? NaN);
}

function invalid(what: string): Failure {
  return new Failure("examples-invalid", `Cannot evaluate: ${what}.`);
}
