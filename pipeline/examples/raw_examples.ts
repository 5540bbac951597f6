import { type ColumnMaker, newColumns } from "../chunks/column_pool.ts";
import type { StoredChunk } from "../chunks/stored_chunk.ts";
import { categoryOf } from "../encode/encoder.ts";
import { hashOf } from "../hash.ts";
import type { FeatureSpec } from "./spec.ts";

/** Codes of a categorical field, in the narrowest array that holds them. */
export type Codes = Uint16Array<SharedArrayBuffer> | Uint32Array<SharedArrayBuffer>;

/** Some consecutive examples as raw fields, in columns. Shared memory, so that threads need no copy. */
export interface RawChunk {
  readonly rowCount: number;
  /** Numeric fields in the order of the spec, row-major, shape (rows, numeric fields). NaN is missing. */
  readonly numeric: Float64Array<SharedArrayBuffer>;
  /** Per categorical field in the order of the spec, shape (rows): index into its levels; 0 is missing. */
  readonly codes: readonly Codes[];
  /** Shape (rows): 1 where the offer was clicked. */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  /** Hash of the group, shape (rows). */
  readonly groups: Uint32Array<SharedArrayBuffer>;
  /** Shape (rows), positive; absent where every row counts once. */
  readonly weights?: Float64Array<SharedArrayBuffer>;
}

/** All examples, in the order of their ids. */
export interface RawExamples {
  readonly rowCount: number;
  /** Emptied by the stage that uses them up. */
  readonly chunks: StoredChunk<RawChunk>[];
  /** Per categorical field: the levels in ascending order of code units, after null for missing. */
  readonly levels: readonly (readonly (string | null)[])[];
  /** The greatest id, where ids are integers: rows that came later have a greater one. */
  readonly lastId?: bigint;
}

/** Why a row of the view cannot be an example. The reader of the view turns it into a failure with the row's place. */
export class BadExample extends Error {
  override readonly name = "BadExample";
}

/** Gathers rows of the view into chunks and codes their categories in the order in which they appear. */
export interface ChunkBuilder {
  /** @param rows Shape (rows, 4 + fields): id, label, group, weight, then the fields in the order of the spec. */
  add(rows: readonly (readonly unknown[])[]): void;
  /** Rows that have been added since the last chunk was taken. */
  readonly rowCount: number;
  /** Takes the rows, which may be none, as a chunk. */
  take(): RawChunk;
  /** Per categorical field: the levels in the order of their codes, after null for missing. */
  readonly levels: (string | null)[][];
}

/**
 * @param rowsMax Of a chunk.
 * @param columns Makes the chunks' columns.
 */
export function createChunkBuilder(
  spec: FeatureSpec,
  rowsMax: number,
  columns: ColumnMaker = newColumns,
): ChunkBuilder {
  const numericAt = positionsOf(spec, "numeric");
  const categoricalAt = positionsOf(spec, "categorical");
  const levels: (string | null)[][] = categoricalAt.map(() => [null]);
  const codesOf: Map<unknown, number>[] = categoricalAt.map(() => new Map<unknown, number>([[null, 0]]));
  let rowCount = 0;
  const numeric = new Float64Array(rowsMax * numericAt.length);
  const codes = categoricalAt.map(() => new Uint32Array(rowsMax));
  const labels = new Uint8Array(rowsMax);
  const groups = new Uint32Array(rowsMax);
  const weights = spec.weight === undefined ? undefined : new Float64Array(rowsMax);
  return {
    levels,
    get rowCount() {
      return rowCount;
    },
    add(rows) {
      const from = rowCount;
      rowCount += rows.length;
      for (let j = 0; j < numericAt.length; j++) {
        const at = numericAt[j];
        for (let i = 0, k = from * numericAt.length + j; i < rows.length; i++, k += numericAt.length) {
          const value = rows[i][at];
          numeric[k] = typeof value === "number" && Number.isFinite(value)
            ? value
            : numberOf(value, rows[i], spec, at);
        }
      }
      categoricalAt.forEach((at, j) => {
        const column = codes[j];
        const codeOf = codesOf[j];
        for (let i = 0; i < rows.length; i++) {
          column[from + i] = codeOf.get(rows[i][at]) ?? newCode(rows[i], at, codeOf, levels[j], spec);
        }
      });
      for (let i = 0; i < rows.length; i++) labels[from + i] = labelOf(rows[i], spec);
      for (let i = 0; i < rows.length; i++) groups[from + i] = groupOf(rows[i], spec);
      if (weights) rows.forEach((row, i) => weights[from + i] = weightOf(row, spec));
    },
    take() {
      const chunk = {
        rowCount,
        numeric: filled(columns.float64(rowCount * numericAt.length), numeric),
        codes: codes.map((column, j) =>
          filled(levels[j].length <= 0x10000 ? columns.uint16(rowCount) : columns.uint32(rowCount), column)
        ),
        labels: filled(columns.uint8(rowCount), labels),
        groups: filled(columns.uint32(rowCount), groups),
      };
      const taken = weights ? { ...chunk, weights: filled(columns.float64(rowCount), weights) } : chunk;
      rowCount = 0;
      return taken;
    },
  };
}

/** @param source As long as the target, or longer. */
function filled<A extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(
  target: A,
  source: Float64Array | Uint32Array | Uint8Array,
): A {
  target.set(source.subarray(0, target.length));
  return target;
}

const fieldsFrom = 4;

/** Where the fields of one type stand in a row of the view. */
function positionsOf(spec: FeatureSpec, type: "numeric" | "categorical"): number[] {
  return spec.features.flatMap((feature, i) => feature.type === type ? [fieldsFrom + i] : []);
}

/** 12 and "12" are one level: what is new as a value may be known by its canonical spelling. */
function newCode(
  row: readonly unknown[],
  at: number,
  codeOf: Map<unknown, number>,
  levels: (string | null)[],
  spec: FeatureSpec,
): number {
  const value = row[at];
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") {
    throw badValue(row, spec, at, "a category (text or number)");
  }
  const level = categoryOf(value);
  let code = codeOf.get(level);
  if (code === undefined) {
    code = levels.length;
    levels.push(level);
    codeOf.set(level, code);
  }
  codeOf.set(value, code);
  return code;
}

function numberOf(value: unknown, row: readonly unknown[], spec: FeatureSpec, at: number): number {
  if (value === null || value !== value) return NaN;
  if (typeof value === "bigint") return Number(value);
  throw badValue(row, spec, at, "a number");
}

function weightOf(row: readonly unknown[], spec: FeatureSpec): number {
  const weight = row[3];
  if (typeof weight === "number" && weight > 0 && weight < Infinity) return weight;
  throw new BadExample(
    `${spec.id} ${String(row[0])} has the ${spec.weight} ${String(weight)}, expected a positive number`,
  );
}

function labelOf(row: readonly unknown[], spec: FeatureSpec): number {
  const label = row[1];
  if (label === 0 || label === 1) return label;
  throw new BadExample(
    `${spec.id} ${String(row[0])} has the ${spec.label} ${JSON.stringify(String(label))}, expected 0 or 1`,
  );
}

function groupOf(row: readonly unknown[], spec: FeatureSpec): number {
  // As one group, all rows without one would fall on the same side of the split.
  if (row[2] === null) {
    throw new BadExample(`${spec.id} ${String(row[0])} has no ${spec.group}, expected a group`);
  }
  return hashOf(row[2]);
}

function badValue(row: readonly unknown[], spec: FeatureSpec, at: number, expected: string): BadExample {
  const { name } = spec.features[at - fieldsFrom];
  const value = row[at] instanceof Uint8Array ? "a blob" : JSON.stringify(String(row[at])).slice(0, 60);
  return new BadExample(`${spec.id} ${String(row[0])} has the ${name} ${value}, expected ${expected}`);
}
