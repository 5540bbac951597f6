import { Failure } from "../failure.ts";
import { type ColumnMapping, columnSources } from "../files/columns/column_source.ts";
import { clearRowRun, createRowRun } from "../files/columns/row_run.ts";
import { type FoundValue, releaseBuffer } from "../files/columns/column_buffer.ts";
import { openFile } from "../files/open_file.ts";
import { yieldToEventLoop } from "../runtime/event_loop.ts";
import type { ColumnType, Table, TableColumn } from "../store/table.ts";

export interface WideningOptions {
  readonly paths: readonly string[];
  readonly mapping: ColumnMapping;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the types that the columns of a table need to hold every value of its files: REAL in place of INTEGER if all values
 * are numbers, else TEXT. No type holds an infinite number of a parquet file.
 *
 * @returns The types of the columns that need another one than they have, and can have one, by column.
 * @throws {Failure} as `openFile` and `columnSources`.
 */
export async function widenedTypes(
  table: Table,
  { paths, mapping, signal }: WideningOptions,
): Promise<ReadonlyMap<string, ColumnType>> {
  const widened = new Map<string, ColumnType>();
  let checked = table.columns.filter(({ type }) => type !== "TEXT");
  while (checked.length > 0) {
    const misfits = new Set<string>();
    for (const path of paths) {
      for (const { name } of misfitsOf(table, checked, { path, mapping })) {
        misfits.add(name);
        if (misfits.size === checked.length) break;
      }
      await yieldToEventLoop();
      signal?.throwIfAborted();
    }
    const failing = checked.filter(({ name }) => misfits.has(name));
    for (const { name, type } of failing) if (type === "TEXT") widened.delete(name);
    checked = failing.filter(({ type }) => type !== "TEXT").map((column) => widerOf(table, column));
    for (const { name, type } of checked) widened.set(name, type);
  }
  return widened;
}

/**
 * Adds to the failure of a value that its column cannot hold the types with which all rows of the table's files can be loaded, in
 * words and as `types` of its report. Returns any other error unchanged.
 */
export async function withWiderTypes(
  error: unknown,
  table: Table,
  options: WideningOptions,
): Promise<unknown> {
  if (!(error instanceof Failure) || !("misfit" in error.report)) return error;
  try {
    const types = await widenedTypes(table, options);
    if (types.size === 0) return error;
    const shown = [...types].map(([column, type]) => `${JSON.stringify(column)} ${type}`).join(", ");
    return new Failure(
      error.kind,
      `${error.message}: with ${shown}, ${table.name} can hold every value`,
      error.errors,
      { ...error.report, table: table.name, types: Object.fromEntries(types) },
    );
  } catch (second) {
    // The first failure is reported, unless the second is an interruption.
    return second instanceof Failure && second.kind !== "interrupted" ? error : second;
  }
}

/** Returns the types by which a table's columns can hold all values, of a failure by `withWiderTypes`; undefined for any other. */
export function widerTypesOf(
  error: unknown,
): ReadonlyMap<string, ReadonlyMap<string, ColumnType>> | undefined {
  if (!(error instanceof Failure)) return undefined;
  const { table, types } = error.report;
  if (typeof table !== "string" || typeof types !== "object" || types === null) return undefined;
  const found = Object.entries(types).flatMap(([name, type]): [string, ColumnType][] =>
    type === "REAL" || type === "TEXT" ? [[name, type]] : []
  );
  return new Map([[table, new Map(found)]]);
}

/** A key and a time are not made REAL: the one would no longer be exact, the other no time. */
function widerOf({ key }: Table, column: TableColumn): TableColumn {
  const isNumber = column.type === "INTEGER" && !column.isTime && !key.includes(column.name);
  return { ...column, type: isNumber ? "REAL" : "TEXT", isTime: false };
}

const runRows = 16_384;

/** A value that the type of its column cannot hold. */
export interface Misfit {
  /** The name of the column. */
  readonly name: string;
  /** The value in the file, if it is known. */
  readonly found: FoundValue | undefined;
}

/** Yields the values of a file that the types of the checked columns cannot hold: the different ones of each range of rows. */
export function* misfitsOf(
  table: Table,
  checked: readonly TableColumn[],
  { path, mapping }: { path: string; mapping: ColumnMapping },
): Generator<Misfit> {
  const byName = new Map(checked.map((column) => [column.name, column]));
  let columns: readonly TableColumn[] = [];
  const reader = openFile(path, (fileColumns) => {
    const sources = columnSources(table, fileColumns, { ...mapping, fileName: path }).flatMap(
      ({ column, name }) => {
        const own = byName.get(column.name);
        return own ? [{ column: own, name }] : [];
      },
    );
    columns = sources.map(({ column }) => column);
    return sources;
  }, mapping.format);
  const run = createRowRun(columns);
  try {
    while (columns.length > 0 && reader.read(run, runRows) > 0) {
      for (const [i, { name }] of columns.entries()) {
        const { faults, found } = run.buffers[i];
        for (const value of new Set(faults.keys().map((row) => found.get(row)))) yield { name, found: value };
      }
      clearRowRun(run);
    }
  } finally {
    run.buffers.forEach(releaseBuffer);
    reader.close();
  }
}
