import { Failure } from "../pipeline/failure.ts";
import type { ArtifactMetadata } from "../pipeline/model/artifact_metadata.ts";
import { artifactId, readArtifact } from "../pipeline/model/artifact.ts";
import { solverNames } from "../pipeline/fit/fit.ts";
import { optimizerNames } from "../pipeline/fit/minibatch/optimizer.ts";
import { defaultSpec, parseSpec } from "../pipeline/examples/spec.ts";
import type { Models } from "../pipeline/model/registry.ts";
import { openRegistry } from "../pipeline/model/sqlite_registry.ts";
import { openStore, type Store } from "../pipeline/store/store.ts";
import { openStoreToLoad } from "../pipeline/store/store_to_load.ts";
import {
  defaultHyperParameters,
  type HyperParameters,
  train,
  trainModel,
  type TrainObserver,
  type TrainOptions,
  type TrainReport,
} from "../pipeline/train/train.ts";
import { loadAndTrain } from "../pipeline/train/from_files/load_and_train.ts";
import { update } from "../pipeline/train/update.ts";
import { command, commonFlags, type Flags, type Options } from "./cli/command.ts";
import { convergenceMembers, convergenceWords } from "./convergence_words.ts";
import { describeIngest } from "./ingest_report.ts";
import { epochObserver, minibatchFlags, solverOf } from "./cli/minibatch_flags.ts";
import { describeRows, newRows, rowsResult } from "./row_report.ts";
import { readSpec } from "./cli/spec_file.ts";
import { withStandardInput } from "./cli/standard_input.ts";
import { filesByTable, loadObserver, resolveFiles, tableFlags } from "./cli/table_files.ts";
import type { Terminal } from "./cli/terminal.ts";
import { textFlags, textFormatOf } from "./cli/text_flags.ts";
import { resourceFlags, resourceOptionsOf } from "./cli/resource_flags.ts";

const flags = {
  ...commonFlags,
  leads: {
    ...tableFlags.leads,
    help: "files of the table leads to load first; also --offers and --clicks, as ingest does",
  },
  offers: tableFlags.offers,
  clicks: tableFlags.clicks,
  table: tableFlags.table,
  ...textFlags,
  penalty: {
    type: "string",
    value: "NAME",
    choices: ["l2", "l1", "elasticnet", "none"],
    default: defaultHyperParameters.penalty,
    help: "penalty on the coefficients",
  },
  C: {
    type: "number",
    value: "C",
    default: defaultHyperParameters.C,
    min: 1e-9,
    max: 1e12,
    help: "inverse strength of the penalty, as in scikit-learn",
  },
  "l1-ratio": {
    type: "number",
    value: "RATIO",
    default: defaultHyperParameters.l1Ratio,
    min: 0,
    max: 1,
    help: "of an elastic net: the share of l1",
  },
  solver: {
    type: "string",
    value: "NAME",
    choices: [...solverNames, ...optimizerNames],
    default: defaultHyperParameters.solver,
    help: "auto: Newton, or L-BFGS for wide designs; adam and sgd train by mini-batches and are not exact",
  },
  ...minibatchFlags,
  seed: {
    type: "integer",
    value: "N",
    default: defaultHyperParameters.seed,
    min: 0,
    max: 2 ** 32 - 1,
    help: "seed of the split, and of the first weights and the order of rows with adam and sgd",
  },
  "test-share": {
    type: "number",
    value: "SHARE",
    default: defaultHyperParameters.testShare,
    min: 0,
    max: 0.9,
    help: "share of the groups that are held out",
  },
  negatives: {
    type: "number",
    value: "SHARE",
    default: defaultHyperParameters.negatives,
    min: 1e-6,
    max: 1,
    help: "share of the training rows with label 0 to keep; the intercept is corrected for it",
  },
  "class-weight": {
    type: "string",
    value: "NAME",
    choices: ["none", "balanced"],
    default: defaultHyperParameters.classWeight,
    help: "balanced: both classes weigh the same in the fit; the intercept is corrected for it",
  },
  spec: { type: "string", value: "FILE", help: "feature spec, JSON; default: that of loan offers" },
  tolerance: {
    type: "number",
    value: "G",
    default: defaultHyperParameters.tolerance,
    min: 1e-13,
    max: 1e-2,
    help: "largest entry of the gradient that counts as none; what else a fit must reach follows from it",
  },
  iterations: {
    type: "integer",
    value: "N",
    default: defaultHyperParameters.iterationsMax,
    min: 1,
    max: 100_000,
    help: "passes over the data at the most",
  },
  ...resourceFlags,
  activate: { type: "boolean", help: "put the model in production" },
  from: {
    type: "string",
    value: "MODEL",
    help: "continue from this model, by its id or version, on the rows with a greater id than it has seen",
  },
  "new-data": { type: "boolean", help: "with --from: only the rows that came since, which is what it does" },
  repeat: {
    type: "string",
    value: "MODEL",
    help: "train this model again, by its id or version, and say whether the bytes agree; nothing is saved",
  },
} as const satisfies Flags;

export default command({
  name: "train",
  summary: "store → model",
  description:
    "Fits a logistic regression on the store's examples and registers it. The first model goes into production.",
  flags,
  examples: [
    ["clickwell train", "l2 with C = 1 on ./data"],
    [
      "clickwell train --leads leads.parquet --offers offers.parquet --clicks clicks.parquet",
      "loads the files, and trains on them meanwhile",
    ],
    [
      "clickwell train --penalty none --activate",
      "the plain maximum of the likelihood, in production at once",
    ],
    ["clickwell train --penalty l1 --C 0.01", "leaves out the columns that help little"],
    ["clickwell train --C 0.1 --test-share 0.3 --json", "a stronger penalty; the result as JSON"],
    [
      "clickwell train --hidden 32,16 --epochs 20 --patience 2",
      "a wide-and-deep model, until it gets no better",
    ],
    ["clickwell train --from 1 --new-data", "learns the rows that came since version 1 was trained"],
    ["clickwell train --repeat 1", "whether the model of version 1 can be made again, byte for byte"],
  ],
  async run({ options, terminal, signal }) {
    const files = filesByTable(options);
    const loads = Object.keys(files).length > 0;
    if (loads && (options.from !== undefined || options.repeat !== undefined)) {
      throw new Failure(
        "usage-invalid",
        "--from and --repeat train on what is in the store: load the files with clickwell ingest first",
      );
    }
    const models = { dir: options.models, registry: openRegistry(options.data) };
    // Whoever registers a model splits an older store, which nobody may have open then.
    if (options.repeat === undefined) await models.registry.upgrade();
    const store = loads
      ? openStoreToLoad(options.data, { tables: Object.keys(files) })
      : openStore(options.data, { mode: "read", isKept: true });
    try {
      const shared = {
        ...resourceOptionsOf(options),
        now: Date.now() * 1000,
        signal,
        observe: observerOf(terminal, options),
      };
      if (options.repeat !== undefined) {
        return await repeat(store, models, options.repeat, shared, terminal);
      }
      if (loads) {
        const format = textFormatOf(options);
        const spec = options.spec === undefined ? defaultSpec() : readSpec(options.spec);
        const input = { dataDir: options.data, signal };
        const { load, trained } = await withStandardInput(
          Object.values(files).flat(),
          input,
          (pathOf) =>
            loadAndTrain(store, models, {
              load: { files: resolveFiles(files, pathOf), format, signal, observe: loadObserver(terminal) },
              train: {
                ...shared,
                spec,
                hyperParameters: hyperParametersOf(options),
                activate: options.activate,
              },
            }),
        );
        for (const line of describeIngest(load)) terminal.say(line);
        say(terminal, trained, options.models);
        return { ...resultOf(trained, options.models), loaded: load.tables, examples: load.examples };
      }
      const report = options.from !== undefined
        ? await update(
          store,
          models,
          readArtifact(options.models, (await models.registry.findModel(options.from)).modelId),
          {
            ...shared,
            activate: options.activate,
          },
        )
        : await train(store, models, {
          ...shared,
          spec: options.spec === undefined ? defaultSpec() : readSpec(options.spec),
          hyperParameters: hyperParametersOf(options),
          activate: options.activate,
        });
      say(terminal, report, options.models);
      return resultOf(report, options.models);
    } finally {
      store.close();
      await models.registry.close();
    }
  },
});

function hyperParametersOf(options: Options<typeof flags>): HyperParameters {
  return {
    penalty: options.penalty,
    C: options.C,
    l1Ratio: options["l1-ratio"],
    ...solverOf(options),
    seed: options.seed,
    testShare: options["test-share"],
    negatives: options.negatives,
    classWeight: options["class-weight"],
    tolerance: options.tolerance,
    iterationsMax: options.iterations,
  };
}

/** One line per step of the fit; with --json, JSON lines on standard error. */
function observerOf(
  terminal: Terminal,
  { json, quiet, tolerance }: { json: boolean; quiet: boolean; tolerance: number },
): TrainObserver {
  if (quiet) return {};
  const startedAt = performance.now();
  let first: { at: number; gradientMax: number } | undefined;
  return {
    stage: (event) => terminal.progress(event),
    epoch: epochObserver(terminal, json),
    iteration({ iteration, objective, gradientMax, step }) {
      const at = performance.now();
      first ??= { at, gradientMax };
      const left = secondsLeft(first, { at, gradientMax }, tolerance);
      if (json) {
        const seconds = (at - startedAt) / 1000;
        return terminal.say(
          JSON.stringify({
            iteration,
            objective,
            gradient_max: gradientMax,
            step,
            seconds,
            seconds_left: left,
          }),
        );
      }
      terminal.say(
        `  pass ${String(iteration).padStart(2)}  objective ${objective.toFixed(9)}  gradient ${
          gradientMax.toExponential(1)
        }` +
          `  step ${step.toPrecision(2)}${left === null ? "" : `  about ${left.toFixed(1)} s left`}`,
      );
    },
  };
}

/** The gradient's logarithm falls about evenly: how long until it reaches the tolerance. Null while it does not fall. */
function secondsLeft(
  first: { at: number; gradientMax: number },
  now: { at: number; gradientMax: number },
  tolerance: number,
): number | null {
  if (now.gradientMax <= tolerance) return 0;
  const fallen = Math.log(first.gradientMax / now.gradientMax);
  if (!(fallen > 0)) return null;
  return ((now.at - first.at) / 1000 / fallen) * Math.log(now.gradientMax / tolerance);
}

/**
 * Trains a known model again from its own metadata, and reports whether the bytes are the same.
 *
 * @throws {Failure} `not-repeated` if they are not.
 */
async function repeat(
  store: Store,
  { dir, registry }: Models,
  idOrVersion: string,
  shared: Omit<TrainOptions, "spec" | "hyperParameters">,
  terminal: Terminal,
): Promise<Record<string, unknown>> {
  const { modelId } = await registry.findModel(idOrVersion);
  const { metadata: before } = readArtifact(dir, modelId);
  const { metadata } = await trainModel(store, {
    ...shared,
    spec: parseSpec(before.spec, `of ${modelId}`),
    // Checked when the artifact was read; a model of a later program may have settings that this one does not know.
    hyperParameters: { ...defaultHyperParameters, ...before.hyperParameters } as HyperParameters,
  });
  const repeatedId = artifactId(metadata);
  const agrees = repeatedId === modelId;
  const reasons = agrees ? [] : differences(before, metadata);
  const report = { model_id: modelId, repeated_id: repeatedId, agrees, reasons };
  if (!agrees) {
    throw new Failure(
      "not-repeated",
      `${modelId} was not repeated, the training gives ${repeatedId}: ${reasons.join("; ")}.`,
      [],
      report,
    );
  }
  terminal.say(`${modelId} was repeated: every byte agrees.`);
  return report;
}

/** Why a training that was repeated gave another model, the likely causes first. */
function differences(before: ArtifactMetadata, now: ArtifactMetadata): string[] {
  const names = Object.keys({ ...before, ...now }) as (keyof ArtifactMetadata)[];
  const differing = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  return [
    ...(now.program === before.program
      ? []
      : [`it was trained by clickwell ${before.program}, this is ${now.program}`]),
    ...(now.data.fingerprint === before.data.fingerprint
      ? []
      : ["the examples in the store are not those it was trained on"]),
    `what differs in the metadata is ${differing.join(", ")}`,
  ];
}

function say(
  terminal: Terminal,
  { model, artifact, account, active, seconds }: TrainReport,
  modelsDir: string,
): void {
  const { data, hyperParameters, metrics, solver, notes } = artifact.metadata;
  const { update } = artifact.metadata;
  const ending = convergenceWords(solver);
  const on = update
    ? `${update.rows.toLocaleString("en")} new rows, each before it was learnt`
    : data.rows.test > 0
    ? `${data.rows.test.toLocaleString("en")} held-out rows`
    : "the training rows";
  const lines = [
    `model ${model.modelId}, version ${model.version}${
      active ? ", in production" : ""
    }  (${modelsDir}/${model.modelId})`,
    `  fitted on ${data.rows.train.toLocaleString("en")} rows in ${seconds.fit.toFixed(2)} s: ` +
    `${solver.iterations} ${
      hyperParameters.optimizer === undefined ? "passes" : "epochs"
    }, largest gradient entry ${solver.gradientMax.toExponential(1)}`,
    ...(ending === undefined ? [] : [`  converged: ${ending}`]),
    `  on ${on}: log loss ${metrics.log_loss.toFixed(4)} (base rate ${metrics.base_log_loss.toFixed(4)}), ` +
    `AUC ${metrics.auc?.toFixed(4) ?? "-"}, Brier ${metrics.brier.toFixed(4)}, calibration error ${
      metrics.ece.toFixed(4)
    }`,
    ...describeRows(update ? newRows(update.rows, account) : data.rows, artifact.metadata.spec, account)
      .map((line) => `  ${line}`),
    ...notes.map((note) => `  note: ${note}`),
  ];
  if (update) {
    lines.push(
      `  it continues ${update.from}, whose log loss on the new rows is ${
        update.log_loss_unchanged.toFixed(4)
      }`,
    );
  }
  if (!active) lines.push(`  put it in production: clickwell models activate ${model.modelId}`);
  for (const line of lines) terminal.say(line);
}

/** What `--json` prints. */
export function resultOf(
  { model, artifact, account, active, seconds }: TrainReport,
  modelsDir: string,
): Record<string, unknown> {
  const { data, metrics, solver, notes, update } = artifact.metadata;
  return {
    model_id: model.modelId,
    version: model.version,
    path: `${modelsDir}/${model.modelId}`,
    active,
    rows: rowsResult(data.rows, account),
    metrics,
    solver: {
      name: solver.name,
      iterations: solver.iterations,
      gradient_max: solver.gradientMax,
      objective: solver.objective,
      ...convergenceMembers(solver),
    },
    notes,
    ...(update
      ? { update: { ...update, ...(account.known === undefined ? {} : { known: account.known }) } }
      : {}),
    seconds,
  };
}
