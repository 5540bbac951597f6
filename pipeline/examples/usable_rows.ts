import type { SqlRow } from "../store/checked_rows.ts";
import type { RowLayout } from "./row_layout.ts";
import { labelOf } from "./row_values.ts";
import type { LeftOutRows } from "./row_account.ts";
import type { FeatureSpec } from "./spec.ts";

/** Takes out rows that are not for training, and counts them. */
export interface UsableRows {
  /** @returns The rows to train on; the same array if that is all of them. */
  filter(rows: readonly SqlRow[]): readonly SqlRow[];
  /** Rows that were taken out so far. */
  leftOut(): LeftOutRows;
}

/** @param layout Of the rows. A label that comes beside them is always there. */
export function createUsableRows(spec: FeatureSpec, { label, weight }: RowLayout): UsableRows {
  let [noLabel, zeroWeight] = [0, 0];
  const isUsable = (row: SqlRow) =>
    (label === undefined || row[label] !== null) && (weight === undefined || row[weight] !== 0);
  const count = (row: SqlRow) => {
    if (isUsable(row)) return;
    if (label !== undefined && row[label] === null) noLabel++;
    else {
      // A label that is none is an error whatever the weight.
      if (label !== undefined) labelOf(row, label, spec);
      zeroWeight++;
    }
  };
  return {
    filter(rows) {
      if (label === undefined && weight === undefined) return rows;
      if (rows.every(isUsable)) return rows;
      rows.forEach(count);
      return rows.filter(isUsable);
    },
    leftOut: () => ({ noLabel, zeroWeight }),
  };
}
