import type { DatabaseSync } from "node:sqlite";
import type { ColumnValues } from "../evaluate/divisions.ts";
import { exampleKeysOf } from "../examples/example_keys.ts";
import type { FeatureSpec } from "../examples/spec.ts";
import { Failure, fileInvalid, usageInvalid } from "../failure.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { hashOf, mixed } from "../math/hash.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { Field } from "../model/signature.ts";
import { createYielding } from "../runtime/event_loop.ts";
import { type Columns, createFieldValues } from "./field_values.ts";
import type { HeldOut } from "./held_out_rows.ts";
import { createLabelledRowReader, type RowCells } from "./labelled_row.ts";
import { createBatchScorer, createReasonCounter, openRows, timesOf } from "./predict_file.ts";
import type { RowBatch, RowSource } from "./row_batch.ts";
import { openViewRows } from "./view_source.ts";

/** Where rows with labels are read: the view of the model's spec, or files. */
export type EvaluationInput =
  | { readonly is: "view"; readonly db: DatabaseSync; readonly heldOut: HeldOut }
  | {
    readonly is: "files";
    readonly paths: readonly string[];
    /** Columns of the files by field, label, group, weight and time, if not named so. */
    readonly names: Readonly<Record<string, string>>;
    readonly allowMissing: boolean;
    readonly textFormat?: TextFormat | undefined;
  };

export interface ScoreRowsOptions {
  readonly metadata: ArtifactMetadata;
  /** What the label, the group, the weight and the time are: of the model that is evaluated, also if another one is scored. */
  readonly spec: FeatureSpec;
  /** Columns by which the rows are to be divided. */
  readonly slices: readonly string[];
  /** Only scores the rows, without collecting the values of their fields. */
  readonly scoresOnly?: boolean;
  /** Leaves rows out that cannot be answered, instead of failing at the first. */
  readonly lenient: boolean;
  readonly signal?: AbortSignal;
  /** Called after each batch with the number of rows read. */
  readonly observe?: (rows: number) => void;
}

/** Rows with their labels and the model's probabilities. */
export interface ReadRows {
  /** Shape (rows). */
  readonly probabilities: Float64Array;
  readonly labels: Uint8Array;
  readonly groups: Uint32Array;
  /** Absent if every row counts once. */
  readonly weights?: Float64Array;
  /** Microseconds since 1970, NaN for missing. */
  readonly times: Float64Array;
  /** Values of the model's fields, and of the slices. */
  readonly fields: readonly ColumnValues[];
  readonly slices: readonly ColumnValues[];
  /** Rows without a label or of weight 0, which are left out. */
  readonly unlabelled: number;
  /** Rows that were added to the store after the training, and would have been held out. */
  readonly newer: number;
  /** Rows that the model cannot answer, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Whether the rows have groups; otherwise a row without one is a group by itself. */
  readonly hasGroups: boolean;
  /** Of the rows' ids or numbers: equal if another pass read the same rows. */
  readonly checksum: number;
}

/**
 * Reads rows with labels and scores them.
 *
 * @throws {Failure} `file-missing`, `file-invalid`; `examples-invalid` for a label or weight that is none; `row-rejected` at the first
 *   row that cannot be answered, unless `lenient`; `usage-invalid` for a slice that is no column.
 */
export async function scoreRows(input: EvaluationInput, options: ScoreRowsOptions): Promise<ReadRows> {
  const { spec, slices, observe, signal } = options;
  const scorer = createBatchScorer(options.metadata);
  const { fields } = scorer.predictor;
  const rows = createRows(scorer, input, options);
  const yielding = createYielding();
  let read = 0;
  for (const path of input.is === "view" ? [undefined] : input.paths) {
    const source = openSource(input, path, fields, options);
    try {
      const columns = columnsOf(source, input);
      requireColumns(columns, fields, { path, spec, slices });
      for (let batch = source.next(); batch; batch = source.next()) {
        rows.add(batch, columns, { path, read });
        read += batch.rowCount;
        observe?.(read);
        await yielding();
        signal?.throwIfAborted();
      }
    } finally {
      source.close();
    }
    if (input.is === "files") read = 0;
  }
  return rows.all();
}

function openSource(
  input: EvaluationInput,
  path: string | undefined,
  fields: readonly Field[],
  { metadata, spec, slices }: ScoreRowsOptions,
): RowSource {
  const isField = (name: string) => fields.some((field) => field.name === name);
  const others = [spec.label, spec.weight, spec.time, ...slices.filter((name) => !isField(name))]
    .filter((name) => name !== undefined);
  if (input.is === "view") {
    const keys = exampleKeysOf(spec);
    if (!keys) throw new Error("a spec names its view");
    return openViewRows(input.db, { ...keys, unlabelled: undefined, fields, keep: others });
  }
  if (path === undefined) throw new Error("a file has a path");
  return openRows(path, {
    ...input,
    fields,
    times: timesOf(metadata),
    keep: [],
    keepIfPresent: [spec.id, spec.group, ...others].map((name) => nameIn(input, name)),
  });
}

function nameIn(input: EvaluationInput, name: string): string {
  return input.is === "files" && Object.hasOwn(input.names, name) ? input.names[name] : name;
}

function columnsOf({ kept }: RowSource, input: EvaluationInput): Columns {
  const places = new Map(kept.map(({ name }, i) => [name, i]));
  return (name) => name === undefined ? -1 : places.get(nameIn(input, name)) ?? -1;
}

function requireColumns(
  columns: Columns,
  fields: readonly Field[],
  { path = "the view", spec: { label }, slices }: {
    path: string | undefined;
    spec: FeatureSpec;
    slices: readonly string[];
  },
): void {
  if (columns(label) < 0) {
    throw fileInvalid(
      `Cannot evaluate on ${path}: it has no column "${label}", the label of the model. Name it with --column ${label}=NAME, ` +
        "or score rows without labels with clickwell predict.",
    );
  }
  const names = fields.map(({ name }) => name);
  const unknown = slices.find((name) => !names.includes(name) && columns(name) < 0);
  if (unknown === undefined) return;
  throw usageInvalid(
    `--slice is "${unknown}", which is neither a field of the model nor a column of ${path}. The fields are ${
      names.slice(0, 20).join(", ")
    }.`,
  );
}

/** Where a batch comes from. */
interface BatchOrigin {
  readonly path: string | undefined;
  /** Rows of the file before the batch. */
  readonly read: number;
}

/** Returns a function that gives the cells of a row's columns that are no fields. */
function createCellReader(
  { kept }: RowBatch,
  columns: Columns,
  { label, id, group, weight, time }: FeatureSpec,
): (i: number) => RowCells {
  const [labels, ids, groups, weights, times] = [label, id, group, weight, time].map((name) => {
    const at = columns(name);
    return at < 0 ? undefined : kept[at];
  });
  return (i) => ({
    label: labels?.[i] ?? null,
    id: ids?.[i],
    group: groups?.[i],
    weight: weights?.[i],
    time: times?.[i],
  });
}

/** Collects rows. */
function createRows(
  scorer: ReturnType<typeof createBatchScorer>,
  input: EvaluationInput,
  { spec, slices, scoresOnly = false, lenient }: ScoreRowsOptions,
) {
  const heldOut = input.is === "view" ? input.heldOut : undefined;
  const labelReader = createLabelledRowReader(spec, { isStored: input.is === "view" });
  const { fields } = scorer.predictor;
  const values = createFieldValues(fields, { slices, scoresOnly });
  const reasons = createReasonCounter();
  const [probabilities, labels, groups, weights, times]: number[][] = [[], [], [], [], []];
  let [unlabelled, newer, checksum] = [0, 0, 0];
  let hasGroups = true;

  function addRow(cells: RowCells, i: number, { path, read }: BatchOrigin): boolean {
    const nameOf = () =>
      path === undefined
        ? `the row with ${spec.id} ${String(cells.id).slice(0, 80)}`
        : `${path}: row ${(read + i + 1).toLocaleString("en")}`;
    const row = labelReader.read(cells, nameOf);
    if (row === undefined) {
      unlabelled++;
      return false;
    }
    const place = heldOut?.({ id: cells.id, group: row.group, time: row.time }) ?? "held out";
    if (place === "newer") newer++;
    if (place !== "held out") return false;
    if (cells.group === undefined || cells.group === null) hasGroups = false;
    checksum = mixed(checksum ^ hashOf(cells.id ?? read + i));
    labels.push(row.label);
    groups.push(row.group);
    weights.push(row.weight);
    times.push(row.time);
    return true;
  }

  return {
    /** @throws {Failure} `row-rejected`, `examples-invalid` */
    add(batch: RowBatch, columns: Columns, origin: BatchOrigin): void {
      const scores = scorer.score(batch);
      const cellsOf = createCellReader(batch, columns, spec);
      const addValues = values.adder(batch, columns);
      for (let i = 0; i < batch.rowCount; i++) {
        if (!addRow(cellsOf(i), i, origin)) continue;
        probabilities.push(scores[i]);
        if (scores[i] !== scores[i]) {
          const reason = scorer.reason(batch, i);
          if (!lenient) throw rejected(origin, i, reason);
          reasons.add(reason);
        }
        addValues(i);
      }
    },
    all: (): ReadRows => ({
      probabilities: Float64Array.from(probabilities),
      labels: Uint8Array.from(labels),
      groups: Uint32Array.from(groups),
      ...(weights.every((weight) => weight === 1) ? {} : { weights: Float64Array.from(weights) }),
      times: Float64Array.from(times),
      fields: values.fields,
      slices: values.slices,
      unlabelled,
      newer,
      rejected: Object.fromEntries(reasons.counts),
      hasGroups,
      checksum,
    }),
  };
}

function rejected({ path = "the view", read }: BatchOrigin, index: number, reason: string): Failure {
  return new Failure(
    "row-rejected",
    `Cannot evaluate row ${
      (read + index + 1).toLocaleString("en")
    } of ${path}: ${reason}. Correct it, or leave such rows out with ` +
      "--lenient.",
  );
}
