import { columnNames } from "../pipeline/encode/column_names.ts";
import type { ArtifactStore } from "../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import type { ModelRow, Models } from "../pipeline/model/registry.ts";
import { instant, modelAnswer } from "../server/routes/model_answer.ts";
import type { Result } from "./cli/command.ts";
import type { Terminal } from "./cli/terminal.ts";
import { convergenceWords } from "./convergence_words.ts";
import { textsOf } from "./model_notes.ts";
import { describeRows } from "./row_report.ts";
import { shownTables, tableLines } from "./table_lines.ts";
import { periodTable, timeLines } from "./time_report.ts";

/** `clickwell models show MODEL` */
export async function showModel(
  row: ModelRow,
  { registry, artifacts, terminal }: Models & { readonly terminal: Terminal },
): Promise<Result> {
  const { metadata, checksum } = await artifacts.read(row.modelId);
  const { data, metrics, solver, notes, warnings = [], coefficients, intercept } = metadata;
  const names = columnNames(metadata.encoder);
  const ending = convergenceWords(solver);
  const tables = shownTables(metadata);
  const strongest = names.map((name, i) => ({ name, coefficient: coefficients[i] }))
    .sort((a, b) => Math.abs(b.coefficient) - Math.abs(a.coefficient)).slice(0, 15);
  const lines = [
    `${row.modelId}, version ${row.version}, trained ${
      instant(row.createdAt)
    } by clickwell ${metadata.program}`,
    ...(row.name === undefined ? [] : [`  name         ${row.name}`]),
    ...(row.note ?? "").split("\n").filter(Boolean).map((line) => `  your note    ${line}`),
    `  rows         ${data.rows.train} training, ${data.rows.test} held out`,
    ...describeRows(data.rows, metadata.spec).map((line) => `               ${line}`),
    `  settings     ${JSON.stringify(metadata.hyperParameters)}`,
    `  log loss     ${fixed(metrics.log_loss)} (base rate ${fixed(metrics.base_log_loss)})`,
    `  AUC          ${fixed(metrics.auc)}`,
    `  Brier score  ${fixed(metrics.brier)}`,
    `  calibration  ${fixed(metrics.ece)} expected error${mapWords(metadata)}`,
    `  certificate  largest gradient entry ${
      solver.gradientMax.toExponential(1)
    } after ${solver.iterations} passes${ending === undefined ? "" : `: ${ending}`}`,
    `  checksum     ${checksum}`,
    ...timeLines(metadata).map((line) => `  time         ${line}`),
    ...(metrics.by_time ? periodTable(metrics.by_time) : []).map((line) => `    ${line}`),
    ...notes.map((note) => `  note         ${note}`),
    ...(tables ? tableLines(tables, intercept) : [
      `  strongest of ${names.length} coefficients, in log-odds; the intercept is ${intercept.toFixed(4)}:`,
      ...strongest.map(({ name, coefficient }) => `    ${coefficient.toFixed(4).padStart(9)}  ${name}`),
    ]),
  ];
  for (const line of lines) terminal.say(line);
  const named = Object.fromEntries(names.map((name, i) => [name, coefficients[i]]));
  const place = { active: (await registry.activeModel())?.modelId, aliases: await registry.aliases() };
  return {
    ...modelAnswer(row, place),
    ...textsOf(row),
    data,
    metrics,
    ...(metadata.calibration ? { calibration: metadata.calibration } : {}),
    solver,
    notes,
    warnings,
    intercept,
    coefficients: named,
    ...(tables ? { tables } : {}),
  };
}

function mapWords({ calibration }: ArtifactMetadata): string {
  if (calibration === undefined) return "";
  return calibration.method === "platt"
    ? `; platt: log-odds times ${calibration.slope.toPrecision(4)} plus ${
      calibration.intercept.toPrecision(4)
    }, in the weights`
    : `; isotonic map of ${calibration.logits.length} points`;
}

/** `clickwell models show MODEL --spec`: prints the feature spec that the model was trained by, for `train --spec`. */
export async function showSpec({ modelId }: ModelRow, artifacts: ArtifactStore, { json, terminal }: {
  readonly json: boolean;
  readonly terminal: Terminal;
}): Promise<Result> {
  const { spec } = (await artifacts.read(modelId)).metadata;
  if (!json) terminal.print(JSON.stringify(spec, null, 2));
  return spec;
}

export function fixed(value: unknown): string {
  return typeof value === "number" ? value.toFixed(4) : "-";
}
