import { loadEach } from "../chunks/chunk_store.ts";
import { type MemoryBudget, resetBudget } from "../chunks/memory_budget.ts";
import { type CachedReadOptions, readCachedExamples } from "../examples/cache/cached_examples.ts";
import { readExamples } from "../examples/examples.ts";
import { featureType } from "../examples/feature_types.ts";
import { type InputColumn, inputColumnsOf } from "../examples/input_columns.ts";
import { strideOf } from "../examples/ordered_chunk.ts";
import type { RawChunk, RawExamples } from "../examples/raw_examples.ts";
import { type FeatureSpec, parseSpec } from "../examples/spec.ts";
import { viewColumnTypes } from "../examples/view_rows.ts";
import { Failure, usageInvalid } from "../failure.ts";
import type { Cell } from "../files/columns/batch.ts";
import { mixed } from "../math/hash.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { Field } from "../model/signature.ts";
import { createYielding } from "../runtime/event_loop.ts";
import type { Threads } from "../runtime/thread_pool.ts";
import type { Store } from "../store/store.ts";
import type { CollectedRows, ReadRows } from "./collected_rows.ts";
import type { HeldOut } from "./held_out_rows.ts";
import type { RowBatch } from "./row_batch.ts";

/** The rows of a store that a training held out. */
export interface StoredRows extends Pick<CachedReadOptions, "cacheBytes" | "onSlowJoin"> {
  readonly is: "store";
  readonly store: Store;
  readonly heldOut: HeldOut;
  readonly threads: Threads;
  readonly budget: MemoryBudget;
}

export interface StoredRowsOptions {
  readonly metadata: ArtifactMetadata;
  /** What the label, the group, the weight and the time are. */
  readonly spec: FeatureSpec;
  readonly slices: readonly string[];
  readonly signal?: AbortSignal;
  readonly observe?: (rows: number) => void;
}

/**
 * Reads the examples as a training does, from its cache if they are there, and scores those that were held out.
 *
 * @param rows Empty; gets the rows.
 * @throws {Failure} as `readCachedExamples`; `store-busy` if the store changes; `row-rejected`; `usage-invalid` for a slice that is no
 *   column.
 */
export async function scoreStoredRows(
  { store, heldOut, threads, budget, ...cache }: StoredRows,
  fields: readonly Field[],
  rows: CollectedRows,
  { metadata, spec, slices, signal, observe }: StoredRowsOptions,
): Promise<ReadRows> {
  const { features } = parseSpec(metadata.spec, "of the model");
  const others = slices.filter((name) => fields.every((field) => field.name !== name));
  requireColumns(store, spec, others, fields);
  const reading = { ...spec, features: withColumns(features, { fields, others, time: spec.time }) };
  const options = {
    budget,
    observe: (done: number) => {
      signal?.throwIfAborted();
      observe?.(done);
    },
  };
  const before = store.journal.externalChanges();
  const raw = await readCachedExamples(store, reading, threads, { ...options, ...cache });
  const { after } = heldOut;
  // The rows are in the order of their ids, so that newer ones are the last.
  const isNewer = after !== undefined && raw.lastId !== undefined && raw.lastId > after;
  const newerRows = isNewer
    ? (await readExamples(store, reading, threads, { ...options, after })).rowCount
    : 0;
  if (isNewer && store.journal.externalChanges() !== before) throw changed();
  const newer = await addHeldOut(raw, raw.rowCount - newerRows, {
    reading,
    heldOut,
    fields,
    others,
    rows,
    signal,
  });
  resetBudget(budget);
  const { noLabel, zeroWeight } = raw.account;
  return { ...rows.all(), unlabelled: noLabel + zeroWeight, newer };
}

interface HeldOutParts {
  readonly reading: FeatureSpec;
  readonly heldOut: HeldOut;
  readonly fields: readonly Field[];
  readonly others: readonly string[];
  readonly rows: CollectedRows;
  readonly signal: AbortSignal | undefined;
}

/** Adds the held-out ones of the first `count` rows. @returns The number of held-out ones among the others. */
async function addHeldOut(
  raw: RawExamples,
  count: number,
  { reading, heldOut: { isHeldOut }, fields, others, rows, signal }: HeldOutParts,
): Promise<number> {
  const readFields = fields.map((field) => cellReader(raw, reading, field));
  const readOthers = others.map((name) => valueReader(raw, reading, name));
  const columns = (name: string | undefined) => name === undefined ? -1 : others.indexOf(name);
  const yielding = createYielding();
  let [at, newer] = [0, 0];
  for (const chunk of loadEach(raw.chunks)) {
    const places: number[] = [];
    for (let i = 0; i < chunk.rowCount; i++) {
      if (!isHeldOut(chunk.groups[i], chunk.times?.[i] ?? NaN)) continue;
      if (at + i < count) places.push(i);
      else newer++;
    }
    const batch: RowBatch = {
      rowCount: places.length,
      fields: readFields.map((read) => places.map(read(chunk))),
      kept: readOthers.map((read) => places.map(read(chunk))),
      faults: new Map(),
    };
    const first = at;
    const nameOf = (i: number) =>
      `row ${
        (first + places[i] + 1).toLocaleString("en")
      } of the rows with a label, in the order of ${reading.id}`;
    rows.add(batch, columns, nameOf, (i) => {
      const place = places[i];
      const [label, group] = [chunk.labels[place], chunk.groups[place]];
      return {
        label,
        group,
        weight: chunk.weights?.[place] ?? 1,
        time: chunk.times?.[place] ?? NaN,
        hasGroup: true,
        key: mixed(group + label),
      };
    });
    at += chunk.rowCount;
    await yielding();
    signal?.throwIfAborted();
  }
  return newer;
}

/** Returns the features, and one for each column that is read beside them: training reads the same ones, but for slices. */
function withColumns(
  features: FeatureSpec["features"],
  { fields, others, time }: {
    readonly fields: readonly Field[];
    readonly others: readonly string[];
    readonly time: string | undefined;
  },
): FeatureSpec["features"] {
  const read = inputColumnsOf(features);
  const unread = fields.filter((field) => field.name !== time && placeOf(read, field) < 0);
  const added = [...unread.map(({ name, type }) => ({ name, isLevel: type === "categorical" }))]
    .concat(others.map((name) => ({ name, isLevel: true })));
  return [
    ...features,
    ...added.map(({ name, isLevel }) =>
      featureType.parse({ name, type: isLevel ? "categorical" : "numeric" })
    ),
  ];
}

function kindOf({ type }: Pick<Field, "type">): InputColumn["kind"] {
  return type === "categorical" ? "category" : "number";
}

/** Returns the index of a field among the columns of its kind; −1 if it is not read. */
function placeOf(columns: readonly InputColumn[], { name, type }: Pick<Field, "name" | "type">): number {
  const kind = kindOf({ type });
  return columns.filter((column) => column.kind === kind).findIndex((column) => column.name === name);
}

/** Returns a function that gives a field's values in a chunk, as clients send them. */
function cellReader(
  { levels }: RawExamples,
  { features, time }: FeatureSpec,
  field: Pick<Field, "name" | "type">,
): (chunk: RawChunk) => (row: number) => string | number | null {
  const at = placeOf(inputColumnsOf(features), field);
  if (kindOf(field) === "category") {
    return ({ codes }) => {
      const own = codes[at];
      return (row) => levels[at][own[row]];
    };
  }
  const finite = (value: number) => Number.isFinite(value) ? value : null;
  if (at < 0 && field.name === time) return ({ times }) => (row) => finite(times?.[row] ?? NaN);
  return (chunk) => {
    const stride = strideOf(chunk);
    return (row) => finite(chunk.numeric[row * stride + at]);
  };
}

/** The same of a column that is no field: numbers if its values are. */
function valueReader(
  raw: RawExamples,
  spec: FeatureSpec,
  name: string,
): (chunk: RawChunk) => (row: number) => Cell {
  const type = "categorical";
  const at = placeOf(inputColumnsOf(spec.features), { name, type });
  const read = cellReader(raw, spec, { name, type });
  if (raw.types[at] === "text") return read;
  return (chunk) => {
    const levelOf = read(chunk);
    return (row) => {
      const level = levelOf(row);
      return level === null ? null : Number(level);
    };
  };
}

/** @throws {Failure} `usage-invalid` */
function requireColumns(
  { db }: Store,
  { view }: FeatureSpec,
  others: readonly string[],
  fields: readonly Field[],
): void {
  if (others.length === 0) return;
  const types = viewColumnTypes(db, view);
  const unknown = others.find((name) => !types.has(name));
  if (unknown === undefined) return;
  const names = fields.map(({ name }) => name);
  throw usageInvalid(
    `--slice is "${unknown}", which is neither a field of the model nor a column of the view ${view}. The fields are ${
      names.slice(0, 20).join(", ")
    }.`,
  );
}

function changed(): Failure {
  return new Failure(
    "store-busy",
    "The rows changed while they were read. Evaluate when nothing is being loaded.",
  );
}
