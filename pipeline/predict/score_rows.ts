import type { FeatureSpec } from "../examples/spec.ts";
import { fileInvalid, usageInvalid } from "../failure.ts";
import type { TextFormat } from "../files/text/text_format.ts";
import { hashOf } from "../math/hash.ts";
import type { ArtifactMetadata } from "../model/artifact_metadata.ts";
import type { Field } from "../model/signature.ts";
import { createYielding } from "../runtime/event_loop.ts";
import { createCollectedRows, type ReadRows } from "./collected_rows.ts";
import type { Columns } from "./field_values.ts";
import { createLabelledRowReader, type RowCells } from "./labelled_row.ts";
import { createBatchScorer, openRows, timesOf } from "./predict_file.ts";
import type { RowBatch, RowSource } from "./row_batch.ts";
import { scoreStoredRows, type StoredRows } from "./stored_rows.ts";

/** Files with labels. */
export interface LabelledFiles {
  readonly is: "files";
  readonly paths: readonly string[];
  /** Columns of the files by field, label, group, weight and time, if not named so. */
  readonly names: Readonly<Record<string, string>>;
  readonly allowMissing: boolean;
  readonly textFormat?: TextFormat | undefined;
}

/** Where rows with labels are read: the held-out rows of a store, or files. */
export type EvaluationInput = StoredRows | LabelledFiles;

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

/**
 * Reads rows with labels and scores them.
 *
 * @throws {Failure} `file-missing`, `file-invalid`; `examples-invalid` for a label or weight that is none; `row-rejected` at the first
 *   row that cannot be answered, unless `lenient`; `usage-invalid` for a slice that is no column.
 */
export async function scoreRows(input: EvaluationInput, options: ScoreRowsOptions): Promise<ReadRows> {
  const { spec, slices, observe, signal } = options;
  const scorer = createBatchScorer(options.metadata);
  const rows = createCollectedRows(scorer, options);
  if (input.is === "store") return await scoreStoredRows(input, scorer.predictor.fields, rows, options);
  const { fields } = scorer.predictor;
  const labelReader = createLabelledRowReader(spec);
  const yielding = createYielding();
  let unlabelled = 0;
  for (const path of input.paths) {
    let read = 0;
    const source = openSource(input, path, fields, options);
    try {
      const columns = columnsOf(source, input);
      requireColumns(columns, fields, { path, spec, slices });
      for (let batch = source.next(); batch; batch = source.next()) {
        const cellsOf = createCellReader(batch, columns, spec);
        const before = read;
        const numberOf = (i: number) => (before + i + 1).toLocaleString("en");
        rows.add(batch, columns, (i) => `row ${numberOf(i)} of ${path}`, (i) => {
          const cells = cellsOf(i);
          const row = labelReader.read(cells, () => `${path}: row ${numberOf(i)}`);
          if (row === undefined) unlabelled++;
          const hasGroup = cells.group !== undefined && cells.group !== null;
          return row && { ...row, hasGroup, key: hashOf(cells.id ?? before + i) };
        });
        read += batch.rowCount;
        observe?.(read);
        await yielding();
        signal?.throwIfAborted();
      }
    } finally {
      source.close();
    }
  }
  return { ...rows.all(), unlabelled, newer: 0 };
}

function openSource(
  input: LabelledFiles,
  path: string,
  fields: readonly Field[],
  { metadata, spec, slices }: ScoreRowsOptions,
): RowSource {
  const isField = (name: string) => fields.some((field) => field.name === name);
  const others = [spec.id, spec.group, spec.label, spec.weight, spec.time]
    .concat(slices.filter((name) => !isField(name))).filter((name) => name !== undefined);
  return openRows(path, {
    ...input,
    fields,
    times: timesOf(metadata),
    keep: [],
    keepIfPresent: others.map((name) => nameIn(input, name)),
  });
}

function nameIn({ names }: LabelledFiles, name: string): string {
  return Object.hasOwn(names, name) ? names[name] : name;
}

function columnsOf({ kept }: RowSource, input: LabelledFiles): Columns {
  const places = new Map(kept.map(({ name }, i) => [name, i]));
  return (name) => name === undefined ? -1 : places.get(nameIn(input, name)) ?? -1;
}

function requireColumns(
  columns: Columns,
  fields: readonly Field[],
  { path, spec: { label }, slices }: {
    path: string;
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
