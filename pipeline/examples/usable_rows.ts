import type { SqlRow } from "../store/checked_rows.ts";
import type { RowLayout } from "./row_layout.ts";
import { createLabelReader } from "./labels.ts";
import type { LeftOutRows } from "./row_account.ts";
import type { FeatureSpec } from "./spec.ts";

/**
 * Filters out rows that are not for training, and counts them.
 *
 * @param layout Layout of the rows. A label in a side column always exists.
 */
export function createUsableRows(spec: FeatureSpec, { label, weight }: RowLayout) {
  const labelReader = createLabelReader(spec);
  let [noLabel, zeroWeight] = [0, 0];
  const isUsable = (row: SqlRow) =>
    (label === undefined || row[label] !== null) && (weight === undefined || row[weight] !== 0);
  const count = (row: SqlRow) => {
    if (isUsable(row)) return;
    if (label !== undefined && row[label] === null) noLabel++;
    else {
      // An invalid label is an error even if the weight is 0.
      if (label !== undefined) labelReader.read(row, label);
      zeroWeight++;
    }
  };
  return {
    /** @returns Whether a row is one to train on. */
    take(row: SqlRow): boolean {
      count(row);
      return isUsable(row);
    },
    /** @returns The rows to train on; the same array if these are all rows. */
    filter(rows: readonly SqlRow[]): readonly SqlRow[] {
      if (label === undefined && weight === undefined) return rows;
      if (rows.every(isUsable)) return rows;
      rows.forEach(count);
      return rows.filter(isUsable);
    },
    /** Returns the counts of rows filtered out so far. */
    leftOut: (): LeftOutRows => ({ noLabel, zeroWeight }),
  };
}
