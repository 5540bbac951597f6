import { readArtifact } from "../pipeline/model/artifact.ts";
import { columnNames } from "../pipeline/encode/encoder.ts";
import { Failure } from "../pipeline/failure.ts";
import {
  activeModel,
  assignmentHistory,
  assignModel,
  findModel,
  listModels,
  type ModelRow,
} from "../pipeline/model/registry.ts";
import { openStore, type Store } from "../pipeline/store/store.ts";
import { command, commonFlags } from "./command.ts";
import type { Terminal } from "./terminal.ts";

type Result = Record<string, unknown>;

export default command({
  name: "models",
  summary: "list, show and activate the models",
  description:
    "list: all models. show MODEL: its metrics and strongest coefficients. activate MODEL: put it in production; " +
    "a running server follows within a second. rollback: back to the model before. history: what was in production when.",
  positionals: {
    name: "list|show|activate|rollback|history",
    help: "and, for show and activate, a model's id or version",
    min: 1,
    max: 2,
  },
  flags: {
    ...commonFlags,
    reason: { type: "string", value: "TEXT", help: "why, for the history" },
  },
  examples: [
    ["clickwell models list", "all models, the newest first"],
    ["clickwell models show 2", "the model of version 2"],
    ["clickwell models activate 2 --reason 'better calibrated'", "put it in production"],
    ["clickwell models rollback", "the model that was in production before"],
  ],
  // deno-lint-ignore require-await
  async run({ options, positionals, terminal }) {
    const [verb, model] = positionals;
    const writes = verb === "activate" || verb === "rollback";
    const store = openStore(options.data, { mode: writes ? "write" : "read" });
    try {
      switch (verb) {
        case "list":
          return list(store, terminal);
        case "show":
          return show(findModel(store, named(verb, model)), options.models, terminal);
        case "activate":
          return activate(store, findModel(store, named(verb, model)), options, terminal);
        case "rollback":
          return activate(
            store,
            previous(store),
            { ...options, reason: options.reason ?? "rollback" },
            terminal,
          );
        case "history":
          return history(store, terminal);
        default:
          throw new Failure(
            "usage-invalid",
            `clickwell models has no "${verb}", expected list, show, activate, rollback or history.`,
          );
      }
    } finally {
      store.close();
    }
  },
});

function named(verb: string, model: string | undefined): string {
  if (model !== undefined) return model;
  throw new Failure(
    "usage-invalid",
    `clickwell models ${verb} needs a model's id or version: see clickwell models list`,
  );
}

function list(store: Store, terminal: Terminal): Result {
  const active = activeModel(store)?.modelId;
  const models = listModels(store);
  if (models.length === 0) terminal.say("There are no models yet: clickwell train makes one.");
  for (const { modelId, version, createdAt, hyperParameters, metrics } of models) {
    const settings = `${hyperParameters.penalty}${
      hyperParameters.penalty === "none" ? "" : ` C=${hyperParameters.C}`
    }`;
    const quality = `log loss ${fixed(metrics.log_loss)}  AUC ${fixed(metrics.auc)}`;
    terminal.say(
      `${modelId === active ? "*" : " "} ${String(version).padStart(3)}  ${modelId}  ${instant(createdAt)}  ${
        settings.padEnd(14)
      } ${quality}`,
    );
  }
  if (active) terminal.say("* is in production");
  return { models: models.map((row) => ({ ...summary(row), active: row.modelId === active })) };
}

function show(row: ModelRow, modelsDir: string, terminal: Terminal): Result {
  const { metadata, checksum } = readArtifact(modelsDir, row.modelId);
  const { data, metrics, solver, notes, coefficients, intercept } = metadata;
  const names = columnNames(metadata.encoder);
  const strongest = names.map((name, i) => ({ name, coefficient: coefficients[i] }))
    .sort((a, b) => Math.abs(b.coefficient) - Math.abs(a.coefficient)).slice(0, 15);
  const lines = [
    `${row.modelId}, version ${row.version}, trained ${
      instant(row.createdAt)
    } by clickwell ${metadata.program}`,
    `  rows         ${data.rows.train} training, ${data.rows.test} held out`,
    `  settings     ${JSON.stringify(metadata.hyperParameters)}`,
    `  log loss     ${fixed(metrics.log_loss)} (base rate ${fixed(metrics.base_log_loss)})`,
    `  AUC          ${fixed(metrics.auc)}`,
    `  Brier score  ${fixed(metrics.brier)}`,
    `  calibration  ${fixed(metrics.ece)} expected error`,
    `  certificate  largest gradient entry ${
      solver.gradientMax.toExponential(1)
    } after ${solver.iterations} passes`,
    `  checksum     ${checksum}`,
    ...notes.map((note) => `  note         ${note}`),
    `  strongest of ${names.length} coefficients, in log-odds; the intercept is ${intercept.toFixed(4)}:`,
    ...strongest.map(({ name, coefficient }) => `    ${coefficient.toFixed(4).padStart(9)}  ${name}`),
  ];
  for (const line of lines) terminal.say(line);
  const named = Object.fromEntries(names.map((name, i) => [name, coefficients[i]]));
  return { ...summary(row), data, metrics, solver, notes, intercept, coefficients: named };
}

function activate(
  store: Store,
  { modelId }: ModelRow,
  options: { models: string; reason: string | undefined },
  terminal: Terminal,
): Result {
  // A model that cannot be loaded must not become the one that the next start needs.
  readArtifact(options.models, modelId);
  const made = assignModel(store, {
    modelId,
    assignedAt: Date.now() * 1000,
    assignedBy: "clickwell models",
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  });
  terminal.say(`${modelId}, version ${made.version}, is in production.`);
  return {
    model_id: modelId,
    version: made.version,
    assigned_at: instant(made.assignedAt),
    reason: made.reason,
  };
}

function previous(store: Store): ModelRow {
  const [current, ...before] = assignmentHistory(store);
  const earlier = before.find(({ modelId }) => modelId !== current.modelId);
  if (earlier) return findModel(store, earlier.modelId);
  throw new Failure(
    "model-unknown",
    "There is no model to go back to: the history has one model at the most. See clickwell models history.",
  );
}

function history(store: Store, terminal: Terminal): Result {
  const rows = assignmentHistory(store);
  if (rows.length === 0) terminal.say("No model was in production yet.");
  for (const { modelId, version, assignedAt, assignedBy, reason } of rows) {
    terminal.say(
      `${instant(assignedAt)}  ${modelId}  version ${version}  by ${assignedBy}${
        reason ? `: ${reason}` : ""
      }`,
    );
  }
  return {
    history: rows.map(({ modelId, version, assignedAt, assignedBy, reason }) => (
      { model_id: modelId, version, assigned_at: instant(assignedAt), assigned_by: assignedBy, reason }
    )),
  };
}

function summary({ modelId, version, createdAt, hyperParameters, metrics, checksum }: ModelRow): Result {
  return {
    model_id: modelId,
    version,
    created_at: instant(createdAt),
    hyper_parameters: hyperParameters,
    metrics,
    checksum,
  };
}

/** @param micros Microseconds since 1970-01-01T00:00:00Z. */
function instant(micros: number): string {
  return new Date(micros / 1000).toISOString();
}

function fixed(value: unknown): string {
  return typeof value === "number" ? value.toFixed(4) : "-";
}
