import type { Coding } from "../coding.ts";
import { inputColumnsOf, inputIndices } from "../input_columns.ts";
import type { JoinPlan } from "../join_plan.ts";
import type { KeyedRows } from "./keyed_rows.ts";

/** Returns the columns of a table that examples read, by kind. The time is a number after the last field. */
export function fieldsOf({ spec, fields, time, group }: JoinPlan, table: string) {
  const own = inputColumnsOf(spec.features).flatMap(({ kind }, field) =>
    fields[field].table === table ? [{ kind, field, column: fields[field].column }] : []
  );
  const ownTime = time?.table === table
    ? [{ kind: "number", field: fields.length, column: time.column }]
    : [];
  return {
    numeric: [...own.filter(({ kind }) => kind === "number"), ...ownTime],
    categorical: own.filter(({ kind }) => kind === "category"),
    /** The group of the examples, if it is a column of the table. */
    groups: group.table === table ? [group] : [],
  };
}

/** Where the columns of a table are in an example. */
export interface ColumnPlaces {
  /** Per numeric column: its index among the numbers of an example; −1 for the time. */
  readonly numbers: readonly number[];
  /** Per column of codes: its index among the categories of an example; −1 for the group. */
  readonly codes: readonly number[];
}

/** Returns where the columns of `fieldsOf` are in an example. */
export function placesOf(plan: JoinPlan, table: string): ColumnPlaces {
  const { numeric, categorical, groups } = fieldsOf(plan, table);
  const columns = inputColumnsOf(plan.spec.features);
  const indexOf = inputIndices(plan.spec.features);
  const placeOf = ({ field }: { readonly field: number }) =>
    field === columns.length ? -1 : indexOf(columns[field]);
  return { numbers: numeric.map(placeOf), codes: [...categorical.map(placeOf), ...groups.map(() => -1)] };
}

/** Returns the number of the categories of an example. */
export function categoryCountOf({ spec }: JoinPlan): number {
  return inputColumnsOf(spec.features).filter(({ kind }) => kind === "category").length;
}

/** Returns how one of several tables coded a category of an example; undefined if none of them has it. */
export function codingOf(
  tables: readonly { readonly places: ColumnPlaces; readonly codings: readonly Coding[] }[],
  category: number,
): Coding | undefined {
  return tables.flatMap(({ places, codings }) => codings[places.codes.indexOf(category)] ?? [])[0];
}

/** Columns of examples that get values of tables. */
export interface PlacedColumns {
  readonly numeric: Float64Array;
  /** Numbers of an example. */
  readonly stride: number;
  readonly codes: readonly (Uint16Array | Uint32Array)[];
  readonly groups: Uint32Array;
  readonly times?: Float64Array | undefined;
}

/** Elements `first`, `first + stride`, … of `target`, one for each row. */
export interface PlacedColumn {
  readonly target: Float64Array | Uint32Array | Uint16Array | Uint8Array;
  readonly first: number;
  readonly stride: number;
}

/** Calls a function with each column of a table, and with the column of examples that gets its values. */
export function placeColumns(
  { numbers, codes }: Pick<KeyedRows, "numbers" | "codes">,
  places: ColumnPlaces,
  examples: PlacedColumns,
  put: (values: Float64Array | Uint32Array, column: PlacedColumn) => void,
): void {
  numbers.forEach((values, i) => {
    const place = places.numbers[i];
    if (place >= 0) put(values, { target: examples.numeric, first: place, stride: examples.stride });
    else if (examples.times) put(values, { target: examples.times, first: 0, stride: 1 });
  });
  codes.forEach((values, i) => {
    const place = places.codes[i];
    put(values, { target: place >= 0 ? examples.codes[place] : examples.groups, first: 0, stride: 1 });
  });
}

/** Puts `values[rows[i]]` for each `i` from one up to, and excluding, another. */
export function pick(
  values: Float64Array | Uint32Array,
  rows: Int32Array | Uint32Array,
  span: { readonly from: number; readonly to: number },
  column: PlacedColumn,
): void {
  if (values instanceof Float64Array) pickNumbers(values, rows, span, column);
  else pickWords(values, rows, span, column);
}

/** Separate functions, as for all inner loops over shared memory: see `countCodes` of summarise.ts. */
function pickNumbers(
  values: Float64Array,
  rows: Int32Array | Uint32Array,
  { from, to }: { readonly from: number; readonly to: number },
  { target, first, stride }: PlacedColumn,
): void {
  for (let i = from, k = first; i < to; i++, k += stride) target[k] = values[rows[i]];
}

function pickWords(
  values: Uint32Array,
  rows: Int32Array | Uint32Array,
  { from, to }: { readonly from: number; readonly to: number },
  { target, first }: PlacedColumn,
): void {
  for (let i = from, k = first; i < to; i++, k++) target[k] = values[rows[i]];
}
