import { defaultResampling } from "../pipeline/evaluate/evaluation.ts";
import { Failure, usageInvalid } from "../pipeline/failure.ts";
import { fileState } from "../pipeline/files/file_state.ts";
import { splitName } from "../pipeline/store/sqlite.ts";
import { openStore } from "../pipeline/store/store.ts";
import type { ArtifactStore } from "../pipeline/model/artifact.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import { openArtifacts } from "../pipeline/model/open_artifacts.ts";
import {
  type EvaluatedRows,
  evaluateRows,
  type EvaluateRowsOptions,
  type NamedModel,
} from "../pipeline/predict/evaluate_rows.ts";
import { heldOutRows, holdsOutTheSame } from "../pipeline/predict/held_out_rows.ts";
import type { StoredRows } from "../pipeline/predict/stored_rows.ts";
import { cacheOptionsOf, openTrainingResources } from "../pipeline/train/training_resources.ts";
import { chosenModelId } from "./chosen_model.ts";
import { command, commonFlags, type Flags, type Invocation } from "./cli/command.ts";
import { registryFlags, withRegistry } from "./cli/registry_flags.ts";
import { resourceFlags, resourceOptionsOf } from "./cli/resource_flags.ts";
import { dash, withStandardInput } from "./cli/standard_input.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { describeEvaluation } from "./evaluation_report.ts";
import { reportFlags, requireReportPath, writeEvaluatedReport } from "./report_page.ts";
import { slowJoinNote } from "./slow_join.ts";
import { gateFlag, requireAnother, requireNotWorse } from "./worse_model.ts";

const flags = {
  against: {
    type: "string",
    value: "MODEL",
    help: "another model, compared on the same rows by a paired test that is clustered by group",
  },
  ...gateFlag,
  slice: {
    type: "list",
    value: "FIELD",
    help: "also evaluate each level of a field or column; numbers in ten parts, and 20 levels at most",
  },
  "by-time": {
    type: "boolean",
    help: "also evaluate each day, week or month: whichever makes 4 to 30 parts",
  },
  threshold: {
    type: "list",
    value: "P",
    help:
      "precision, recall and lift of choosing the rows with this probability or more; several with commas",
  },
  resamples: {
    type: "integer",
    value: "N",
    default: defaultResampling.resamples,
    min: 2,
    max: 10_000,
    help: "resamples of groups from which the 90 % intervals are made",
  },
  seed: {
    type: "integer",
    value: "SEED",
    default: defaultResampling.seed,
    min: 0,
    max: 2 ** 32 - 1,
    help: "random seed of the resamples",
  },
  column: { type: "list", value: "FIELD=NAME", help: "name of a field, or of the label, in the files" },
  ...textFlags,
  "allow-missing": {
    type: "boolean",
    help: "treat fields that a file lacks as null, if the model allows it",
  },
  lenient: { type: "boolean", help: "leave out invalid rows, and count them" },
  ...reportFlags,
  ...resourceFlags,
  ...commonFlags,
  ...registryFlags,
} as const satisfies Flags;

type EvaluateInvocation = Invocation<typeof flags>;

export default command({
  name: "evaluate",
  summary: "a model on rows with labels → metrics with intervals",
  description: [
    "Computes how good a model is: log loss, normalised entropy, AUC, PR-AUC, Brier score and calibration error, each with a 90 %",
    "interval from resampled groups, against the base rate and against the rates of the strongest field alone. Without a FILE, on the",
    "rows of the store that the model's training held out. A FILE is read as by predict, and has the label column.",
  ].join("\n"),
  positionals: {
    name: "[MODEL] [FILE…]",
    help:
      "a model's id, version or alias, or @FILE, which train --json-file wrote [the one in production]; files of rows with labels",
    min: 0,
    max: Infinity,
  },
  flags,
  examples: [
    ["clickwell evaluate", "the model in production, on its held-out rows"],
    ["clickwell evaluate 2 --against 1", "version 2 against version 1, on the rows held out from version 2"],
    ["clickwell evaluate 2 june.parquet --by-time --slice lender_id", "on new rows, by time and by lender"],
    ["clickwell evaluate 2 --report report.html", "also as a report to look at"],
    ["clickwell evaluate 2 --threshold 0.2,0.5 --json", "what two thresholds reach, as JSON"],
    [
      "clickwell evaluate @trained.json --fail-if-worse",
      "the model that train --json-file trained.json made, against the one in production: 1 if it is worse",
    ],
  ],
  async run(invocation) {
    const { options, positionals: [model, ...paths] } = invocation;
    requireReportPath(options);
    requireAnother(model, options);
    for (const path of paths) if (path !== dash) fileState(path);
    const settings = settingsOf(invocation);
    const remedy = "name one: clickwell evaluate MODEL";
    const artifacts = openArtifacts(options);
    const read = async (model: string | undefined) =>
      await artifacts.read(await chosenModelId(model, { options, remedy }));
    const named = await read(model);
    const against = await readAgainst(options, read);
    const evaluated = paths.length > 0
      ? await onFiles(named, paths, { ...settings, against }, invocation)
      : await onHeldOut(named, artifacts, { ...settings, against }, invocation);
    const notes = notesOf(named, evaluated, { against, isHeldOut: paths.length === 0 });
    if (options["fail-if-worse"] && against === undefined) {
      notes.push("no model is in production: there is none to be worse than");
    }
    const on = paths.length > 0 ? "rows" : "held-out rows";
    const { spec } = named.metadata;
    for (const line of describeEvaluation(named.id, evaluated.evaluation, { on, spec })) {
      invocation.terminal.say(line);
    }
    for (const note of notes) invocation.terminal.say(`  note         ${note}`);
    const rows = paths.length > 0 ? "files" : "held-out";
    const reported = await writeEvaluatedReport(
      options,
      { model: named, evaluation: evaluated.evaluation, rows, values: evaluated.values },
      { artifacts, terminal: invocation.terminal },
    );
    const result = { ...resultOf(named, evaluated, { paths, notes }), ...reported };
    if (options["fail-if-worse"]) requireNotWorse(named.id, evaluated.evaluation, result);
    return result;
  },
});

/** Returns the model to compare with: with `--fail-if-worse`, the one in production if none is named and there is one. */
async function readAgainst(
  { against, "fail-if-worse": isGate }: EvaluateInvocation["options"],
  read: (model: string | undefined) => Promise<NamedModel>,
): Promise<NamedModel | undefined> {
  if (against === undefined && !isGate) return undefined;
  try {
    return await read(against);
  } catch (error) {
    if (against === undefined && error instanceof Failure && error.kind === "model-missing") return undefined;
    throw error;
  }
}

type Settings = Omit<EvaluateRowsOptions, "against">;

function settingsOf({ options, terminal, signal }: EvaluateInvocation): Settings {
  return {
    slices: [...new Set(options.slice)],
    byTime: options["by-time"],
    thresholds: options.threshold.flatMap((words) => words.split(",")).map(thresholdOf),
    resamples: options.resamples,
    seed: options.seed,
    lenient: options.lenient,
    signal,
    observe: (rows) => terminal.progress({ stage: "evaluate", done: rows, unit: "rows" }),
  };
}

function thresholdOf(word: string): number {
  const threshold = word.trim() === "" ? NaN : Number(word);
  if (threshold >= 0 && threshold <= 1) return threshold;
  throw usageInvalid(`--threshold is "${word}", expected a probability from 0 to 1`);
}

async function onFiles(
  model: NamedModel,
  paths: readonly string[],
  settings: EvaluateRowsOptions,
  { options, signal }: EvaluateInvocation,
): Promise<EvaluatedRows> {
  const names = Object.fromEntries(options.column.map((word) => {
    const split = splitName(word, "=");
    if (!split) throw usageInvalid(`--column is "${word}", expected FIELD=NAME`);
    return split;
  }));
  const textFormat = textFormatOf(options);
  return await withStandardInput(
    paths,
    { dataDir: options.data, signal },
    (pathOf) =>
      evaluateRows(
        { is: "files", paths: paths.map(pathOf), names, allowMissing: options["allow-missing"], textFormat },
        model,
        settings,
      ),
  );
}

async function onHeldOut(
  model: NamedModel,
  artifacts: ArtifactStore,
  settings: EvaluateRowsOptions,
  { options, terminal }: EvaluateInvocation,
): Promise<EvaluatedRows> {
  if (options.column.length > 0) {
    throw usageInvalid("--column names columns of files: clickwell evaluate MODEL FILE…");
  }
  // The rows of another store are not those that were held out.
  await withRegistry(options, (registry) => registry.findModel(model.id));
  const heldOut = heldOutRows(model.id, await trainedMetadata(model, artifacts));
  const store = openStore(options.data, { mode: "read" });
  try {
    const resources = resourceOptionsOf(options);
    const { threads, budget, close } = openTrainingResources(store, resources);
    try {
      const input: StoredRows = {
        ...{ is: "store" as const, store, heldOut, threads, budget },
        onSlowJoin: slowJoinNote(terminal, options),
        ...cacheOptionsOf(resources),
      };
      return await evaluateRows(input, model, settings);
    } finally {
      close();
    }
  } finally {
    store.close();
  }
}

/** Returns the metadata of the model whose training held rows out: a model that continues another one has trained on new rows only. */
async function trainedMetadata(
  { metadata }: NamedModel,
  artifacts: ArtifactStore,
): Promise<ArtifactMetadata> {
  let trained = metadata;
  // Each model continues an older one, so that this ends.
  while (trained.update) trained = (await artifacts.read(trained.update.from)).metadata;
  return trained;
}

function notesOf(
  { metadata }: NamedModel,
  { evaluation, unlabelled, newer, hasGroups, rejected, reasons }: EvaluatedRows,
  { against, isHeldOut }: { against: NamedModel | undefined; isHeldOut: boolean },
): string[] {
  const notes: string[] = [];
  const count = (rows: number) => rows.toLocaleString("en");
  const trainedOn = metadata.data.rows.test;
  if (isHeldOut && evaluation.rows + rejected !== trainedOn) {
    notes.push(
      `the training held out ${count(trainedOn)} rows: the store has ${
        count(evaluation.rows + rejected)
      } of that split now`,
    );
  }
  if (newer > 0) {
    notes.push(`${count(newer)} rows of held-out groups or times are left out, which were added since`);
  }
  if (!isHeldOut && unlabelled > 0) notes.push(`${count(unlabelled)} rows have no label, or weight 0`);
  if (!hasGroups) {
    notes.push(
      "the files have no group for every row: those rows count as independent, and intervals may be too narrow",
    );
  }
  if (isHeldOut && against && !holdsOutTheSame(metadata, against.metadata)) {
    notes.push(
      `${against.id} held out other rows: it may have been trained on some of these, to its advantage`,
    );
  }
  if (rejected > 0) {
    const words = Object.entries(reasons).map(([reason, rows]) => `${count(rows)} × ${reason}`);
    notes.push(`${count(rejected)} rows cannot be answered and are left out: ${words.join(", ")}`);
  }
  return notes;
}

function resultOf(
  { id }: NamedModel,
  { evaluation, unlabelled, newer, rejected, reasons }: EvaluatedRows,
  { paths, notes }: { paths: readonly string[]; notes: readonly string[] },
) {
  return {
    model_id: id,
    evaluated_on: paths.length > 0 ? paths : "held-out rows",
    ...evaluation,
    left_out: { unlabelled, newer, rejected, reasons },
    notes,
  };
}
