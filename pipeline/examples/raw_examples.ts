import { type ColumnMaker, newColumns } from "../chunks/chunk_store.ts";
import type { StoredChunk } from "../chunks/chunk_file.ts";
import type { ParentField } from "./hash_join/hash_join.ts";
import { hashOf } from "../math/hash.ts";
import { kindBitOf, tableLevelOf, type ValueType } from "./level.ts";
import { writtenLevel } from "./hash_join/build_scan.ts";
import { createRecoding } from "./recoding.ts";
import type { RowAccount } from "./row_account.ts";
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
  /** Per categorical field: the type of its values. */
  readonly types: readonly ValueType[];
  /** What became of all rows that were read. */
  readonly account: RowAccount;
  /** The greatest id, where ids are integers: rows that came later have a greater one. */
  readonly lastId?: bigint;
}

/** Why a row of the view cannot be an example. The reader of the view turns it into a failure with the row's place. */
export class BadExample extends Error {
  override readonly name = "BadExample";
}

/** Where the columns of an example stand in a row. The id is its first. */
export interface RowLayout {
  /** Absent where the label comes beside the row. */
  readonly label?: number;
  readonly group: number;
  readonly weight?: number;
  /** Per feature of the spec: its place in the row, or where it is held. */
  readonly fields: readonly (number | ParentField)[];
}

/** Rows of the view: id, label, group, the fields in the order of the spec, and the weight where there is one. */
export function viewLayout({ features, weight }: FeatureSpec): RowLayout {
  const fieldsFrom = 3;
  return {
    label: 1,
    group: 2,
    ...(weight === undefined ? {} : { weight: fieldsFrom + features.length }),
    fields: features.map((_, i) => fieldsFrom + i),
  };
}

/** What comes beside rows that do not have it. */
export interface SideColumns {
  /** Per parent, shape (rows) or longer: which of its rows has the fields that are held. */
  readonly parentRows: readonly Int32Array[];
  /** Shape (rows) or longer. */
  readonly labels: Uint8Array;
}

/** What is beside the rows that follow the first `count`. */
export function sliceSideColumns({ parentRows: places, labels }: SideColumns, count: number): SideColumns {
  return { parentRows: places.map((column) => column.subarray(count)), labels: labels.subarray(count) };
}

/** Gathers rows into chunks and codes their categories in the order in which they appear. */
export interface ChunkBuilder {
  add(rows: readonly (readonly unknown[])[], beside?: SideColumns): void;
  /** Rows that have been added since the last chunk was taken. */
  readonly rowCount: number;
  /** Takes the rows, which may be none, as a chunk. */
  take(): RawChunk;
  /** Per categorical field: the levels in the order of their codes, after null for missing. */
  readonly levels: (string | null)[][];
  /** Per categorical field: the kinds of its values so far, as bits. */
  readonly kinds: readonly number[];
}

export interface BuilderOptions {
  /** Of a chunk. */
  readonly rowsMax: number;
  /** Makes the chunks' columns. */
  readonly columns?: ColumnMaker;
  /** Of the rows; that of the view without. */
  readonly layout?: RowLayout;
}

export function createChunkBuilder(spec: FeatureSpec, options: BuilderOptions): ChunkBuilder {
  const { rowsMax, columns = newColumns, layout = viewLayout(spec) } = options;
  const numericFields = featuresOf(spec, "numeric");
  const categoricalFields = featuresOf(spec, "categorical");
  const levels: (string | null)[][] = categoricalFields.map(() => [null]);
  const coders = levels.map(createCoder);
  const sources = {
    numbers: numericFields.map((feature) => layout.fields[feature]),
    categories: categoricalFields.map((feature, j) => {
      const field = layout.fields[feature];
      return typeof field === "number" ? field : codesFor(field, levels[j]);
    }),
  };
  let rowCount = 0;
  const stride = numericFields.length;
  const numeric = new Float64Array(rowsMax * stride);
  const codes = categoricalFields.map(() => new Uint32Array(rowsMax));
  const labels = new Uint8Array(rowsMax);
  const groups = new Uint32Array(rowsMax);
  const weights = spec.weight === undefined ? undefined : new Float64Array(rowsMax);

  const addNumbers = (rows: Rows, j: number, places: readonly Int32Array[]) => {
    const source = sources.numbers[j];
    const first = rowCount * stride + j;
    if (typeof source !== "number") {
      if ("codes" in source.values) throw new Error("a number is held as codes");
      copyHeld(source.values, places[source.parent], { target: numeric, first, stride, count: rows.length });
      return;
    }
    for (let i = 0, k = first; i < rows.length; i++, k += stride) {
      const value = rows[i][source];
      numeric[k] = typeof value === "number" && Number.isFinite(value)
        ? value
        : numberOf(value, () => badValue(rows[i], source, spec, numericFields[j], "a number"));
    }
  };
  const addCategories = (rows: Rows, j: number, places: readonly Int32Array[]) => {
    const source = sources.categories[j];
    const column = codes[j];
    if (typeof source !== "number") {
      const place = places[source.parent];
      for (let i = 0; i < rows.length; i++) column[rowCount + i] = source.codeAt(place[i]);
      return;
    }
    const { codeOf, add } = coders[j];
    for (let i = 0; i < rows.length; i++) {
      const value = rows[i][source];
      column[rowCount + i] = codeOf.get(value) ??
        add(
          value,
          () => badValue(rows[i], source, spec, categoricalFields[j], "a category (text or number)"),
        );
    }
  };
  return {
    levels,
    get kinds() {
      return sources.categories.map((source, j) =>
        typeof source === "number" ? coders[j].kinds() : levels[j].length > 1 ? source.kinds : 0
      );
    },
    get rowCount() {
      return rowCount;
    },
    add(rows, { parentRows, labels: ownLabels } = { parentRows: [], labels }) {
      for (let j = 0; j < numericFields.length; j++) addNumbers(rows, j, parentRows);
      for (let j = 0; j < categoricalFields.length; j++) addCategories(rows, j, parentRows);
      const { label, group, weight } = layout;
      if (label === undefined) labels.set(ownLabels.subarray(0, rows.length), rowCount);
      else for (let i = 0; i < rows.length; i++) labels[rowCount + i] = labelOf(rows[i], label, spec);
      for (let i = 0; i < rows.length; i++) groups[rowCount + i] = groupOf(rows[i], group, spec);
      if (weights && weight !== undefined) {
        for (let i = 0; i < rows.length; i++) weights[rowCount + i] = weightOf(rows[i], weight, spec);
      }
      rowCount += rows.length;
    },
    take() {
      const chunk = {
        rowCount,
        numeric: filled(columns.float64(rowCount * stride), numeric),
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

type Row = readonly unknown[];
type Rows = readonly Row[];

/** A function of its own, as all inner loops over what threads share. */
function copyHeld(
  values: Float64Array,
  places: Int32Array,
  { target, first, stride, count }: { target: Float64Array; first: number; stride: number; count: number },
): void {
  for (let i = 0, k = first; i < count; i++, k += stride) target[k] = values[places[i]];
}

function codesFor(
  { parent, values }: ParentField,
  levels: (string | null)[],
): { parent: number; kinds: number; codeAt(place: number): number } {
  if (!("codes" in values)) throw new Error("a category is held as numbers");
  const { codes, levels: writtenLevels, kinds } = values;
  const recoded = createRecoding(levels, (written) => writtenLevel(written, writtenLevels));
  return { parent, kinds, codeAt: (place) => recoded(codes[place]) };
}

/** @param source As long as the target, or longer. */
function filled<A extends Float64Array | Uint32Array | Uint16Array | Uint8Array>(
  target: A,
  source: Float64Array | Uint32Array | Uint8Array,
): A {
  target.set(source.subarray(0, target.length));
  return target;
}

/** Which features are of one type. */
function featuresOf({ features }: FeatureSpec, type: "numeric" | "categorical"): number[] {
  return features.flatMap((feature, i) => feature.type === type ? [i] : []);
}

/** Codes the values of one categorical field. */
interface Coder {
  /** Of the values so far. */
  readonly codeOf: ReadonlyMap<unknown, number>;
  /** Codes a value that has no code yet. */
  add(value: unknown, bad: () => BadExample): number;
  /** Kinds of the values so far, as bits. */
  kinds(): number;
}

/** @param levels By their codes; new ones are added. */
function createCoder(levels: (string | null)[]): Coder {
  const codeOf = new Map<unknown, number>([[null, 0]]);
  /** Of values that came as numbers: 12 and "12" are one level, and two values. */
  const codeOfNumber = new Map<string, number>();
  let kinds = 0;
  return {
    codeOf,
    kinds: () => kinds,
    add(value, bad) {
      if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") throw bad();
      kinds |= kindBitOf(value);
      const level = tableLevelOf(value);
      const code = (typeof value === "string" ? codeOfNumber : codeOf).get(level) ?? levels.push(level) - 1;
      codeOf.set(value, code);
      if (typeof value !== "string") codeOfNumber.set(level, code);
      return code;
    },
  };
}

function numberOf(value: unknown, bad: () => BadExample): number {
  if (value === null || value !== value) return NaN;
  if (typeof value === "bigint") return Number(value);
  throw bad();
}

function weightOf(row: Row, at: number, spec: FeatureSpec): number {
  const weight = Number(row[at]);
  const isNumber = typeof row[at] === "number" || typeof row[at] === "bigint";
  if (isNumber && weight > 0 && weight < Infinity) return weight;
  throw new BadExample(
    `${spec.id} ${String(row[0])} has the ${spec.weight} ${String(row[at])}, expected 0 or a positive number`,
  );
}

/** @throws {BadExample} for what is neither 0 nor 1. A row without a label is no example. */
export function labelOf(row: Row, at: number, spec: FeatureSpec): number {
  const label = row[at];
  if (label === 0 || label === 1) return label;
  const hint = typeof label === "string"
    ? ` (in the view, write ${spec.label} = 'TEXT' AS ${spec.label})`
    : "";
  throw new BadExample(
    `${spec.id} ${String(row[0])} has the ${spec.label} ${
      JSON.stringify(String(label).slice(0, 60))
    }, expected 0 or 1, or NULL for a row that is not for training${hint}`,
  );
}

function groupOf(row: Row, at: number, spec: FeatureSpec): number {
  const group = row[at];
  // As one group, all rows without one would fall on the same side of the split.
  if (group === null) {
    throw new BadExample(`${spec.id} ${String(row[0])} has no ${spec.group}, expected a group`);
  }
  return hashOf(group);
}

function badValue(
  row: Row,
  at: number,
  spec: FeatureSpec,
  feature: number,
  expected: string,
): BadExample {
  const { name } = spec.features[feature];
  const value = row[at] instanceof Uint8Array ? "a blob" : JSON.stringify(String(row[at])).slice(0, 60);
  return new BadExample(`${spec.id} ${String(row[0])} has the ${name} ${value}, expected ${expected}`);
}
