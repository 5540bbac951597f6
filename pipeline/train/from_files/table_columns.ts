import { fieldsOf, placesOf } from "../../examples/hash_join/placed_columns.ts";
import type { JoinPlan } from "../../examples/join_plan.ts";
import type { ColumnBuffer } from "../../files/columns/column_buffer.ts";
import type { RowRun } from "../../files/columns/row_run.ts";
import { createCategories, createGroups, createNumbers } from "./run_columns.ts";

export function bufferOf(run: RowRun, name: string): ColumnBuffer | undefined {
  return run.buffers[run.columns.findIndex((column) => column.name === name)];
}

/** Creates converters of a table's columns that examples read. */
export function createTableColumns(plan: JoinPlan, table: string) {
  const { numeric, categorical, groups } = fieldsOf(plan, table);
  const numbers = numeric.map(({ column }) => ({ name: column, column: createNumbers() }));
  const categories = categorical.map(({ column }) => ({ name: column, ...createCategories() }));
  const words = [...categories, ...groups.map(({ column }) => ({ name: column, column: createGroups() }))];
  return {
    places: placesOf(plan, table),
    /** Per categorical field. */
    get codings() {
      return categories.map(({ coding }) => coding());
    },
    /** Converts a run, given by the names of its columns. @returns Whether all values can be part of an example. */
    read: (buffers: (name: string) => ColumnBuffer | undefined): boolean =>
      [...numbers, ...words].every(({ name, column }) => {
        const buffer = buffers(name);
        return buffer !== undefined && column.read(buffer);
      }),
    values: () => ({
      numbers: numbers.map(({ column }) => column.values),
      codes: words.map(({ column }) => column.values),
    }),
  };
}
