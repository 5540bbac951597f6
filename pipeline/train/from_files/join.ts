import { sharedFloat64, sharedUint32, sharedUint8 } from "../../runtime/shared_memory.ts";
import type { CategoryCollector, Float64Collector } from "./column_collector.ts";
import { chunkRowsOf, rangesOf } from "../../examples/id_ranges.ts";
import { mergeChunks } from "../../examples/merge_chunks.ts";
import type { RawChunk, RawExamples } from "../../examples/raw_examples.ts";
import { createRecoding } from "../../examples/recoding.ts";

/** Columns of all rows of the tables that are joined. */
export interface CollectedColumns {
  /** The table that has a row for each example. */
  readonly child: string;
  /** Shape (rows of the child). */
  readonly ids: Float64Array;
  /** Ids of the examples with label 1, in any order; absent if the labels are given. */
  readonly clickedIds?: Float64Array;
  /** Shape (rows of the child): 0 or 1. */
  readonly labels?: Uint8Array;
  /** By parent table, shape (rows of the child): the parent row that each child row refers to, or `noParent`. */
  readonly parentRows: ReadonlyMap<string, Uint32Array>;
  /** In the order of `inputColumnsOf`. */
  readonly fields: readonly {
    readonly table: string;
    readonly column: Float64Collector | CategoryCollector;
  }[];
  readonly group: { readonly table: string; readonly hashes: Uint32Array };
  /** Present if the spec names a time. */
  readonly time?: { readonly table: string; readonly values: Float64Array };
}

/** −1 as an unsigned 32-bit integer. */
const noParent = 0xffff_ffff;

/** Joins rows into examples, in the order of their ids. Rows that lack a parent are left out. */
export function joinColumns(
  { child, ids, clickedIds = new Float64Array(), labels, parentRows, fields, group, time }: CollectedColumns,
): RawExamples {
  const own = sortById(rowsWithParents(ids.length, [...parentRows.values()]), ids);
  const rowsOf = new Map([[child, own]]);
  for (const [table, rows] of parentRows) rowsOf.set(table, own.map((row) => rows[row]));
  /** Returns the row of a table that each example reads. */
  const at = (table: string) => rowsOf.get(table) ?? own;
  const columns: Columns = {
    numeric: fields.flatMap(({ table, column }) =>
      "levels" in column ? [] : [{ rows: at(table), values: column.values() }]
    ),
    categorical: fields.flatMap(({ table, column }) =>
      "levels" in column ? [{ rows: at(table), values: column.values(), ...levelsOfExamples(column) }] : []
    ),
    labels: labels ? Uint8Array.from(own, (row) => labels[row]) : labelsOf(own, ids, clickedIds),
    groups: { rows: at(group.table), values: group.hashes },
    ...(time ? { times: { rows: at(time.table), values: time.values } } : {}),
  };
  const levels = columns.categorical.map((column) => column.levels);
  const parts = chunkBounds(own, ids, chunkRowsOf(fields.length)).map(([from, to], order) => ({
    order,
    levels,
    chunk: chunkOf(from, to, columns),
  }));
  // A column without a level in the examples has no kind of values, whatever the rows left out have.
  const kinds = columns.categorical.map((column) => column.levels.length > 1 ? column.kinds : 0);
  const raw = mergeChunks(parts.map((part) => ({ ...part, kinds })));
  const orphans = { rows: ids.length - own.length, table: child, parents: [...parentRows.keys()] };
  const whole = parentRows.size === 0 ? raw : { ...raw, account: { ...raw.account, orphans } };
  return own.length === 0 ? whole : { ...whole, lastId: BigInt(ids[own[own.length - 1]]) };
}

/** Recodes the levels so that those which occur only in rows left out are not among them. */
function levelsOfExamples(
  { levels: all, kinds }: CategoryCollector,
): Pick<SelectedCategories, "levels" | "kinds" | "codeOf"> {
  const levels: (string | null)[] = [null];
  return { levels, kinds, codeOf: createRecoding(levels, (code) => all[code]) };
}

function rowsWithParents(rowCount: number, parentRows: readonly Uint32Array[]): Uint32Array {
  const rows = new Uint32Array(rowCount);
  let count = 0;
  for (let row = 0; row < rowCount; row++) {
    if (parentRows.every((parents) => parents[row] !== noParent)) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

function sortById(rows: Uint32Array, ids: Float64Array): Uint32Array {
  for (let i = 1; i < rows.length; i++) {
    if (ids[rows[i]] < ids[rows[i - 1]]) return rows.sort((a, b) => ids[a] - ids[b]);
  }
  return rows;
}

function labelsOf(rows: Uint32Array, ids: Float64Array, clickedIds: Float64Array): Uint8Array {
  const sorted = clickedIds.slice().sort();
  const labels = new Uint8Array(rows.length);
  for (let i = 0, k = 0; i < rows.length; i++) {
    const id = ids[rows[i]];
    while (k < sorted.length && sorted[k] < id) k++;
    if (k < sorted.length && sorted[k] === id) labels[i] = 1;
  }
  return labels;
}

/** Returns the bounds of the chunks that reading a store with these ids would give, including empty ones. */
function chunkBounds(
  rows: Uint32Array,
  ids: Float64Array,
  rowsMax: number,
): [from: number, to: number][] {
  if (rows.length === 0) return [];
  const idAt = (i: number) => ids[rows[i]];
  const bounds: [number, number][] = [];
  let from = 0;
  for (const [, to] of rangesOf({ first: BigInt(idAt(0)), last: BigInt(idAt(rows.length - 1)) })) {
    const end = firstAtLeast(Number(to), { from, length: rows.length, idAt });
    if (from === end) bounds.push([from, end]);
    for (; from < end; from = bounds[bounds.length - 1][1]) {
      bounds.push([from, Math.min(end, from + rowsMax)]);
    }
  }
  return bounds;
}

function firstAtLeast(
  id: number,
  { from, length, idAt }: { from: number; length: number; idAt: (i: number) => number },
): number {
  let [low, high] = [from, length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (idAt(middle) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A column of a table, with the row of it that each example reads. */
interface Selected<Values> {
  readonly rows: Uint32Array;
  readonly values: Values;
}

interface SelectedCategories extends Selected<Uint32Array> {
  readonly levels: (string | null)[];
  /** Bit set of the kinds of the values of all rows. */
  readonly kinds: number;
  readonly codeOf: (code: number) => number;
}

interface Columns {
  readonly numeric: readonly Selected<Float64Array>[];
  readonly categorical: readonly SelectedCategories[];
  readonly labels: Uint8Array;
  readonly groups: Selected<Uint32Array>;
  readonly times?: Selected<Float64Array>;
}

function chunkOf(
  from: number,
  to: number,
  { numeric, categorical, labels, groups, times }: Columns,
): RawChunk {
  const rowCount = to - from;
  const chunk = {
    rowCount,
    numeric: sharedFloat64(rowCount * numeric.length),
    codes: categorical.map((column) => recode(pick(column, from, to), column)),
    labels: sharedUint8(rowCount),
    groups: pick(groups, from, to),
    ...(times ? { times: pickNumbers(times, from, to) } : {}),
  };
  numeric.forEach(({ rows, values }, field) => {
    for (let i = from, k = field; i < to; i++, k += numeric.length) chunk.numeric[k] = values[rows[i]];
  });
  chunk.labels.set(labels.subarray(from, to));
  return chunk;
}

function pick(
  { rows, values }: Selected<Uint32Array>,
  from: number,
  to: number,
): Uint32Array<SharedArrayBuffer> {
  const picked = sharedUint32(to - from);
  for (let i = from; i < to; i++) picked[i - from] = values[rows[i]];
  return picked;
}

function pickNumbers(
  { rows, values }: Selected<Float64Array>,
  from: number,
  to: number,
): Float64Array<SharedArrayBuffer> {
  const picked = sharedFloat64(to - from);
  for (let i = from; i < to; i++) picked[i - from] = values[rows[i]];
  return picked;
}

function recode(
  codes: Uint32Array<SharedArrayBuffer>,
  { codeOf }: SelectedCategories,
): Uint32Array<SharedArrayBuffer> {
  for (let i = 0; i < codes.length; i++) codes[i] = codeOf(codes[i]);
  return codes;
}
