import { createColumnValues } from "../evaluate/divisions.ts";
import type { Field } from "../model/signature.ts";
import type { RowBatch } from "./row_batch.ts";

/** Returns where a column is among those that a source keeps; −1 if it has no such column. */
export type Columns = (name: string | undefined) => number;

/** Texts are no fields to predict by alone, and more fields than this take too much memory. */
const fieldsMax = 64;

/** Collects the values of the fields and of the slices. */
export function createFieldValues(
  fields: readonly Field[],
  { slices: names, scoresOnly }: { readonly slices: readonly string[]; readonly scoresOnly: boolean },
) {
  const valuesOf = (name: string) => {
    const areLevels = fields.some((field) => field.name === name && field.type === "categorical");
    return createColumnValues(name, { areLevels });
  };
  const used = fields.flatMap(({ wordCount, name }, at) =>
    wordCount === undefined ? [{ at, values: valuesOf(name) }] : []
  ).slice(0, scoresOnly ? 0 : fieldsMax);
  const slices = names.map((name) => ({
    name,
    at: fields.findIndex((field) => field.name === name),
    values: valuesOf(name),
  }));
  return {
    /** Returns a function that adds the values of a row. */
    adder({ fields: own, kept }: RowBatch, columns: Columns): (i: number) => void {
      const pairs = [
        ...used.map(({ at, values }) => ({ values, cells: own[at] })),
        ...slices.map(({ name, at, values }) => ({ values, cells: at >= 0 ? own[at] : kept[columns(name)] })),
      ];
      return (i) => {
        for (const { values, cells } of pairs) values.add(cells[i]);
      };
    },
    fields: used.map(({ values }) => values),
    slices: slices.map(({ values }) => values),
  };
}
